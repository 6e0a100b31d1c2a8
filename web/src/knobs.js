// The sliders.

import { NEUTRAL } from './take.js';

const KNOBS = {
  key: { label: 'Key', unit: 'st', words: 'semitones', min: -24, max: 24, step: 1 },
  gender: { label: 'Formants', unit: 'st', words: 'semitones', min: -12, max: 12, step: 0.5 },
  speed: { label: 'Speed', unit: '×', min: 0.25, max: 2, step: 0.05 },
  breathiness: { label: 'Breathiness', unit: 'dB', min: -24, max: 24, step: 1 },
  voicing: { label: 'Voicing', unit: 'dB', min: -24, max: 12, step: 1 },
  tension: { label: 'Tension', unit: 'dB/oct', words: 'dB an octave', min: -6, max: 6, step: 0.5 },
  loudness: { label: 'Loudness', unit: 'dB', min: -24, max: 12, step: 1 },
};
// Those that are made from the features, whatever the singer's file can do.
const ALWAYS = ['key', 'gender', 'speed'];

export class Knobs {
  /** @param changed (name, before, after) => void, called when a visitor moves one */
  constructor(section, changed) {
    this.values = { ...NEUTRAL };
    this.rows = {};
    for (const [name, { label, unit, words = unit, min, max, step }] of Object.entries(KNOBS)) {
      const row = document.createElement('div'), input = document.createElement('input');
      const title = document.createElement('label'), output = document.createElement('output');
      const reset = document.createElement('button');
      Object.assign(input, { type: 'range', id: `knob-${name}`, min, max, step, value: NEUTRAL[name] });
      Object.assign(title, { htmlFor: input.id, textContent: label });
      Object.assign(reset, { type: 'button', textContent: '0', title: `${label}: as it was` });
      if (name === 'speed') reset.textContent = '1';
      reset.setAttribute('aria-label', `${label}: as it was`);
      output.htmlFor = input.id;
      row.className = 'knob';
      row.append(title, output, reset, input);
      section.append(row);
      this.rows[name] = { row, input, output, reset, unit, words };
      input.addEventListener('input', () => this.#move(name, Number(input.value), changed));
      reset.addEventListener('click', () => this.#move(name, NEUTRAL[name], changed));
      this.set(name, NEUTRAL[name]);
    }
  }

  #move(name, after, changed) {
    const before = this.values[name];
    if (before === after) return;
    this.set(name, after);
    changed(name, before, after);
  }

  set(name, value) {
    const { input, output, unit, words } = this.rows[name];
    this.values[name] = value;
    input.value = String(value);
    const sign = value > 0 && name !== 'speed' ? '+' : '';
    output.textContent = `${sign}${value} ${unit}`;
    input.setAttribute('aria-valuetext', `${sign}${value} ${words}`);
  }

  /** Only those that a singer has inputs for can be moved. */
  allow(names) {
    for (const [name, { row, input, reset }] of Object.entries(this.rows)) {
      const isThere = ALWAYS.includes(name) || names.includes(name);
      row.classList.toggle('absent', !isThere);
      row.title = isThere ? '' : 'This singer has no such knob: export it anew';
      input.disabled = reset.disabled = !isThere;
      if (!isThere) this.set(name, NEUTRAL[name]);
    }
  }
}
