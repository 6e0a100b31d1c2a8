// Editing: selection, drawing, transposing, and the keys for all that the page can do.

import { $, isPressed, press, status } from './dom.js';
import { listenToKeys, listenToPointers } from './gestures.js';
import { noteName } from './view.js';

const STEP = 0.25; // s, of the arrow keys
const ZOOM = 1.6;

/** @param actions { play, hearOriginal }, what else there are keys for */
export function listenToEdits(studio, view, { play, hearOriginal }) {
  const draw = (to = !isPressed('draw')) => {
    press('draw', to);
    $('view').classList.toggle('drawing', to);
  };
  const select = (a, b) => {
    const { song } = studio;
    const [from, to] = [Math.min(a, b), Math.max(a, b)].map((x) => Math.min(Math.max(0, Math.round(x)), song.nFrames));
    song.selection = to > from ? [from, to] : null;
    const seconds = (frame) => ((frame * song.hop) / song.fs).toFixed(2);
    if (to > from) status(`Selected: ${seconds(from)} to ${seconds(to)} s.`);
    view.redraw(false);
  };
  const transpose = (cents) => {
    studio.change((hertz) => hertz * 2 ** (cents / 1200));
    const { song, knobs: { key } } = studio, at = song.sung[Math.floor(Math.min(song.head, song.nFrames - 1))];
    status(`Pitch moved by ${cents} cents; at the playhead ${noteName(at * 2 ** (key / 12))}.`);
  };
  const move = (direction, isSelecting) => {
    const { song } = studio, step = Math.round((STEP * song.fs) / song.hop) * direction;
    if (!isSelecting) {
      studio.seek(song.head + step);
      return;
    }
    // The selection begins at the playhead and grows to one side.
    const [begin, end] = song.selection ?? [song.head, song.head];
    select(begin, end + step);
  };

  $('draw').addEventListener('click', () => draw());
  $('restore').addEventListener('click', () => studio.change((_, frame) => studio.song.f0[frame]));
  $('undo').addEventListener('click', () => studio.edits.undo());
  $('redo').addEventListener('click', () => studio.edits.redo());
  $('closer').addEventListener('click', () => view.zoom(1 / ZOOM));
  $('farther').addEventListener('click', () => view.zoom(ZOOM));
  listenToPointers(view, {
    seek: (frame) => studio.seek(frame),
    select,
    stroke: (a, b) => studio.stroke(a, b),
    strokeEnds: () => studio.strokeEnds(),
    isDrawing: () => isPressed('draw'),
  });
  const keys = {
    ' ': play,
    o: hearOriginal,
    l: () => press('loop'),
    d: () => draw(),
    Escape: () => { draw(false); select(0, 0); },
    ArrowLeft: (isSelecting) => move(-1, isSelecting),
    ArrowRight: (isSelecting) => move(1, isSelecting),
    ArrowUp: (isFine) => transpose(isFine ? 10 : 100),
    ArrowDown: (isFine) => transpose(isFine ? -10 : -100),
    '+': () => view.zoom(1 / ZOOM),
    '-': () => view.zoom(ZOOM),
    'Control+z': () => studio.edits.undo(),
    'Control+y': () => studio.edits.redo(),
    'Control+z+Shift': () => studio.edits.redo(),
  };
  listenToKeys(keys, () => Boolean(studio.song));
}
