// Files out: the song as wav, its pitch as csv.

import { $, status } from './dom.js';

const SAVE = 'Save wav';

function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
}

/** Returns what to call when writing has ended in another way. */
export function listenToSaving(studio) {
  const stem = () => studio.song.name.replace(/\.[^.]*$/, '');
  const written = () => {
    if ($('save').textContent === SAVE) return;
    $('save').textContent = SAVE;
    $('progress').hidden = true;
  };
  $('save').addEventListener('click', () => {
    if ($('save').textContent !== SAVE) {
      studio.leave();
      written();
      status('Stopped: nothing was written.');
      return;
    }
    $('save').textContent = 'Stop writing';
    $('progress').hidden = false;
    studio.write();
  });
  studio.addEventListener('writing', ({ detail: { share, file } }) => {
    $('progress').value = share;
    if (!file) return;
    written();
    download(file, `${stem()}-sung.wav`);
    status(`Written: ${stem()}-sung.wav, with ${studio.singer.name}.`);
  });
  $('curve').addEventListener('click', () => {
    const { song, knobs: { key } } = studio, factor = Math.fround(2 ** (key / 12)), rows = ['time,f0'];
    song.sung.forEach((hertz, i) => {
      rows.push(`${((i * song.hop) / song.fs).toFixed(9)},${(hertz * factor).toPrecision(9)}`);
    });
    download(new Blob([`${rows.join('\n')}\n`], { type: 'text/csv' }), `${stem()}-pitch.csv`);
    status(`Written: ${stem()}-pitch.csv, time in s and F0 in Hz.`);
  });
  return written;
}
