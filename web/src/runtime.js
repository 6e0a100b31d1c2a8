// ONNX Runtime and the graphs that the page runs in it.

import * as ort from '../ort/ort.wasm.min.mjs';
import { UserError } from './errors.js';
import { checkStream, readCard, withRequiredInputs } from './model-file.js';
import { VocoderStream } from './stream.js';

ort.env.wasm.numThreads = 1; // more would need headers that a static host does not send
ort.env.wasm.proxy = false;
ort.env.wasm.wasmPaths = new URL('../ort/', import.meta.url).href;
ort.env.logLevel = 'error';

const OPTIONS = { executionProviders: ['wasm'], graphOptimizationLevel: 'all', logSeverityLevel: 3 };
// What makes a mel spectrogram another one; hop and log base do not matter to frames that are cut here, but to cards.
const MEL = ['fs', 'n_fft', 'win_length', 'window', 'n_mels', 'fmin', 'fmax', 'log_base', 'floor', 'mel_scale'];

async function bytesOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new UserError(`${url.split('/').pop()}: the server answered ${answer.status}: reload the page`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** SwiftF0 as PitchTrack wants it. */
export async function openTracker(url) {
  const session = await ort.InferenceSession.create(await bytesOf(url), OPTIONS);
  const scalar = (value) => new ort.Tensor('float32', Float32Array.of(value), []);
  return async (audio, low, high) => {
    const feeds = { audio: new ort.Tensor('float32', audio, [1, audio.length]), fmin: scalar(low), fmax: scalar(high) };
    const { pitch, confidence } = await session.run(feeds);
    return { pitch: pitch.data, confidence: confidence.data };
  };
}

/**
 * A singer: its stream and the mel graph that its features are made by.
 * @param source { name, bytes or url }
 * @param mels list of { url, spec } of the mel graphs there are
 */
export async function openSinger({ name, bytes, url }, mels) {
  const file = bytes ?? (await bytesOf(url)), card = await readCard(file, name);
  checkStream(card, name);
  const differs = (spec) => MEL.find((key) => spec[key] !== card.spec[key]);
  const graph = mels.find(({ spec }) => !differs(spec));
  if (!graph) {
    const key = differs(mels[0].spec);
    throw new UserError(`${name}: it reads features of ${key} ${card.spec[key]}, but this page has none such ` +
      `(${[...new Set(mels.map(({ spec }) => spec[key]))].join(', ')})`);
  }
  const mel = await ort.InferenceSession.create(await bytesOf(graph.url), OPTIONS);
  const { bytes: model, defaults } = withRequiredInputs(file);
  let session;
  try {
    session = await ort.InferenceSession.create(model, OPTIONS);
  } catch {
    throw new UserError(`${name}: ONNX Runtime cannot read it: export it again`);
  }
  const missing = ['mel', 'f0', 'state_frame', 'state_phase'].find((input) => !session.inputNames.includes(input));
  if (missing) throw new UserError(`${name}: it has no input ${missing}: not a vocoder's stream`);
  const { n_mels: nMels, win_length: size } = card.spec;
  return {
    name,
    card,
    spec: card.spec,
    knobs: new VocoderStream(ort, session, card, defaults).knobs,
    takesMelF0: defaults.has('mel_f0'),
    stream: () => new VocoderStream(ort, session, card, defaults),
    /** Frames of samples (n * win_length) to log-mel (n * n_mels). */
    logMel: async (frames) => {
      const n = frames.length / size;
      const given = new ort.Tensor('float32', frames, [n, size]);
      const result = (await mel.run({ frames: given })).mel.data;
      return result.length === n * nMels ? result : result.slice(0, n * nMels);
    },
    release: () => Promise.all([mel.release(), session.release()]),
  };
}
