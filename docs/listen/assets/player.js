"use strict";
// Plays one of several recordings of one length, and changes from one to another at the very sample, with a short
// cross-fade, so that nothing but the difference is heard.

const FADE = 0.008; // seconds
const AHEAD = 0.02; // seconds from deciding to sounding

class Player {
  constructor(sampleRate) {
    this.context = new AudioContext({ sampleRate });
    this.output = this.context.createGain();
    this.output.connect(this.context.destination);
    this.onchange = () => {};
    this.reset();
  }

  // Forget all recordings.
  reset() {
    this.pause();
    this.buffers = new Map();
    this.selected = null;
    this.position = 0;
    this.loop = null;
  }

  decode(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return this.context.decodeAudioData(bytes.buffer);
  }

  add(name, buffer) {
    this.buffers.set(name, buffer);
    if (this.selected === name && this.playing && !this.voice) this.start(this.position);
  }

  get duration() {
    return Math.max(0, ...[...this.buffers.values()].map((buffer) => buffer.duration));
  }

  get position() {
    return this.playing ? this.positionAt(this.context.currentTime) : this.rest;
  }

  set position(seconds) {
    this.rest = seconds;
    this.startedAt = this.context.currentTime;
  }

  // Where in the recording the clock of the audio hardware will be at `time`.
  positionAt(time) {
    const position = this.rest + Math.max(0, time - this.startedAt);
    if (!this.loop || position < this.loop.end) return position;
    return this.loop.start + ((position - this.loop.start) % (this.loop.end - this.loop.start));
  }

  select(name) {
    if (name === this.selected) return;
    this.selected = name;
    if (this.playing) this.start(this.positionAt(this.context.currentTime + AHEAD));
    this.onchange();
  }

  play() {
    if (this.playing) return;
    this.context.resume();
    if (this.rest >= this.duration - 0.01) this.rest = this.loop ? this.loop.start : 0;
    this.playing = true;
    this.start(this.rest);
    this.onchange();
  }

  pause() {
    if (!this.playing) return;
    const position = this.position;
    this.playing = false;
    this.fadeOut(this.context.currentTime);
    this.position = position;
    this.onchange();
  }

  seek(seconds) {
    const position = Math.min(Math.max(seconds, 0), this.duration);
    if (this.loop && (position < this.loop.start || position > this.loop.end)) this.loop = null;
    if (this.playing) this.start(position);
    else this.position = position;
    this.onchange();
  }

  setLoop(start, end) {
    this.loop = { start, end };
    if (this.playing) this.start(start);
    else this.position = start;
    this.onchange();
  }

  clearLoop() {
    const position = this.position;
    this.loop = null;
    if (this.playing) this.start(position);
    this.onchange();
  }

  // Sound the selected recording from `position` on, in place of what sounds now.
  start(position) {
    const when = this.context.currentTime + AHEAD;
    this.fadeOut(when);
    this.rest = position;
    this.startedAt = when;
    const buffer = this.buffers.get(this.selected);
    if (!buffer) return; // it starts when it has come
    const source = this.context.createBufferSource();
    const gain = this.context.createGain();
    source.buffer = buffer;
    if (this.loop) Object.assign(source, { loop: true, loopStart: this.loop.start, loopEnd: this.loop.end });
    gain.gain.setValueAtTime(0, when);
    gain.gain.linearRampToValueAtTime(1, when + FADE);
    source.connect(gain).connect(this.output);
    source.start(when, Math.min(position, buffer.duration));
    const voice = { source, gain };
    source.onended = () => {
      if (this.voice !== voice) return;
      this.voice = null;
      this.playing = false;
      this.position = 0;
      this.onchange();
    };
    this.voice = voice;
  }

  fadeOut(when) {
    if (!this.voice) return;
    const { source, gain } = this.voice;
    this.voice = null;
    gain.gain.cancelScheduledValues(when);
    gain.gain.setValueAtTime(1, when);
    gain.gain.linearRampToValueAtTime(0, when + FADE);
    source.stop(when + FADE);
  }
}
