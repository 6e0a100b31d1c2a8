"use strict";
// Quality against speed: one point a vocoder, the real-time factor on a logarithmic axis.

const BOX = { left: 64, right: 740, top: 16, bottom: 350 };

class Plot {
  constructor(data) {
    this.data = data;
    this.sets = [...new Set(data.rows.map((row) => row.set))];
    this.metrics = data.metrics.filter(({ key }) => key !== "rtf" && data.rows.some((row) => isNumber(row[key])));
    byId("plot-set").append(...this.sets.map((name) => make("option", { value: name }, name)));
    byId("plot-metric").append(...this.metrics.map(({ key, label }) => make("option", { value: key }, label)));
    if (!this.metrics.length) return;
    byId("plot-set").value = this.sets[this.sets.length - 1];
    for (const id of ["plot-set", "plot-metric"]) byId(id).addEventListener("change", () => this.draw());
    this.draw();
  }

  draw() {
    const metric = this.metrics.find(({ key }) => key === byId("plot-metric").value);
    const signed = metric.better === "zero"; // then only how far from zero counts
    const distance = (value) => (signed ? Math.abs(value) : value);
    const points = this.data.rows
      .filter((row) => row.set === byId("plot-set").value && isNumber(row[metric.key]) && row.rtf > 0)
      .map((row) => ({ name: row.vocoder, x: row.rtf, y: distance(row[metric.key]) }));
    const svg = byId("plot");
    svg.replaceChildren();
    if (!points.length) {
      svg.append(text(400, 190, "nothing was both scored and timed", "middle"));
      return;
    }
    const low = 10 ** Math.floor(Math.log10(Math.min(...points.map(({ x }) => x))));
    const high = 10 ** Math.ceil(Math.log10(Math.max(...points.map(({ x }) => x)) * 1.0001));
    const [bottom, top] = niceRange(points.map(({ y }) => y));
    const x = (value) => BOX.left + ((BOX.right - BOX.left) * Math.log(value / low)) / Math.log(high / low);
    // Better is up, whichever way the metric counts.
    const share = (value) => (value - bottom) / (top - bottom);
    const up = (value) => (metric.better === "higher" ? share(value) : 1 - share(value));
    const y = (value) => BOX.bottom - (BOX.bottom - BOX.top) * up(value);

    for (let value = low; value <= high * 1.001; value *= 10) {
      svg.append(rule(x(value), BOX.top, x(value), BOX.bottom));
      svg.append(text(x(value), BOX.bottom + 18, `${+value.toPrecision(1)}`, "middle"));
    }
    for (let step = 0; step <= 4; step++) {
      const value = bottom + ((top - bottom) * step) / 4;
      svg.append(rule(BOX.left, y(value), BOX.right, y(value)));
      svg.append(text(BOX.left - 8, y(value) + 4, value.toFixed(metric.decimals), "end"));
    }
    const arrow = signed ? "distance from zero, lower is better" : `${metric.better} is better`;
    svg.append(text(400, BOX.bottom + 40, "real-time factor (left is faster)", "middle"));
    svg.append(text(BOX.left + 6, BOX.top + 14, `${metric.label} (${arrow}, better is up)`, "start"));
    this.mark(svg, points.map((point) => ({ name: point.name, x: x(point.x), y: y(point.y) })));
  }

  // Points, and names that keep out of each other's way.
  mark(svg, points) {
    const taken = [];
    for (const point of points.sort((a, b) => a.y - b.y)) {
      svg.append(shape("circle", { cx: point.x, cy: point.y, r: 5, class: "point", "data-name": point.name }));
      const end = point.x > BOX.right - 110;
      let line = point.y + 4;
      const width = 14 + 7 * point.name.length;
      const from = end ? point.x - width : point.x;
      const meets = (other) => from < other.to && other.from < from + width && Math.abs(other.line - line) < 13;
      while (taken.some(meets)) line += 13;
      taken.push({ from, to: from + width, line });
      const start = point.x + (end ? -10 : 10);
      if (line > point.y + 4) svg.append(rule(point.x, point.y, start, line - 4)); // whose name it is, further down
      svg.append(text(start, line, point.name, end ? "end" : "start"));
    }
  }
}

const isNumber = (value) => typeof value === "number";

function niceRange(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.1;
  return [low < 0 ? low - margin : Math.max(0, low - margin), high + margin];
}

function shape(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const rule = (x1, y1, x2, y2) => shape("line", { x1, y1, x2, y2, class: "rule" });

function text(x, y, content, anchor) {
  const element = shape("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}
