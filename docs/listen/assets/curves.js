"use strict";
// Learning curves: a loss in validation against the minutes or the steps of training, one line a vocoder.

const LINE = 13; // of text

class Curves {
  constructor({ curves, curve_metrics: metrics }) {
    this.curves = Object.entries(curves || {});
    if (!this.curves.length) return;
    byId("curves").hidden = false;
    this.metrics = metrics.filter(({ key }) => this.curves.some(([, points]) => points.some((point) => isNumber(point[key]))));
    byId("curve-metric").append(...this.metrics.map(({ key, label }) => make("option", { value: key }, label)));
    for (const id of ["curve-metric", "curve-against"]) byId(id).addEventListener("change", () => this.draw());
    this.draw();
  }

  draw() {
    const metric = this.metrics.find(({ key }) => key === byId("curve-metric").value);
    const inSteps = byId("curve-against").value === "steps";
    const at = (point) => (inSteps ? point.steps : point.seconds / 60);
    const lines = this.curves
      .map(([name, points]) => ({ name, points: points.filter((point) => isNumber(point[metric.key]) && at(point) > 0) }))
      .filter(({ points }) => points.length);
    const all = lines.flatMap(({ points }) => points);
    const svg = byId("curve-plot");
    svg.replaceChildren();
    const bottom = Math.max(BOX.bottom, BOX.top + LINE * lines.length); // every name has a line
    svg.setAttribute("viewBox", `0 0 760 ${bottom + 50}`);
    const [first, last] = [Math.min(...all.map(at)), Math.max(...all.map(at))];
    const x = logScale(first, last > first ? last : 2 * first, BOX.left, BOX.right - 90);
    // Losses span a decade at first and a few percent in the end.
    const values = all.map((point) => Math.max(point[metric.key], 1e-6));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const y = logScale(low * 0.97, high * 1.03, bottom, BOX.top);

    for (const value of marks(first, last)) {
      svg.append(rule(x(value), BOX.top, x(value), bottom), text(x(value), bottom + 18, short(value), "middle"));
    }
    for (const value of marks(low, high)) {
      svg.append(rule(BOX.left, y(value), BOX.right - 90, y(value)), text(BOX.left - 8, y(value) + 4, short(value), "end"));
    }
    svg.append(text(400, bottom + 40, inSteps ? "steps" : "minutes of training", "middle"));
    svg.append(text(BOX.left + 6, BOX.top + 14, `${metric.label} in validation (lower is better)`, "start"));
    const ends = [];
    for (const [index, { name, points }] of lines.entries()) {
      const colour = `hsl(${(index * 360) / lines.length} 70% 50%)`;
      const places = points.map((point) => [x(at(point)), y(Math.max(point[metric.key], 1e-6))]);
      svg.append(shape("polyline", { points: places.join(" "), class: "curve", stroke: colour, "data-name": name }));
      const [endX, endY] = places[places.length - 1];
      svg.append(shape("circle", { cx: endX, cy: endY, r: 3.5, fill: colour }));
      ends.push({ name, colour, x: endX, y: endY });
    }
    nameAtEnds(svg, ends, bottom);
  }
}

// Names to the right of where lines end, each a line of text below the last.
function nameAtEnds(svg, ends, bottom) {
  let free = BOX.top + LINE;
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((end, index) => {
    const most = bottom + 4 - LINE * (ends.length - 1 - index);
    const line = Math.min(Math.max(end.y + 4, free), most);
    free = line + LINE;
    const label = text(BOX.right - 80, line, end.name, "start");
    label.style.fill = end.colour;
    svg.append(shape("line", { x1: end.x, y1: end.y, x2: BOX.right - 83, y2: line - 4, class: "rule" }), label);
  });
}

const logScale = (low, high, from, to) => (value) => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
const short = (value) => (value >= 10000 ? `${value / 1000}k` : `${+value.toPrecision(2)}`);

// Round numbers between two: of a decade 1, 2 and 5, more where that is too few.
function marks(low, high) {
  for (const digits of [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      found.push(...digits.map((digit) => digit * 10 ** power).filter((value) => value >= low && value <= high));
    }
    if (found.length >= 3) return found;
  }
  return [low, high];
}
