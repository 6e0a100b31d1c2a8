// Words and buttons of the page.

import { UserError } from './errors.js';

export const $ = (id) => document.getElementById(id);

export const isPressed = (id) => $(id).getAttribute('aria-pressed') === 'true';
export const press = (id, to = !isPressed(id)) => $(id).setAttribute('aria-pressed', String(to));

export function status(text) {
  $('status').textContent = text;
}

export function problem(text) {
  $('problem').hidden = !text;
  $('problem').textContent = text ?? '';
}

/** Do something that may fail for reasons the visitor can read. */
export async function attempt(work) {
  problem(null);
  try {
    await work();
  } catch (error) {
    problem(error instanceof UserError ? error.message : `something went wrong here: ${error.message}`);
  }
}
