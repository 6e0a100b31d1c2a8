// Frames of samples for the mel graph, and curves of F0.

/** Where frame `position` (in hops, any fraction) of a spec begins: the first of its win_length samples. */
export function frameStart(spec, position) {
  return Math.round(position * spec.hop_length) - (spec.n_fft >> 1) + ((spec.n_fft - spec.win_length) >> 1);
}

/** The sample at any place of a signal that is mirrored at its ends, and zero where there is nothing to mirror. */
function mirrored(wav, length, place) {
  const index = place < 0 ? -place : place >= length ? 2 * (length - 1) - place : place;
  return index >= 0 && index < length ? wav[index] : 0;
}

/**
 * Frames around given positions, one after the other.
 * @param wav Float32Array
 * @param spec with n_fft, win_length, hop_length
 * @param positions array, in hops
 * @returns Float32Array (positions * win_length)
 */
export function cutFrames(wav, spec, positions) {
  const size = spec.win_length, frames = new Float32Array(positions.length * size);
  for (let i = 0; i < positions.length; i++) {
    const start = frameStart(spec, positions[i]);
    if (start >= 0 && start + size <= wav.length) {
      frames.set(wav.subarray(start, start + size), i * size);
      continue;
    }
    for (let j = 0; j < size; j++) frames[i * size + j] = mirrored(wav, wav.length, start + j);
  }
  return frames;
}

/** A curve of Hz, one value a frame, at any positions, linear in log F0; the ends are held. */
export function curveAt(f0, positions) {
  return Float32Array.from(positions, (position) => {
    const place = Math.min(Math.max(position, 0), f0.length - 1), left = Math.floor(place), weight = place - left;
    if (weight === 0) return f0[left];
    return Math.exp((1 - weight) * Math.log(f0[left]) + weight * Math.log(f0[left + 1]));
  });
}

/** Slaney's or HTK's mel scale: n frequencies evenly spaced on it from fmin to fmax, Hz. */
export function melFrequencies(n, fmin, fmax, scale) {
  const step = Math.log(6.4) / 27;
  const toMel = (f) => scale === 'htk' ? 2595 * Math.log10(1 + f / 700)
    : f < 1000 ? f * 3 / 200 : 15 + Math.log(f / 1000) / step;
  const toHz = (mel) => scale === 'htk' ? 700 * (10 ** (mel / 2595) - 1)
    : mel < 15 ? mel * 200 / 3 : 1000 * Math.exp(step * (mel - 15));
  const low = toMel(fmin), high = toMel(fmax);
  return Float64Array.from({ length: n }, (_, i) => toHz(low + (high - low) * i / (n - 1)));
}

/** Centres of a spec's bands, Hz. */
export function bandCentres(spec) {
  return melFrequencies(spec.n_mels + 2, spec.fmin, spec.fmax, spec.mel_scale).subarray(1, spec.n_mels + 1);
}

/**
 * For each of `frequencies`, the band below it and how far it is on to the next, beyond the outermost ones held.
 * @returns { left: Int32Array, weight: Float32Array }
 */
export function betweenBands(centres, frequencies) {
  const left = new Int32Array(frequencies.length), weight = new Float32Array(frequencies.length);
  const last = centres.length - 1;
  let band = 0;
  frequencies.forEach((frequency, i) => {
    if (band > 0 && frequency < centres[band]) band = 0;
    while (band < last - 1 && centres[band + 1] <= frequency) band++;
    left[i] = band;
    weight[i] = Math.min(Math.max((frequency - centres[band]) / (centres[band + 1] - centres[band]), 0), 1);
  });
  return { left, weight };
}

/** The envelope stretched over frequency, in place of the mel's own: what was at f is then at `scale * f`. */
export function shiftFormants(mel, centres, scale) {
  const n = centres.length, { left, weight } = betweenBands(centres, Array.from(centres, (f) => f / scale));
  const shifted = new Float32Array(mel.length);
  for (let begin = 0; begin < mel.length; begin += n) {
    for (let i = 0; i < n; i++) {
      const low = mel[begin + left[i]];
      shifted[begin + i] = low + (mel[begin + left[i] + 1] - low) * weight[i];
    }
  }
  return shifted;
}
