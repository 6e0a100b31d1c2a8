// A signal at a lower rate: a windowed sinc, cut for each phase of the ratio.

const HALF_WIDTH = 24; // zero crossings of the sinc on each side
const CUTOFF = 0.94; // of the lower Nyquist frequency
const KAISER = 9;

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** Resamples pieces of signals from one rate to another, both whole numbers of Hz. */
export class Resampler {
  constructor(from, to) {
    const common = gcd(from, to);
    [this.down, this.up] = [from / common, to / common];
    const cut = CUTOFF * Math.min(1, to / from), reach = Math.ceil(HALF_WIDTH / cut);
    this.reach = reach;
    this.size = 2 * reach;
    this.taps = Array.from({ length: this.up }, (_, phase) => {
      const taps = new Float64Array(this.size);
      let sum = 0;
      for (let k = 0; k < this.size; k++) {
        const x = k - reach + 1 - phase / this.up, inside = x / reach;
        if (Math.abs(inside) >= 1) continue;
        const sinc = x === 0 ? cut : Math.sin(Math.PI * cut * x) / (Math.PI * x);
        taps[k] = sinc * bessel(KAISER * Math.sqrt(1 - inside * inside));
        sum += taps[k];
      }
      return taps.map((tap) => tap / sum);
    });
  }

  /** Samples `begin` to `end` of the resampled signal; beyond its ends the given one is silent. */
  piece(wav, begin, end) {
    const out = new Float32Array(end - begin);
    for (let i = begin; i < end; i++) {
      const place = i * this.down, index = Math.floor(place / this.up), taps = this.taps[place % this.up];
      const start = index - this.reach + 1;
      const from = Math.max(0, -start), to = Math.min(this.size, wav.length - start);
      let sum = 0;
      for (let k = from; k < to; k++) sum += taps[k] * wav[start + k];
      out[i - begin] = sum;
    }
    return out;
  }
}
