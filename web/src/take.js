// One performance of a recording by a singer: block after block, from any moment, at any speed.

import { bandCentres, curveAt, cutFrames, shiftFormants } from './features.js';

/** What a visitor can change, at its neutral value. */
export const NEUTRAL = {
  key: 0, // semitones, of F0
  gender: 0, // semitones, of the formants
  breathiness: 0, // dB, of the noise
  voicing: 0, // dB, of the harmonics
  tension: 0, // dB an octave, of the harmonics
  loudness: 0, // dB
  speed: 1,
};
const BEFORE = 48; // frames sung before the first one that is heard, for the filters to settle

export class Take {
  /**
   * @param singer of runtime.js
   * @param source { wav, f0, sung, nFrames }: samples, F0 of the recording and of the song, Hz, and its length
   * @param knobs () => what is wanted now, as NEUTRAL
   * @param from frame to begin with
   */
  constructor(singer, source, knobs, from = 0) {
    Object.assign(this, { singer, source, knobs, centres: bandCentres(singer.spec) });
    this.stream = singer.stream();
    this.hop = singer.spec.hop_length;
    const { speed } = knobs(), begin = Math.max(0, Math.floor(from - BEFORE * speed));
    this.position = begin; // in the recording, of the next frame
    this.drop = Math.round((from - begin) / speed) * this.hop; // samples of the run-up, not heard
    this.taken = 0; // frames
    this.isOver = false;
    this.checkpoints = [];
    this.times = { mel: 0, vocoder: 0, samples: 0 };
  }

  /** Place in the output of the next sample. */
  get place() {
    return Math.max(0, this.stream.sent - this.drop);
  }

  /** The recording's last frame that the next `n` frames need. */
  reach(n) {
    return Math.min(this.source.nFrames - 1, Math.ceil(this.position + n * this.knobs().speed));
  }

  /** Go back to the earliest block that begins at `place` or later, to sing it anew; false if there is none. */
  rewind(place) {
    const found = this.checkpoints.findIndex((checkpoint) => checkpoint.place >= place);
    if (found < 0) return false;
    const { stream, position, taken } = this.checkpoints[found];
    this.stream.restore(stream);
    Object.assign(this, { position, taken, isOver: false });
    this.checkpoints.length = found;
    return true;
  }

  /** Forget blocks that begin before `place`. */
  forget(place) {
    while (this.checkpoints.length && this.checkpoints[0].place < place) this.checkpoints.shift();
  }

  /**
   * Sing about n frames more, a multiple of the stride.
   * @returns { place, samples, isLast, at, speed }: samples from a place of the output on, and where in the
   *   recording (frames) they are from
   */
  async next(n) {
    const { place, position, taken, stream, source } = this, knobs = this.knobs(), { speed } = knobs;
    this.checkpoints.push({ place, position, taken, stream: stream.snapshot() });
    const left = Math.ceil((source.nFrames - position) / speed - 1e-9), isLast = left <= n;
    const real = Math.max(0, Math.min(n, left)), end = taken + real;
    const size = isLast ? stream.heldAfter(end) + end - stream.nFrames : n;
    // After the end its last frame is held.
    const positions = Float64Array.from({ length: size }, (_, i) => position + Math.min(i, real - 1) * speed);
    const frames = await this.#frames(positions, knobs);
    const begin = performance.now(), before = stream.sent;
    let samples = await stream.push(frames, isLast ? end : null);
    this.times.vocoder += performance.now() - begin;
    this.times.samples += size * this.hop;
    if (isLast) samples = samples.subarray(0, Math.max(0, end * this.hop - Math.max(before, 0)));
    samples = samples.slice(Math.min(samples.length, Math.max(0, this.drop - Math.max(before, 0))));
    this.position = position + real * speed;
    this.taken = end;
    this.isOver = isLast;
    return { place, samples, isLast, at: (place + this.drop - taken * this.hop) / this.hop * speed + position, speed };
  }

  async #frames(positions, knobs) {
    const { singer, source } = this, n = positions.length, begin = performance.now();
    let mel = await singer.logMel(cutFrames(source.wav, singer.spec, positions));
    this.times.mel += performance.now() - begin;
    const melF0 = curveAt(source.f0, positions), f0 = curveAt(source.sung, positions);
    const shift = Math.fround(2 ** (knobs.key / 12)); // as Python has it, whose F0 is float32
    const frames = { mel, f0: f0.map((x) => Math.min(x * shift, singer.spec.fs / 4)) };
    let factor = 1;
    for (const [name, value] of Object.entries(knobs)) {
      if (value === NEUTRAL[name] || name === 'key' || name === 'speed') continue;
      if (singer.knobs.includes(name)) frames[name] = new Float32Array(n).fill(value);
      else if (name === 'gender') factor = 2 ** (value / 12);
    }
    if (factor !== 1) frames.mel = shiftFormants(mel, this.centres, factor);
    // Formants that are moved take the harmonics in the mel along.
    if (singer.takesMelF0) frames.mel_f0 = melF0.map((x) => x * factor);
    return frames;
  }
}
