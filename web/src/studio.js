// The song being worked on: what the worker has heard of it, what was changed, whether it plays.

import { decode, Output } from './audio.js';
import { Edits, line } from './edits.js';
import { bandCentres } from './features.js';
import { NEUTRAL } from './take.js';
import { wavHeader } from './wav.js';

export class Studio extends EventTarget {
  constructor() {
    super();
    this.engine = new Worker(new URL('./engine.js', import.meta.url), { type: 'module' });
    this.engine.onmessage = ({ data }) => this[`on_${data.type}`]?.(data);
    this.engine.onerror = (event) => {
      this.#tell('problem', { text: `this browser cannot start the worker: ${event.message ?? 'it has no modules there'}` });
    };
    this.output = new Output();
    this.edits = new Edits((change, which) => this.#apply(change, which));
    this.knobs = { ...NEUTRAL };
    this.song = this.singer = this.playing = null;
    this.run = 0;
    this.speed = {};
  }

  #tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // --- orders to the worker

  open(folder, singer) {
    const { tracker, mels } = folder;
    this.engine.postMessage({ type: 'open', tracker, mels, singer });
  }

  changeSinger(singer) {
    this.stop();
    this.engine.postMessage({ type: 'singer', singer });
  }

  /** Take a recording; `sung` and `knobs` are what was made of it before. */
  async load(blob, name, { sung = null, knobs = NEUTRAL } = {}) {
    const begin = performance.now(), { fs } = this.singer.card.spec;
    const wav = await decode(blob, name, fs);
    this.stop();
    const { hop_length: hop, n_mels: nMels } = this.singer.card.spec;
    const nFrames = Math.max(1, Math.floor(wav.length / hop)), peaks = new Float32Array(nFrames);
    for (let i = 0; i < nFrames * hop && i < wav.length; i++) {
      const frame = Math.floor(i / hop);
      peaks[frame] = Math.max(peaks[frame], Math.abs(wav[i]));
    }
    const song = {
      name, blob, fs, hop, nMels, nFrames, peaks, centres: bandCentres(this.singer.card.spec), seconds: wav.length / fs,
      f0: new Float32Array(nFrames), sung: new Float32Array(nFrames), voiced: new Uint8Array(nFrames),
      levels: new Uint8Array(nFrames * nMels), done: 0, head: 0, selection: null, key: 0, begin, restored: sung,
    };
    this.song = song;
    this.edits.clear();
    this.setKnobs({ ...NEUTRAL, ...knobs });
    this.engine.postMessage({ type: 'recording', wav }, [wav.buffer]);
    this.#tell('song');
  }

  forget() {
    this.stop();
    this.song = null;
    this.edits.clear();
    this.engine.postMessage({ type: 'forget' });
    this.#tell('song');
  }

  async play({ original = false, from = this.song.head } = {}) {
    const port = await this.output.start(this.song.fs);
    if (port) {
      this.engine.postMessage({ type: 'player', port }, [port]);
      this.output.port = null;
    }
    if (from >= this.song.nFrames - 4) from = 0;
    this.song.head = from;
    this.run++;
    this.playing = { original, run: this.run };
    this.engine.postMessage({ type: 'play', from, run: this.run, original });
    this.#tell('playing');
  }

  stop() {
    if (this.playing) this.engine.postMessage({ type: 'stop' });
    this.playing = null;
    this.#tell('playing');
  }

  seek(frame) {
    this.song.head = Math.min(Math.max(0, frame), this.song.nFrames - 1);
    if (this.playing) this.play(this.playing);
    else this.#tell('head');
  }

  write() {
    this.file = [];
    this.engine.postMessage({ type: 'write' });
    this.#tell('writing', { share: 0 });
  }

  /** Write no more of it. */
  leave() {
    this.file = null;
    this.engine.postMessage({ type: 'leave' });
  }

  // --- changes

  setKnobs(knobs) {
    this.knobs = { ...this.knobs, ...knobs };
    if (this.song) this.song.key = this.knobs.key;
    this.engine.postMessage({ type: 'knobs', knobs: this.knobs, at: performance.timeOrigin + performance.now() });
    this.#tell('knobs');
  }

  moveKnob(name, before, after) {
    this.edits.add({ kind: 'knob', name, before, after });
    this.setKnobs({ [name]: after });
    this.#tell('edited');
  }

  /** Hz that are sung at a height of the picture, where the key is. */
  #unshifted(hertz) {
    return hertz / 2 ** (this.knobs.key / 12);
  }

  /** Draw the curve from one point (frame, Hz) to another; strokeEnds() makes it one step. */
  stroke(a, b) {
    const { song } = this;
    this.before ??= { sung: song.sung.slice(), from: Infinity, to: 0 };
    const [first, values] = line([a[0], this.#unshifted(a[1])], [b[0], this.#unshifted(b[1])]);
    const from = Math.max(0, first), to = Math.min(song.done, first + values.length);
    if (to <= from) return;
    song.sung.set(values.subarray(from - first, to - first), from);
    Object.assign(this.before, { from: Math.min(this.before.from, from), to: Math.max(this.before.to, to) });
    this.#sendCurve(from, to);
  }

  strokeEnds() {
    const { before } = this;
    this.before = null;
    if (!before || before.to <= before.from) return;
    const { from, to } = before;
    this.edits.add({ kind: 'curve', from, before: before.sung.slice(from, to), after: this.song.sung.slice(from, to) });
    this.#tell('edited');
  }

  /** Change the curve of the selection, or of all, by a function of (Hz, frame). */
  change(by) {
    const { song } = this, [from, to] = song.selection ?? [0, song.done], { f0_floor: low } = this.singer.card.spec;
    const last = Math.min(to, song.done), before = song.sung.slice(from, last);
    const after = before.map((hertz, i) => Math.min(Math.max(by(hertz, from + i), low / 2), song.fs / 4));
    if (before.every((hertz, i) => hertz === after[i])) return;
    song.sung.set(after, from);
    this.edits.add({ kind: 'curve', from, before, after });
    this.#sendCurve(from, last);
    this.#tell('edited');
  }

  #apply(change, which) {
    if (change.kind === 'knob') {
      this.setKnobs({ [change.name]: change[which] });
    } else {
      this.song.sung.set(change[which], change.from);
      this.#sendCurve(change.from, change.from + change[which].length);
    }
    this.#tell('edited');
  }

  #sendCurve(from, to) {
    this.engine.postMessage({ type: 'curve', from, f0: this.song.sung.slice(from, to) });
    this.#tell('curve');
  }

  // --- what the worker says

  on_singer({ name, card, knobs }) {
    this.singer = { name, card, knobs };
    this.#tell('singer');
  }

  on_heard({ from, to, f0, voiced, first, levels, isDone, speed }) {
    const { song } = this;
    if (!song) return;
    song.f0.set(f0, from);
    song.sung.set(f0, from);
    song.voiced.set(voiced, from);
    song.levels.set(levels, first * song.nMels);
    song.done = to;
    Object.assign(this.speed, speed);
    if (isDone && song.restored?.length === song.nFrames) {
      song.sung.set(song.restored);
      this.#sendCurve(0, song.nFrames);
    }
    this.#tell('heard', { isDone, share: to / song.nFrames });
  }

  on_position({ run, frame, ahead, dry, last }) {
    if (!this.playing || run !== this.playing.run) return;
    this.song.head = Math.min(frame, this.song.nFrames);
    Object.assign(this.speed, { dry, ahead: ahead / this.song.fs });
    if (last) {
      this.song.head = 0;
      this.playing = null;
      this.#tell('ended');
    } else {
      this.speed.first ??= (performance.now() - this.song.begin) / 1000;
    }
    this.#tell('head');
  }

  on_speed({ vocoder }) {
    this.speed.vocoder = vocoder;
    this.#tell('speed');
  }

  on_reaction({ seconds }) {
    this.speed.reaction = seconds + this.output.latency;
    this.#tell('speed');
  }

  on_written({ part, isLast, share, nSamples, fs, vocoder }) {
    if (!this.file) return;
    this.file.push(part);
    this.speed.vocoder = vocoder;
    const file = isLast ? new Blob([wavHeader(nSamples, fs), ...this.file], { type: 'audio/wav' }) : null;
    this.#tell('writing', { share, file });
    this.#tell('speed');
  }

  on_problem({ text }) {
    this.playing = null;
    this.#tell('problem', { text });
    this.#tell('playing');
  }
}
