// Speed of what the page computes, in Node, by CPU time, so that other work on the machine hardly matters.
// Usage: node tools/web_speed.mjs build/web RECORDING   (float32 samples at 44.1 kHz, without a header)
// As NumPy's tofile writes them, or ffmpeg -i x.wav -f f32le -ac 1 -ar 44100 x.raw

import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const [folder, recording] = process.argv.slice(2);
const root = pathToFileURL(`${folder}/`);
// The page's files are fetched; here they are read.
globalThis.fetch = async (url) => new Response(fs.readFileSync(new URL(url)));

const { openSinger, openTracker } = await import(new URL('src/runtime.js', root));
const { PitchTrack } = await import(new URL('src/pitch.js', root));
const { NEUTRAL, Take } = await import(new URL('src/take.js', root));
const { cutFrames } = await import(new URL('src/features.js', root));

const list = JSON.parse(fs.readFileSync(new URL('singers.json', root)));
const whole = (one) => ({ ...one, url: new URL(one.file, root).href });
const bytes = fs.readFileSync(recording), wav = new Float32Array(new Uint8Array(bytes).buffer);
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
const timed = async (work) => { const begin = cpu(); await work(); return cpu() - begin; };
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

let singer, detect;
const opening = await timed(async () => {
  singer = await openSinger(whole(list.singers[0]), list.mels.map(whole));
  detect = await openTracker(new URL(list.tracker, root).href);
});
const { spec } = singer, seconds = wav.length / spec.fs;
let track;
const facts = { seconds, opening };
const hear = async () => {
  track = new PitchTrack(detect, spec, wav);
  while (!track.isDone) await track.advance(2);
};
const look = async () => {
  for (let frame = 0; frame < track.nFrames; frame += 256) {
    const n = Math.min(256, track.nFrames - frame);
    await singer.logMel(cutFrames(wav, spec, Array.from({ length: n }, (_, i) => frame + i)));
  }
};
const sing = (block, knobs) => async () => {
  const { f0, nFrames } = track, take = new Take(singer, { wav, f0, sung: f0, nFrames }, () => knobs);
  while (!take.isOver) { await take.next(block); take.forget(Infinity); }
};
const measure = async (work) => {
  const times = [];
  for (let i = 0; i < 3; i++) times.push((await timed(work)) / seconds);
  return median(times).toFixed(4);
};
facts.tracker = await measure(hear);
facts.mel = await measure(look);
facts['mel and vocoder, a file'] = await measure(sing(96, NEUTRAL));
facts['mel and vocoder, playing'] = await measure(sing(12, NEUTRAL));
facts['mel and vocoder, playing, formants moved'] = await measure(sing(12, { ...NEUTRAL, gender: 3 }));
console.log(JSON.stringify(facts, null, 1));
