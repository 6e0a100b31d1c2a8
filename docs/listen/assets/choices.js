"use strict";
// Who is behind which letter, and what the listener thinks of them.

const OPEN = "reference"; // the recording's name among the samples
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

class Choices {
  // `home` tells pages apart that one browser keeps choices of.
  constructor(home) {
    this.home = `choices:${home}`;
    this.blind = false;
    this.utterances = {};
    try {
      this.utterances = JSON.parse(localStorage.getItem(this.home)) || {};
    } catch {
      // Some browsers keep nothing for pages from disk; choices then last until the page is closed.
    }
  }

  keep() {
    try {
      localStorage.setItem(this.home, JSON.stringify(this.utterances));
    } catch {
      // as above
    }
  }

  of(place) {
    this.utterances[place] ??= { order: null, revealed: false, ratings: {} };
    return this.utterances[place];
  }

  isHidden(place) {
    return this.blind && !this.of(place).revealed;
  }

  // The rows of an utterance: {letter, sample, hidden, named, rated}. The recording comes first, by name; when blind,
  // the others are shuffled, once for each utterance, a copy of the recording among them. Beyond z, rows have numbers.
  rows(place, samples) {
    const entry = this.of(place);
    const others = samples.filter((sample) => sample.name !== OPEN);
    const reference = samples.find((sample) => sample.name === OPEN);
    let shown = others;
    if (this.blind) {
      const names = [OPEN, ...others.map((sample) => sample.name)];
      const known = entry.order && names.length === entry.order.length && names.every((n) => entry.order.includes(n));
      if (!known) entry.order = shuffled(names);
      this.keep();
      shown = entry.order.map((name) => samples.find((sample) => sample.name === name));
    }
    const named = !this.isHidden(place);
    const rows = [{ letter: "a", sample: reference, named: true, rated: false }];
    shown.forEach((sample, index) => {
      rows.push({ letter: LETTERS[index + 1] || `${index + 2}`, sample, named, rated: true });
    });
    return rows;
  }

  // While names are hidden, ratings given to names are too: they would tell who is who.
  rating(place, name) {
    const given = this.of(place).ratings[name];
    return given && (given.blind || !this.isHidden(place)) ? given.rating : 0;
  }

  rate(place, name, rating) {
    const entry = this.of(place);
    if (rating) entry.ratings[name] = { rating, blind: this.isHidden(place) };
    else delete entry.ratings[name];
    this.keep();
  }

  reveal(place) {
    this.of(place).revealed = true;
    this.keep();
  }

  isRated(place) {
    return Object.keys(this.utterances[place]?.ratings || {}).length > 0;
  }

  // All ratings, one entry each, as they are saved.
  list() {
    const all = [];
    for (const [place, { order, ratings }] of Object.entries(this.utterances)) {
      const [set, utterance] = JSON.parse(place);
      for (const [vocoder, { rating, blind }] of Object.entries(ratings)) {
        all.push({ set, utterance, vocoder, rating, blind, order: blind ? order : null });
      }
    }
    return all;
  }

  save() {
    const content = { page: document.title, saved: new Date().toISOString(), choices: this.list() };
    const blob = new Blob([JSON.stringify(content, null, 1) + "\n"], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(blob), download: "choices.json" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // Mean of the blind ratings of each vocoder: [[name, mean, count], ...], the best first.
  means() {
    const sums = new Map();
    for (const { vocoder, rating, blind } of this.list()) {
      if (!blind) continue;
      const [sum, count] = sums.get(vocoder) || [0, 0];
      sums.set(vocoder, [sum + rating, count + 1]);
    }
    return [...sums].map(([name, [sum, count]]) => [name, sum / count, count]).sort((a, b) => b[1] - a[1]);
  }
}

function shuffled(items) {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
