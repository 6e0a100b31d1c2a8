// F0 of a recording: SwiftF0 every 16 ms, read at the frames and moved to the instantaneous frequency nearby.
//
// Sources: L. Nieradzik, "SwiftF0: Fast and accurate monophonic pitch detection", 2025, whose file this runs;
// J. L. Flanagan and R. M. Golden, "Phase vocoder", 1966, for instantaneous frequency, taken at the harmonics and
// weighted by them as in M. Morise's StoneMask.

import { Resampler } from './resample.js';

export const RATE = 16000; // Hz
const HOP = 256;
const BEFORE = 12, AFTER = 11; // frames that the network looks at around each, and one more
const LOWEST = 46.875, HIGHEST = 2093.75; // Hz, its range
const SILENT = 1e-3; // a frame whose peak is lower has no pitch
const SURE = 0.1; // how sure it must be of a pitch for it to count as found
const VOICED = 0.5;
const TURN = 30; // cents: farther away is another harmonic
const GLIDE = 0.1; // octaves: two points farther apart have no middle

/** Grows with the recording as its pieces are heard; `f0` (Hz) and `voiced` have one value a frame. */
export class PitchTrack {
  /**
   * @param detect async (audio Float32Array at 16 kHz, low, high) => { pitch, confidence }, one value every 256 samples
   * @param spec of the frames
   * @param wav the recording, at spec.fs
   */
  constructor(detect, spec, wav) {
    Object.assign(this, { detect, spec, wav });
    this.resampler = spec.fs === RATE ? null : new Resampler(spec.fs, RATE);
    this.nFrames = Math.max(1, Math.floor(wav.length / spec.hop_length));
    this.nSamples = Math.ceil(wav.length * RATE / spec.fs);
    this.nPoints = Math.max(1, Math.ceil(this.nSamples / HOP));
    this.pitch = new Float64Array(this.nPoints); // 0 where there is none
    this.confidence = new Float32Array(this.nPoints);
    this.heard = 0; // points
    this.f0 = new Float32Array(this.nFrames).fill(Math.sqrt(spec.f0_floor * spec.f0_ceil));
    this.voiced = new Uint8Array(this.nFrames);
    this.done = 0; // frames
    this.known = -1; // the last frame with a pitch of its own
  }

  get isDone() {
    return this.done === this.nFrames;
  }

  /** Hear some seconds more; returns the frames [from, to) whose F0 may have changed. */
  async advance(seconds) {
    const from = this.heard, to = Math.min(this.nPoints, from + Math.max(1, Math.round(seconds * RATE / HOP)));
    const begin = Math.max(0, from - BEFORE) * HOP, end = Math.min(this.nSamples, (to + AFTER) * HOP);
    const audio = this.resampler ? this.resampler.piece(this.wav, begin, end) : this.wav.slice(begin, end);
    const { f0_floor: low, f0_ceil: high } = this.spec;
    const found = await this.detect(audio, Math.max(LOWEST, low), Math.min(HIGHEST, high));
    for (let point = from; point < to; point++) {
      const i = point - begin / HOP;
      let peak = 0;
      for (let j = i * HOP; j < Math.min(audio.length, (i + 1) * HOP); j++) peak = Math.max(peak, Math.abs(audio[j]));
      const sure = i < found.pitch.length && peak >= SILENT && found.confidence[i] >= SURE;
      this.pitch[point] = sure ? found.pitch[i] : 0;
      this.confidence[point] = sure ? found.confidence[i] : 0;
    }
    this.heard = to;
    return this.#frames(audio, begin, to === this.nPoints);
  }

  /** F0 of the frames that have been heard by now. */
  #frames(audio, begin, isLast) {
    const { hop_length: hop, fs, first_centre: first = 0 } = this.spec, step = (HOP * fs) / RATE;
    const start = this.done;
    const stop = isLast ? this.nFrames : Math.min(this.nFrames, Math.floor(((this.heard - 1) * step - first) / hop) + 1);
    let changed = start;
    for (let frame = start; frame < stop; frame++) {
      const place = Math.min((frame * hop + first) / step, this.heard - 1);
      const own = this.#at(place);
      if (own === 0) continue;
      this.voiced[frame] = this.confidence[Math.round(place)] >= VOICED ? 1 : 0;
      const f0 = refined(audio, place * HOP - begin, own, this.spec);
      changed = Math.min(changed, this.#fill(frame, f0));
    }
    // What comes after the last pitch is held until there is another.
    for (let frame = Math.max(this.known + 1, start); frame < this.nFrames && this.known >= 0; frame++) {
      if (frame >= stop && this.f0[frame] === this.f0[this.known]) break;
      this.f0[frame] = this.f0[this.known];
    }
    this.done = Math.max(start, stop);
    return [changed, this.done];
  }

  /** Pitch at a place of the network's grid, 0 where the nearest point has none. */
  #at(place) {
    const near = this.pitch[Math.round(place)];
    const left = Math.floor(place), right = Math.min(left + 1, this.heard - 1);
    const [a, b] = [this.pitch[left], this.pitch[right]];
    if (near === 0 || a === 0 || b === 0) return near;
    const middle = Math.exp(Math.log(a) + (place - left) * Math.log(b / a));
    return Math.abs(Math.log2(middle / near)) > GLIDE ? near : middle;
  }

  /** Give a frame its pitch, and those before it without one what lies between; returns the first changed. */
  #fill(frame, f0) {
    const from = this.known, first = from + 1, start = from < 0 ? f0 : this.f0[from];
    for (let between = first; between < frame; between++) {
      const share = from < 0 ? 1 : (between - from) / (frame - from);
      this.f0[between] = Math.exp(Math.log(start) + share * Math.log(f0 / start));
    }
    this.f0[frame] = f0;
    this.known = frame;
    return first;
  }
}

/** F0 near a guess at a (fractional) sample of a signal at 16 kHz, Hz; the guess, where that is another harmonic. */
export function refined(audio, centre, guess, spec) {
  let f0 = guess;
  for (const harmonics of [2, 6]) {
    const better = atHarmonics(audio, centre, f0, harmonics);
    if (!(Math.abs(Math.log2(better / guess)) < TURN / 1200)) break;
    f0 = better;
  }
  return Math.min(Math.max(f0, spec.f0_floor), spec.f0_ceil);
}

/** Mean of the instantaneous frequencies at harmonics of f0, each as a multiple, weighted by amplitude. */
function atHarmonics(audio, centre, f0, harmonics) {
  const reach = (1.5 * RATE) / f0; // samples: a window of three periods
  const from = Math.max(0, Math.ceil(centre - reach)), to = Math.min(audio.length - 1, Math.floor(centre + reach));
  let above = 0, below = 0;
  for (let k = 1; k <= harmonics && k * f0 < RATE / 2.2; k++) {
    const omega = (2 * Math.PI * k * f0) / RATE;
    const turnReal = Math.cos(omega), turnImag = -Math.sin(omega);
    let real = Math.cos(omega * (from - centre)), imag = -Math.sin(omega * (from - centre));
    let xr = 0, xi = 0, dr = 0, di = 0;
    for (let n = from; n <= to; n++) {
      // A Blackman window and its derivative.
      const angle = (Math.PI * (n - centre)) / reach, slope = Math.PI / reach;
      const cosine = Math.cos(angle), sine = Math.sin(angle);
      const window = 0.42 + 0.5 * cosine + 0.08 * (2 * cosine * cosine - 1);
      const derivative = -slope * (0.5 * sine + 0.32 * sine * cosine);
      const x = audio[n] * window, d = audio[n] * derivative;
      xr += x * real; xi += x * imag;
      dr += d * real; di += d * imag;
      const next = real * turnReal - imag * turnImag;
      imag = real * turnImag + imag * turnReal;
      real = next;
    }
    const power = xr * xr + xi * xi;
    if (power <= 1e-20) continue;
    const instantaneous = omega - (di * xr - dr * xi) / power;
    const amplitude = Math.sqrt(power);
    above += (amplitude * instantaneous * RATE) / (2 * Math.PI);
    below += amplitude * k;
  }
  return below > 0 ? above / below : f0;
}
