// The worker that computes everything: hears the recording, sings it, and writes it. The page only draws.

import { UserError } from './errors.js';
import { cutFrames } from './features.js';
import { PitchTrack } from './pitch.js';
import { openSinger, openTracker } from './runtime.js';
import { NEUTRAL, Take } from './take.js';
import { pcm16 } from './wav.js';

const PIECE = 2; // s of the recording heard at a time
const BLOCK = 12, FIRST_BLOCK = 6, FILE_BLOCK = 96; // frames sung at a time
const AHEAD = 0.5; // s kept ahead of what is played
const SAFE = 0.04, SAFEST = 0.4; // s: what is nearer than this is left as it is when a knob moves
const LOUDEST = 0.5, RANGE = 5; // of the picture, in powers of ten of a band's amplitude

const now = () => performance.now() / 1000;
const state = {
  detect: null, mels: [], singer: null, knobs: { ...NEUTRAL },
  wav: null, track: null, source: null, shown: 0,
  run: 0, take: null, original: null, played: null, sent: 0, small: false, safe: SAFE, turned: null,
  file: null,
  times: { tracker: 0, mel: 0, heard: 0 },
};
let player = null;
let wake = () => {};

const say = (message, transfer = []) => self.postMessage(message, transfer);
// What has come in meanwhile is dealt with before going on.
const turn = new MessageChannel();
const pause = () => new Promise((resolve) => {
  turn.port1.onmessage = resolve;
  turn.port2.postMessage(0);
});

const orders = {
  async open({ tracker, mels, singer }) {
    state.mels = mels;
    state.detect ??= await openTracker(tracker);
    await orders.singer({ singer });
  },

  async singer({ singer }) {
    const opened = await openSinger(singer, state.mels), before = state.singer;
    const { spec } = opened;
    if (before && before.spec.fs !== spec.fs) {
      throw new UserError(`${singer.name}: it sings at ${spec.fs} Hz, this page plays ${before.spec.fs} Hz`);
    }
    state.singer = opened;
    const { name, card, knobs } = opened;
    if (before) {
      stop();
      state.file = null;
      // Of other frames it has to be heard anew: the page sends it again.
      if (['hop_length', 'n_mels'].some((key) => before.spec[key] !== spec[key])) orders.forget();
      await before.release();
    }
    say({ type: 'singer', name, card, knobs });
  },

  recording: ({ wav }) => hear(wav),

  forget() {
    stop();
    Object.assign(state, { wav: null, track: null, source: null, file: null });
  },

  player({ port }) {
    player = port;
    player.onmessage = ({ data }) => {
      if (data.run !== state.run) return;
      state.played = { place: data.place, at: now() };
      say({ type: 'position', run: data.run, frame: frameAt(data.place), dry: data.dry, ahead: data.ahead, last: data.type === 'ended' });
      if (data.type === 'ended') stop();
      wake();
    };
  },

  knobs({ knobs, at }) {
    state.knobs = { ...NEUTRAL, ...knobs };
    const wait = anew();
    if (wait === null) return;
    say({ type: 'reaction', seconds: wait + (performance.timeOrigin + performance.now() - at) / 1000 });
  },

  curve({ from, f0 }) {
    state.source?.sung.set(f0, from);
    anew();
  },

  play({ from, run, original }) {
    stop();
    if (!state.source || !state.singer) return;
    Object.assign(state, { run, sent: 0, played: null, marks: [], small: true });
    const start = Math.min(Math.max(0, from), state.source.nFrames - 1);
    if (original) state.original = { position: Math.floor(start) };
    else state.take = new Take(state.singer, state.source, () => state.knobs, start);
    player.postMessage({ type: 'start', run });
  },

  stop: () => stop(),

  write() {
    if (!state.source) return;
    state.file = { take: new Take(state.singer, state.source, () => state.knobs), parts: 0, knobs: state.knobs };
    const knobs = { ...state.knobs }; // a file does not change half way
    state.file.take.knobs = () => knobs;
  },

  leave() {
    state.file = null;
  },
};

function hear(wav) {
  stop();
  state.file = null;
  state.wav = wav;
  state.track = new PitchTrack(state.detect, state.singer.spec, wav);
  const { f0, nFrames } = state.track;
  state.source = { wav, f0, sung: f0.slice(), nFrames };
  state.shown = 0;
  state.times = { tracker: 0, mel: 0, heard: 0 };
}

function stop() {
  if (state.run && player) player.postMessage({ type: 'stop', run: state.run });
  Object.assign(state, { run: 0, take: null, original: null, played: null });
}

/** Sing anew what is not yet played, with the knobs or the curve of now; returns in how many s that is, or null. */
function anew() {
  const { take, played, singer } = state;
  if (!take || !played) return null;
  const { fs } = singer.spec, done = played.place + (now() - played.at) * fs;
  if (take.rewind(done + state.safe * fs)) {
    state.marks = state.marks.filter((mark) => mark.place < take.place);
    state.small = true;
    state.turned = now();
  }
  return (take.place + singer.card.delay_samples - done) / fs;
}

/** Where in the recording (frames) a place of the output is from. */
function frameAt(place) {
  const { marks } = state, { hop_length: hop } = state.singer.spec;
  while (marks.length > 1 && marks[1].place <= place) marks.shift();
  return marks.length ? marks[0].at + ((place - marks[0].place) / hop) * marks[0].speed : 0;
}

/** Hear a piece more of the recording. */
async function listen() {
  const { track, source, singer } = state, { n_mels: nMels } = singer.spec;
  const begin = performance.now();
  const [from, to] = await track.advance(PIECE);
  const middle = performance.now(), first = state.shown;
  const positions = Float64Array.from({ length: to - first }, (_, i) => first + i);
  const mel = await singer.logMel(cutFrames(source.wav, singer.spec, positions));
  const end = performance.now();
  if (state.track !== track) return; // another recording has come meanwhile
  const factor = singer.spec.log_base === null ? 1 / Math.LN10 : Math.log10(singer.spec.log_base);
  const levels = Uint8Array.from(mel, (x) => {
    return Math.min(Math.max((255 * (x * factor - LOUDEST + RANGE)) / RANGE, 0), 255);
  });
  const { times } = state;
  times.tracker += middle - begin;
  times.mel += end - middle;
  times.heard += ((to - first) * singer.spec.hop_length) / singer.spec.fs;
  state.shown = to;
  source.sung.set(track.f0.subarray(from), from);
  const f0 = track.f0.slice(from, to), voiced = track.voiced.slice(from, to);
  const speed = { tracker: times.tracker / 1000 / times.heard, mel: times.mel / 1000 / times.heard };
  say({ type: 'heard', from, to, f0, voiced, first, levels, nMels, isDone: track.isDone, speed }, [levels.buffer]);
}

/** Sing a block more, unless enough is ahead or the recording is not yet heard so far. */
async function sing() {
  const { take, run, played, singer } = state, { fs } = singer.spec;
  const done = played ? played.place + (now() - played.at) * fs : 0;
  const size = state.small ? FIRST_BLOCK : BLOCK;
  if (take.isOver || take.place - done > AHEAD * fs || (!state.track.isDone && take.reach(size) >= state.track.done)) {
    return false;
  }
  state.small = false;
  const block = await take.next(size);
  if (state.run !== run) return true;
  if (state.turned !== null) {
    // A busy machine needs longer: what comes too late would not be heard at all.
    state.safe = Math.min(Math.max(SAFE, 0.7 * state.safe, 1.5 * (now() - state.turned)), SAFEST);
    state.turned = null;
  }
  const { place, samples, isLast, at, speed } = block;
  if (samples.length) state.marks.push({ place, at, speed });
  take.forget(done);
  const { times } = take;
  player.postMessage({ type: 'samples', run, place, samples, isLast }, [samples.buffer]);
  say({ type: 'speed', vocoder: (times.vocoder / 1000) * fs / times.samples });
  return true;
}

/** Play the recording itself. */
function replay() {
  const { original, played, singer, source, run } = state, { fs, hop_length: hop } = singer.spec;
  const done = played ? played.place + (now() - played.at) * fs : 0;
  if (original.isOver || state.sent - done > AHEAD * fs) return false;
  const begin = original.position * hop, samples = source.wav.slice(begin, begin + BLOCK * hop);
  original.isOver = begin + samples.length >= source.wav.length;
  state.marks.push({ place: state.sent, at: original.position, speed: 1 });
  player.postMessage({ type: 'samples', run, place: state.sent, samples, isLast: original.isOver });
  state.sent += samples.length;
  original.position += BLOCK;
  return true;
}

/** Write a block more of the file. */
async function write() {
  const { file } = state, { take } = file;
  const { samples, isLast, place } = await take.next(FILE_BLOCK);
  if (state.file !== file) return;
  take.forget(Infinity);
  const part = pcm16(samples), { fs } = state.singer.spec, { times } = take;
  if (isLast) state.file = null;
  const share = Math.min(1, take.position / state.source.nFrames);
  const nSamples = place + samples.length, vocoder = (times.vocoder / 1000) * fs / times.samples;
  say({ type: 'written', part, isLast, share, nSamples, fs, vocoder }, [part]);
}

/** One thing after the other, what is to be heard soonest first; true if there was anything. */
async function work() {
  if (!state.singer) return false;
  if (state.original && replay()) return true;
  if (state.take && (await sing())) return true;
  if (state.track && !state.track.isDone) {
    await listen();
    return true;
  }
  if (state.file) {
    await write();
    return true;
  }
  return false;
}

function complain(error) {
  const text = error instanceof UserError ? error.message : `something went wrong here: ${error?.message ?? error}`;
  say({ type: 'problem', text, isUsers: error instanceof UserError });
}

// Orders are carried out one at a time, between two pieces of work.
const waiting = [];
self.onmessage = ({ data }) => {
  waiting.push(data);
  wake();
};

async function run() {
  for (;;) {
    try {
      while (waiting.length) {
        const order = waiting.shift();
        // Of knobs only the last position counts.
        if (order.type === 'knobs' && waiting.some(({ type }) => type === 'knobs')) continue;
        await orders[order.type](order);
      }
      if (await work()) await pause();
      else if (!waiting.length) {
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 50); // what is played drains without a word
        });
      }
    } catch (error) {
      complain(error);
      stop();
      state.file = null;
      // Lest what cannot be heard be tried for ever.
      if (state.track && !state.track.isDone) orders.forget();
    }
  }
}

run();
