// NHV from chunk to chunk: takes frames, returns samples; chunks joined are the whole.

const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };
// What a stream is given besides features and state, and the knobs, each one value a frame.
const OWN = ['mel', 'f0', 'mel_f0', 'end', 'phase'];

/** Names of the knobs that a file has inputs for. */
export function knobsOf(defaults) {
  return [...defaults.keys()].filter((name) => !OWN.includes(name));
}

export class VocoderStream {
  /**
   * @param ort the runtime
   * @param session of a stream's file whose optional inputs are required
   * @param card its card
   * @param defaults Map of the optional inputs' names to what they are where nothing is given
   */
  constructor(ort, session, card, defaults) {
    Object.assign(this, { ort, session, card, defaults });
    this.hop = card.spec.hop_length;
    this.nMels = card.spec.n_mels;
    this.knobs = knobsOf(defaults);
    this.state = {};
    for (const { name, type, shape } of session.inputMetadata) {
      if (!name.startsWith('state_')) continue;
      const dims = shape.map((size) => (typeof size === 'string' ? 1 : size));
      const size = dims.reduce((product, n) => product * n, 1);
      this.state[name] = new ort.Tensor(type, new ARRAYS[type](size), dims);
    }
    this.names = ['waveform', ...Object.keys(this.state).map((name) => `next_${name}`)];
    this.nFrames = 0; // taken, held ones after the end included
    this.sent = -card.delay_samples; // so much silence comes first
  }

  /** Enough to go on from here again with {@link restore}. */
  snapshot() {
    return { state: this.state, nFrames: this.nFrames, sent: this.sent };
  }

  restore(snapshot) {
    Object.assign(this, snapshot);
  }

  /**
   * Feed n frames, a multiple of the stride.
   * @param frames { mel (n * n_mels), f0 (n) in Hz, mel_f0 (n) in Hz or none, and any knobs (n) }
   * @param end number of frames of the utterance, where these are the last, with held ones after them
   * @returns Float32Array, what can be finished by now
   */
  async push(frames, end = null) {
    const n = frames.f0.length, { Tensor } = this.ort;
    const feeds = { ...this.state };
    feeds.mel = new Tensor('float32', frames.mel, [1, n, this.nMels]);
    feeds.f0 = new Tensor('float32', frames.f0, [1, n]);
    for (const [name, tensor] of this.defaults) {
      if (frames[name]) feeds[name] = new Tensor('float32', frames[name], [1, n]);
      else feeds[name] = new Tensor(tensor.type, tensor.data, tensor.dims);
    }
    if (end !== null) feeds.end = new Tensor('int64', BigInt64Array.of(BigInt(end)), []);
    const results = await this.session.run(feeds, this.names);
    const next = {};
    for (const name of Object.keys(this.state)) next[name] = results[`next_${name}`];
    this.state = next;
    this.nFrames += n;
    const wav = results.waveform.data;
    const early = Math.min(Math.max(-this.sent, 0), wav.length);
    this.sent += wav.length;
    return wav.subarray(early);
  }

  /** How many held frames must follow n frames for all their samples to come out. */
  heldAfter(n) {
    const needed = Math.ceil((n * this.hop + this.card.delay_samples) / this.hop);
    const { stride } = this.card;
    return Math.ceil(needed / stride) * stride - n;
  }
}
