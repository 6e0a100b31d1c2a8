// WAV files of 16 bits, written piece by piece.

/** Header of a file of one channel. */
export function wavHeader(nSamples, fs) {
  const view = new DataView(new ArrayBuffer(44)), size = 2 * nSamples;
  const word = (place, letters) => [...letters].forEach((letter, i) => view.setUint8(place + i, letter.charCodeAt(0)));
  word(0, 'RIFF');
  view.setUint32(4, 36 + size, true);
  word(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, fs, true);
  view.setUint32(28, 2 * fs, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, 'data');
  view.setUint32(40, size, true);
  return view.buffer;
}

/** Samples in [-1, 1] as little-endian bytes. */
export function pcm16(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((x, i) => view.setInt16(2 * i, Math.min(Math.max(Math.round(x * 32767), -32768), 32767), true));
  return view.buffer;
}
