"use strict";
// One row a sample: its button, name, scores and rating, and its spectrogram.

// `actions` are called as hear(row), rate(row, rating).
function buildRow(row, utterance, metrics, ticks, actions) {
  const { sample, letter } = row;
  const name = row.named ? sample.name : `sample ${letter.toUpperCase()}`;
  const button = make("button", { type: "button", className: "hear", title: `hear ${name} (${letter})` });
  button.append(letter.toUpperCase());
  button.addEventListener("click", () => actions.hear(row));
  const label = make("div", { className: "label" }, make("div", { className: "name" }, button, make("span", {}, name)));
  if (row.rated) label.append(buildRating(row, name, actions));
  if (row.named && sample.scores) label.append(buildScores(sample.scores, metrics));

  const track = make("div", { className: "track" });
  if (sample.problem) {
    // The reason may be a path, with the name in it.
    track.append(make("p", { className: "problem" }, row.named ? sample.problem : "there is nothing to hear"));
    button.disabled = true;
  } else if (row.named) {
    const picture = make("img", { src: `data/${sample.key}.png`, alt: `spectrogram of ${name}`, draggable: false });
    picture.style.width = `${(100 * sample.seconds) / utterance.seconds}%`;
    track.append(picture);
    for (const { label: text, share } of ticks) {
      const tick = make("span", { className: "tick" }, text);
      tick.style.bottom = `${100 * share}%`;
      track.append(tick);
    }
    const worst = sample.scores?.lsd_worst_at;
    if (worst !== undefined && worst !== null) {
      const mark = make("span", { className: "worst", title: `worst frame, at ${worst.toFixed(2)} s` });
      mark.style.left = `${(100 * worst) / utterance.seconds}%`;
      track.append(mark);
    }
  }
  const element = make("div", { className: row.named ? "row" : "row nameless" }, label, track);
  element.dataset.letter = letter;
  if (row.named) element.dataset.name = sample.name;
  return element;
}

function buildRating(row, name, actions) {
  const group = make("div", { className: "rating", role: "group", "aria-label": `rating of ${name}` });
  for (let rating = 1; rating <= 5; rating++) {
    const button = make("button", { type: "button", title: `rate ${rating} of 5`, "aria-pressed": "false" }, `${rating}`);
    button.addEventListener("click", () => actions.rate(row, rating));
    group.append(button);
  }
  return group;
}

function showRating(element, rating) {
  element.querySelectorAll(".rating button").forEach((button, index) => {
    button.setAttribute("aria-pressed", String(index + 1 === rating));
  });
}

const CHIPS = ["mrstft", "mcd", "f0_rmse", "f0_gross", "ap_abs", "visqol"];

function buildScores(scores, metrics) {
  const shown = metrics.filter(({ key }) => CHIPS.includes(key) && typeof scores[key] === "number");
  const text = shown.map(({ key, label, decimals }) => `${label} ${scores[key].toFixed(decimals)}`);
  return make("div", { className: "scores", title: "scores of this utterance" }, text.join(" · "));
}

// Seconds under the spectrograms, about ten marks.
function buildAxis(element, seconds) {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60].find((size) => seconds / size <= 12) || 120;
  element.replaceChildren();
  for (let time = 0; time < 0.98 * seconds; time += step) {
    const mark = make("span", {}, `${+time.toFixed(1)}`);
    mark.style.left = `${(100 * time) / seconds}%`;
    element.append(mark);
  }
}
