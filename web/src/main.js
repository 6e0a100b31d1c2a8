// The page: what its buttons, keys and drops do, and what it shows.

import { Microphone } from './audio.js';
import { $, attempt, isPressed, press, problem, status } from './dom.js';
import { listenToEdits } from './editing.js';
import { UserError } from './errors.js';
import { Knobs } from './knobs.js';
import { listenToSaving } from './saving.js';
import { fillList, readFolder, showCard } from './singers.js';
import { forget, keep, kept } from './store.js';
import { Studio } from './studio.js';
import { listenToTheme } from './theme.js';
import { View } from './view.js';

const SONG = ['play', 'original', 'loop', 'draw', 'restore', 'closer', 'farther', 'save', 'curve'];
// The smallest module with an instruction of WASM SIMD.
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];

const studio = new Studio(), view = new View($('view'));
const knobs = new Knobs($('knobs'), (name, before, after) => studio.moveKnob(name, before, after));
let folder = null, original = false, microphone = null;
let own = []; // singers the visitor brought

// --- recordings

async function load(blob, name, before) {
  status(`Reading ${name}…`);
  await studio.load(blob, name, before);
  if (!before) save();
}

let saving = 0;
/** Keep the recording and its changes a moment after the last one. */
function save() {
  clearTimeout(saving);
  saving = setTimeout(async () => {
    const { song } = studio;
    if (!song) return;
    const isEdited = song.done === song.nFrames && song.sung.some((x, i) => x !== song.f0[i]);
    const sung = isEdited ? song.sung.slice() : song.done < song.nFrames ? song.restored : null;
    const isKept = await keep({ name: song.name, blob: song.blob, knobs: studio.knobs, sung });
    $('forget').hidden = !isKept;
  }, 400);
}

const openFile = (file) => attempt(() => load(file, file.name));

$('open').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  target.value = '';
});
$('demo').addEventListener('click', () => attempt(async () => {
  const answer = await fetch(folder.demo.url);
  if (!answer.ok) throw new UserError(`the demo could not be read (${answer.status}): reload the page`);
  await load(await answer.blob(), folder.demo.name);
  await studio.play({ from: 0 });
}));
$('record').addEventListener('click', () => attempt(async () => {
  if (microphone) {
    const blob = await microphone.stop();
    microphone = null;
    $('record').textContent = 'Record';
    $('record').setAttribute('aria-pressed', 'false');
    await load(blob, 'microphone');
    return;
  }
  const begun = new Microphone();
  await begun.start();
  microphone = begun;
  $('record').textContent = '■ Stop recording';
  $('record').setAttribute('aria-pressed', 'true');
  status('Recording: sing, then stop. It stays in this browser.');
}));
$('forget').addEventListener('click', async () => {
  await forget();
  studio.forget();
  status('Forgotten: nothing of it is kept in this browser.');
});

for (const type of ['dragover', 'drop', 'dragleave']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.toggle('dropping', type === 'dragover');
    const [file] = event.dataTransfer?.files ?? [];
    if (type !== 'drop' || !file) return;
    if (file.name.endsWith('.onnx')) bringSinger(file);
    else if (studio.singer) openFile(file);
  });
}

// --- singers

const singers = () => [...folder.singers, ...own];
async function bringSinger(file) {
  await attempt(async () => {
    const singer = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
    own = [singer];
    studio.changeSinger(singer);
  });
}
$('singer').addEventListener('change', ({ target }) => {
  problem(null);
  studio.changeSinger(singers().find(({ name }) => name === target.value));
});
$('own').addEventListener('click', () => $('model').click());
$('model').addEventListener('change', ({ target }) => {
  if (target.files.length) bringSinger(target.files[0]);
  target.value = '';
});
studio.addEventListener('singer', async () => {
  const { name, card, knobs: names } = studio.singer;
  own = own.filter((singer) => singer.name === name);
  fillList($('singer'), folder.singers, own);
  $('singer').value = name;
  showCard($('card'), card);
  knobs.allow(names);
  for (const id of ['singer', 'own', 'open', 'record', 'demo']) $(id).disabled = false;
  $('demo').hidden = !folder.demo;
  const { song } = studio, { hop_length: hop, n_mels: nMels } = card.spec;
  if (song) {
    if (song.hop !== hop || song.nMels !== nMels) await attempt(() => load(song.blob, song.name, { knobs: studio.knobs }));
    return;
  }
  status('Ready.');
  const last = await kept();
  if (last) await attempt(() => load(last.blob, last.name, last));
});

// --- the song

studio.addEventListener('song', () => {
  const { song } = studio;
  $('welcome').hidden = Boolean(song);
  $('view').hidden = $('scroll').hidden = !song;
  for (const id of SONG) $(id).disabled = !song;
  $('name').textContent = song ? `${song.name}, ${song.seconds.toFixed(1)} s` : '';
  $('forget').hidden = true;
  view.song = null;
  if (song) view.show(song);
  edited();
});
studio.addEventListener('heard', ({ detail: { isDone, share } }) => {
  const { song } = studio;
  $('progress').hidden = isDone;
  $('progress').value = share;
  status(isDone ? `Ready: ${song.name}, ${song.seconds.toFixed(1)} s.` : `Hearing ${song.name}…`);
  if (isDone) {
    const voiced = song.f0.filter((_, i) => song.voiced[i]);
    view.lowest = voiced.length ? Math.max(40, voiced.reduce((a, b) => Math.min(a, b)) / 1.5) : 55;
    $('forget').hidden = false;
    document.documentElement.dataset.heard = song.name;
  }
  view.redraw();
  speed();
});
studio.addEventListener('curve', () => view.redraw(false));
studio.addEventListener('knobs', () => {
  for (const [name, value] of Object.entries(studio.knobs)) knobs.set(name, value);
  view.redraw(false);
});
studio.addEventListener('edited', () => {
  edited();
  save();
});
function edited() {
  $('undo').disabled = !studio.song || !studio.edits.canUndo;
  $('redo').disabled = !studio.song || !studio.edits.canRedo;
}

// --- playing

const play = () => attempt(async () => {
  if (!studio.song) return;
  if (studio.playing) studio.stop();
  else await studio.play({ original });
});
function hearOriginal() {
  original = !original;
  press('original', original);
  if (studio.playing) studio.play({ original });
}
$('play').addEventListener('click', play);
$('original').addEventListener('click', hearOriginal);
$('loop').addEventListener('click', () => press('loop'));
studio.addEventListener('playing', () => {
  $('play').textContent = studio.playing ? '■ Stop' : '▶ Play';
});
studio.addEventListener('head', () => {
  const { selection, head } = studio.song;
  if (studio.playing && selection && isPressed('loop') && head >= selection[1]) {
    studio.play({ original, from: selection[0] });
    return;
  }
  if (studio.playing) view.follow(studio.song.head);
  view.redraw(false);
  $('scroll').value = String((1000 * view.start) / Math.max(1, studio.song.nFrames - view.span));
});
studio.addEventListener('ended', () => {
  if (isPressed('loop')) studio.play({ original, from: studio.song.selection?.[0] ?? 0 });
  else studio.stop();
});
$('scroll').addEventListener('input', ({ target }) => {
  view.scroll((Number(target.value) / 1000) * Math.max(0, studio.song.nFrames - view.span));
});

// --- the rest

listenToEdits(studio, view, { play, hearOriginal });
const written = listenToSaving(studio);

studio.addEventListener('speed', () => speed());
function speed() {
  const { vocoder, tracker, mel, first, reaction, dry } = studio.speed, parts = [];
  const add = (value, text) => value !== undefined && Number.isFinite(value) && parts.push(text(value));
  add(vocoder, (x) => `vocoder ${x.toFixed(3)}`);
  add(tracker === undefined ? undefined : tracker + mel, (x) => `tracker and mel ${x.toFixed(3)}`);
  if (parts.length) parts[0] = `Real-time factor: ${parts[0]}`;
  add(first, (x) => `first sound after ${x.toFixed(2)} s`);
  add(reaction, (x) => `a knob is heard after ${(1000 * x).toFixed(0)} ms`);
  if (dry) parts.push(`${dry} gaps: this machine is busy`);
  $('speed').textContent = parts.join(' · ');
}
studio.addEventListener('problem', ({ detail: { text } }) => {
  problem(text);
  written();
  if (studio.singer) {
    own = own.filter(({ name }) => name === studio.singer.name);
    $('singer').value = studio.singer.name;
  }
});
addEventListener('resize', () => view.redraw());
listenToTheme($('theme'), () => view.redraw());

async function keepOffline() {
  if (!('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register(new URL('../sw.js', import.meta.url));
    await navigator.serviceWorker.ready;
    $('offline').textContent = 'Kept in this browser: it works without a network now.';
  } catch {
    $('offline').textContent = '';
  }
}

for (const id of ['open', 'record', 'demo']) $(id).disabled = true;
attempt(async () => {
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(Uint8Array.from(SIMD))) {
    throw new UserError('this browser has no WebAssembly with SIMD: use a newer Chrome, Firefox or Safari');
  }
  folder = await readFolder();
  studio.open(folder, folder.singers[0]);
  addEventListener('load', keepOffline);
  if (document.readyState === 'complete') keepOffline();
});
