// Sound in and out: decoding, playing, the microphone.

import { UserError } from './errors.js';

const LONGEST = 30 * 60; // s
const SHORTEST = 0.1; // s

/** The recording in a file as one channel at a rate, Float32Array. */
export async function decode(blob, name, fs) {
  if (blob.size === 0) throw new UserError(`${name}: empty: it has 0 bytes`);
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, fs).decodeAudioData(await blob.arrayBuffer());
  } catch {
    throw new UserError(`${name}: this browser cannot decode it: give wav, flac, mp3, ogg or m4a`);
  }
  if (buffer.duration < SHORTEST) {
    throw new UserError(`${name}: ${buffer.duration.toFixed(2)} s are too short: give at least ${SHORTEST} s`);
  }
  if (buffer.duration > LONGEST) {
    throw new UserError(`${name}: ${Math.round(buffer.duration / 60)} minutes are too long: give at most ${LONGEST / 60}`);
  }
  const wav = buffer.getChannelData(0), channels = buffer.numberOfChannels;
  const mono = channels === 1 ? wav.slice() : new Float32Array(wav.length);
  if (channels > 1) {
    for (let channel = 0; channel < channels; channel++) {
      const data = buffer.getChannelData(channel);
      for (let i = 0; i < mono.length; i++) mono[i] += data[i] / channels;
    }
  }
  let peak = 0;
  for (const x of mono) peak = Math.max(peak, Math.abs(x));
  if (!(peak > 2 ** -16)) throw new UserError(`${name}: silent: there is nothing to sing`);
  if (!Number.isFinite(peak)) throw new UserError(`${name}: it holds values that are not finite numbers`);
  if (peak > 1) mono.forEach((x, i) => { mono[i] = (x * (1 - 2 ** -15)) / peak; });
  return mono;
}

/** The audio context, which may sound only after a key or click, with the player in it. */
export class Output {
  async start(fs) {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: fs, latencyHint: 'interactive' });
      await this.context.audioWorklet.addModule(new URL('./player-worklet.js', import.meta.url));
      this.player = new AudioWorkletNode(this.context, 'player', { numberOfInputs: 0, outputChannelCount: [1] });
      this.player.connect(this.context.destination);
      const { port1, port2 } = new MessageChannel();
      this.player.port.postMessage({ worker: port1 }, [port1]);
      this.port = port2;
    }
    if (this.context.state !== 'running') await this.context.resume();
    return this.port;
  }

  /** s from a sample's leaving the worklet to its being heard, as far as the browser knows. */
  get latency() {
    return this.context ? (this.context.outputLatency || 0) + (this.context.baseLatency || 0) : 0;
  }
}

/** Records the microphone; stop() gives a wav file's samples. */
export class Microphone {
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new UserError('this browser gives no page the microphone unless it comes by https or from this machine');
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch (error) {
      throw new UserError(error.name === 'NotFoundError' ? 'there is no microphone here: connect one, or open a file'
        : 'this page may not use the microphone: allow it beside the address, or open a file');
    }
    this.parts = [];
    this.recorder = new MediaRecorder(this.stream);
    this.recorder.ondataavailable = ({ data }) => this.parts.push(data);
    this.recorder.start(1000);
  }

  /** A blob of what was recorded. */
  async stop() {
    const stopped = new Promise((resolve) => { this.recorder.onstop = resolve; });
    this.recorder.stop();
    await stopped;
    for (const track of this.stream.getTracks()) track.stop();
    return new Blob(this.parts, { type: this.recorder.mimeType });
  }
}
