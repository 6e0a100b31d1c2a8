// The list of singers, and what is to be said of the one that sings.

import { UserError } from './errors.js';

/** What the folder holds: { singers, mels, tracker, demo }, with whole addresses. */
export async function readFolder() {
  const base = new URL('../', import.meta.url), answer = await fetch(new URL('singers.json', base));
  if (!answer.ok) throw new UserError('singers.json is not beside this page: make the folder with tools/web.sh');
  const folder = await answer.json(), whole = (path) => new URL(path, base).href;
  return {
    singers: folder.singers.map((singer) => ({ ...singer, url: whole(singer.file) })),
    mels: folder.mels.map((mel) => ({ ...mel, url: whole(mel.file) })),
    tracker: whole(folder.tracker),
    demo: folder.demo && { ...folder.demo, url: whole(folder.demo.file) },
  };
}

export function fillList(select, singers, extra = []) {
  select.replaceChildren(...[...singers, ...extra].map(({ name }) => new Option(name, name)));
}

/** Licence and attribution of a card. */
export function showCard(element, { licence, trained_on: trainedOn, sources = [] }) {
  const paragraph = (text) => Object.assign(document.createElement('p'), { textContent: text });
  const parts = [paragraph(`Licence of this voice: ${licence}. Trained on ${trainedOn}.`)];
  if (sources.length) {
    const details = document.createElement('details'), list = document.createElement('ul');
    details.append(Object.assign(document.createElement('summary'), { textContent: 'Attribution of each voice' }), list);
    list.append(...sources.map(({ name, licence: its, attribution }) => {
      return Object.assign(document.createElement('li'), { textContent: `${name} (${its}): ${attribution}` });
    }));
    parts.push(details);
  }
  element.replaceChildren(...parts);
}
