// What the visitor has changed, and the way back.

const MOST = 200; // steps kept

/** Changes of the curve and of the knobs, each undone and done again as one step. */
export class Edits {
  /** @param apply (change, direction) => void, called with 'before' or 'after' to put a change's values in place */
  constructor(apply) {
    this.apply = apply;
    this.clear();
  }

  clear() {
    [this.past, this.future] = [[], []];
  }

  get canUndo() {
    return this.past.length > 0;
  }

  get canRedo() {
    return this.future.length > 0;
  }

  /**
   * Remember a change that has been made: { kind: 'curve', from, before, after } with Float32Arrays, or
   * { kind: 'knob', name, before, after }. One knob moved several times within `merge` ms is one step.
   */
  add(change, when = Date.now(), merge = 800) {
    const last = this.past.at(-1);
    this.future = [];
    if (last && change.kind === 'knob' && last.kind === 'knob' && last.name === change.name && when - last.when < merge) {
      Object.assign(last, { after: change.after, when });
      return;
    }
    this.past.push({ ...change, when });
    if (this.past.length > MOST) this.past.shift();
  }

  undo() {
    const change = this.past.pop();
    if (!change) return null;
    this.future.push(change);
    this.apply(change, 'before');
    return change;
  }

  redo() {
    const change = this.future.pop();
    if (!change) return null;
    this.past.push({ ...change, when: 0 });
    this.apply(change, 'after');
    return change;
  }
}

/** A line from one point (frame, Hz) to another in log F0: [first frame, Float32Array of Hz]. */
export function line([x0, f0], [x1, f1]) {
  if (x1 < x0) return line([x1, f1], [x0, f0]);
  const first = Math.round(x0), last = Math.round(x1), values = new Float32Array(last - first + 1);
  for (let i = 0; i < values.length; i++) {
    const share = x1 > x0 ? Math.min(Math.max((first + i - x0) / (x1 - x0), 0), 1) : 1;
    values[i] = f0 * (f1 / f0) ** share;
  }
  return [first, values];
}
