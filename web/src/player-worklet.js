// The audio thread: plays what the worker puts into the ring, and says how far it is.

import { Ring } from './ring.js';

const SECONDS = 4; // the ring holds
const REPORT = 8; // blocks of 128 samples between reports
const FADE = 256; // samples, where playing begins, ends or runs dry

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ring = new Ring(Math.ceil(SECONDS * sampleRate));
    this.run = 0; // which start of playing this belongs to; 0: silent
    this.gain = 0;
    this.blocks = this.dry = 0;
    this.last = null; // place of the last sample, once known
    this.port.onmessage = ({ data }) => this.connect(data.worker);
  }

  connect(worker) {
    this.worker = worker;
    worker.onmessage = ({ data }) => {
      if (data.type === 'start') {
        this.ring.clear(0);
        [this.run, this.last, this.dry, this.waiting] = [data.run, null, 0, true];
      } else if (data.run !== this.run) {
        // Of a run that has been stopped since.
      } else if (data.type === 'samples') {
        this.ring.put(data.place, data.samples);
        this.waiting = false;
        this.last = data.isLast ? data.place + data.samples.length : null;
      } else if (data.type === 'stop') {
        this.run = 0;
      }
    };
  }

  process(inputs, [[output]]) {
    if (!this.worker) return true;
    const { ring } = this, playing = this.run !== 0 && !this.waiting;
    if (playing || this.gain > 0) {
      const n = ring.take(output);
      // A step towards sounding or silence at each sample: no clicks.
      for (let i = 0; i < output.length; i++) {
        const target = playing && i < n ? 1 : 0;
        this.gain = Math.min(Math.max(this.gain + (target ? 1 : -1) / FADE, 0), 1);
        output[i] *= this.gain;
      }
      const isOver = this.last !== null && ring.read >= this.last;
      if (playing && n < output.length && !isOver) this.dry++;
      if (playing && isOver) this.report({ type: 'ended' });
      if (isOver) this.run = 0;
    }
    if (playing && ++this.blocks % REPORT === 0) this.report({ type: 'played' });
    return true;
  }

  report(message) {
    this.worker.postMessage({ ...message, run: this.run, place: this.ring.read, ahead: this.ring.ahead, dry: this.dry });
  }
}

registerProcessor('player', Player);
