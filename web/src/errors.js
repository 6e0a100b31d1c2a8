// What is wrong with what the visitor gave, in one sentence.

export class UserError extends Error {}
