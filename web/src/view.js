// The picture: waveform, spectrogram, and the pitch of the recording and of the song over it.

import { betweenBands } from './features.js';

const WAVE = 0.16; // of the height
const HIGHEST = 6000; // Hz, at the top
const NOTES = ['C', 'C♯', 'D', 'E♭', 'E', 'F', 'F♯', 'G', 'A♭', 'A', 'B♭', 'B'];

export const noteName = (f0) => {
  const midi = Math.round(69 + 12 * Math.log2(f0 / 440));
  return `${NOTES[((midi % 12) + 12) % 12]}${Math.floor(midi / 12) - 1}`;
};

export class View {
  /** @param canvas to draw on */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.song = null;
    [this.start, this.span] = [0, 1]; // frames that are shown
    this.lowest = 55; // Hz, at the bottom
    this.picture = document.createElement('canvas');
    this.isStale = true;
  }

  /** @param song { nFrames, hop, fs, nMels, centres, f0, sung, voiced, levels, peaks, done } */
  show(song) {
    this.song = song;
    [this.start, this.span] = [0, Math.min(song.nFrames, Math.round((20 * song.fs) / song.hop))];
    this.lowest = 55;
    this.redraw();
  }

  /** Draw anew at the next picture of the screen; `isStale` where the spectrogram has changed too. */
  redraw(isStale = true) {
    this.isStale ||= isStale;
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (this.song) this.#draw();
    });
  }

  zoom(factor, around = this.start + this.span / 2) {
    const { nFrames } = this.song, span = Math.min(Math.max(this.span * factor, 40), Math.max(40, nFrames));
    const share = (around - this.start) / this.span;
    this.span = span;
    this.scroll(around - share * span);
  }

  scroll(start) {
    this.start = Math.min(Math.max(0, start), Math.max(0, this.song.nFrames - this.span));
    this.redraw();
  }

  /** Show the frame that is played; a page further when it leaves the picture. */
  follow(frame) {
    if (frame < this.start || frame > this.start + this.span * 0.95) this.scroll(frame - this.span * 0.1);
  }

  get rect() {
    return this.canvas.getBoundingClientRect();
  }

  frameAt(x) {
    return this.start + (x / this.rect.width) * this.span;
  }

  hertzAt(y) {
    const { height } = this.rect, share = (height - y) / (height * (1 - WAVE));
    return this.lowest * (HIGHEST / this.lowest) ** Math.min(Math.max(share, 0), 1);
  }

  isInWave(y) {
    return y < this.rect.height * WAVE;
  }

  #x(frame, width) {
    return ((frame - this.start) / this.span) * width;
  }

  #y(hertz, height) {
    return height - (Math.log(hertz / this.lowest) / Math.log(HIGHEST / this.lowest)) * height * (1 - WAVE);
  }

  #draw() {
    const { canvas, context, song } = this, { width, height } = this.rect, scale = devicePixelRatio || 1;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
      this.isStale = true;
    }
    const style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(`--${name}`).trim();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    if (this.isStale) this.#paint(Math.ceil(width), Math.ceil(height * (1 - WAVE)), colour('low'), colour('high'));
    this.isStale = false;
    context.fillStyle = colour('low');
    context.fillRect(0, 0, width, height);
    context.drawImage(this.picture, 0, height * WAVE, width, height * (1 - WAVE));
    this.#grid(width, height, colour);
    this.#wave(width, height * WAVE, colour('wave'));
    if (song.selection) {
      const [from, to] = song.selection.map((frame) => this.#x(frame, width));
      context.fillStyle = colour('select');
      context.fillRect(from, 0, Math.max(1, to - from), height);
    }
    const factor = 2 ** ((song.key ?? 0) / 12);
    this.#curve(song.f0, 1, colour('own'), 1.5, width, height);
    this.#curve(song.sung, factor, colour('low'), 6, width, height); // a rim, on dark and on light
    this.#curve(song.sung, factor, colour('sung'), 3, width, height);
    context.fillStyle = colour('head');
    context.fillRect(this.#x(song.head ?? 0, width) - 1, 0, 2, height);
  }

  /** The spectrogram of what is shown, in a canvas of its own. */
  #paint(width, height, low, high) {
    const { picture, song } = this, { nMels, levels } = song;
    [picture.width, picture.height] = [width, height];
    const context = picture.getContext('2d'), image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer), shades = palette(low, high);
    const heights = Float64Array.from({ length: height }, (_, y) => {
      return this.lowest * (HIGHEST / this.lowest) ** ((height - y - 0.5) / height);
    });
    const { left, weight } = betweenBands(song.centres, Array.from(heights));
    for (let x = 0; x < width; x++) {
      const frame = Math.floor(this.start + ((x + 0.5) / width) * this.span);
      if (frame >= song.done) continue;
      const begin = frame * nMels;
      for (let y = 0; y < height; y++) {
        const at = begin + left[y];
        pixels[y * width + x] = shades[Math.round(levels[at] + (levels[at + 1] - levels[at]) * weight[y])];
      }
    }
    context.putImageData(image, 0, 0);
  }

  #grid(width, height, colour) {
    const { context } = this;
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    for (let midi = 24; midi < 110; midi++) {
      const hertz = 440 * 2 ** ((midi - 69) / 12), y = this.#y(hertz, height);
      if (y < height * WAVE || y > height) continue;
      if (midi % 12 === 0) {
        context.fillStyle = colour('line');
        context.fillRect(0, y, width, 1);
        context.fillStyle = colour('soft');
        context.fillText(noteName(hertz), 4, y - 7);
      }
    }
    const { fs, hop } = this.song, seconds = (this.span * hop) / fs;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120].find((x) => (x / seconds) * width > 70) ?? 300;
    context.fillStyle = colour('soft');
    for (let t = Math.ceil((this.start * hop) / fs / step) * step; t < ((this.start + this.span) * hop) / fs; t += step) {
      const x = this.#x((t * fs) / hop, width), text = step < 1 ? t.toFixed(1) : String(Math.round(t));
      context.fillText(`${text} s`, x + 3, height - 8);
      context.fillRect(x, height - 6, 1, 6);
    }
  }

  #wave(width, height, colour) {
    const { context, song } = this;
    context.fillStyle = colour;
    for (let x = 0; x < width; x++) {
      const from = Math.floor(this.start + (x / width) * this.span);
      const to = Math.max(from + 1, Math.floor(this.start + ((x + 1) / width) * this.span));
      let peak = 0;
      for (let frame = from; frame < Math.min(to, song.nFrames); frame++) peak = Math.max(peak, song.peaks[frame]);
      const size = Math.max(1, peak * height * 0.94);
      context.fillRect(x, (height - size) / 2, 1, size);
    }
  }

  /** A curve, thick where it is voiced. */
  #curve(f0, factor, colour, thickness, width, height) {
    const { context, song } = this, last = Math.min(song.done, Math.ceil(this.start + this.span) + 1);
    context.strokeStyle = colour;
    context.lineJoin = 'round';
    for (const isVoiced of [0, 1]) {
      context.lineWidth = isVoiced ? thickness : thickness / 3;
      context.globalAlpha = isVoiced ? 1 : 0.45;
      context.beginPath();
      let isDown = false;
      for (let frame = Math.max(0, Math.floor(this.start)); frame < last; frame++) {
        const x = this.#x(frame, width), y = this.#y(f0[frame] * factor, height);
        if (isDown) context.lineTo(x, y);
        isDown = song.voiced[frame] === isVoiced;
        context.moveTo(x, y);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

/** 256 colours from one to another, as pixels. */
function palette(low, high) {
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [from, to] = [parts(low), parts(high)];
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const share = (level / 255) ** 1.3, [r, g, b] = from.map((x, i) => Math.round(x + (to[i] - x) * share));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}
