// Samples on their way from the worker that makes them to the audio thread that plays them.

/** A ring of samples addressed by their place in the whole signal; what is ahead can be replaced. */
export class Ring {
  constructor(size) {
    this.samples = new Float32Array(size);
    this.clear(0);
  }

  /** Forget everything; the next sample to play is number `place`. */
  clear(place) {
    this.read = place; // the next to play
    this.end = place; // one after the last that is there
  }

  get ahead() {
    return this.end - this.read;
  }

  /**
   * Put samples at a place at or before the end: what was there from that place on is gone.
   * What would lie before the next sample to play is left out, what does not fit is refused.
   * @returns whether all of them fit
   */
  put(place, samples) {
    if (place > this.end) throw new RangeError(`samples at ${place} leave a gap after ${this.end}`);
    const late = Math.min(Math.max(this.read - place, 0), samples.length);
    const from = place + late, size = samples.length - late;
    if (from + size - this.read > this.samples.length) return false;
    const begin = from % this.samples.length, first = Math.min(size, this.samples.length - begin);
    this.samples.set(samples.subarray(late, late + first), begin);
    this.samples.set(samples.subarray(late + first), 0);
    // All too late: what is there goes on.
    this.end = size > 0 || place + samples.length === this.read ? Math.max(this.read, from + size) : this.end;
    return true;
  }

  /** Fill `target` with the next samples, silence where there are none; returns how many there were. */
  take(target) {
    const n = Math.min(target.length, this.ahead), begin = this.read % this.samples.length;
    const first = Math.min(n, this.samples.length - begin);
    target.set(this.samples.subarray(begin, begin + first));
    target.set(this.samples.subarray(0, n - first), first);
    target.fill(0, n);
    this.read += n;
    return n;
  }
}
