"use strict";
// F0 contours of all rows on one canvas: the recording's as a band, the heard one's as a line; under them the notes, where
// there is a score.

class PitchView {
  constructor(canvas) {
    this.canvas = canvas;
    this.reset(1);
  }

  // `notes` are [start, end, MIDI number], in seconds.
  reset(seconds, notes = []) {
    this.seconds = seconds;
    this.notes = notes.map(([start, end, midi]) => ({ start, end, hertz: 440 * 2 ** ((midi - 69) / 12) }));
    this.contours = new Map();
    this.draw(null);
  }

  // `f0` in tenths of a hertz, 0 where unvoiced, a point every `step` seconds.
  add(name, f0, step) {
    this.contours.set(name, { f0, step });
  }

  range() {
    const voiced = [];
    for (const { f0 } of this.contours.values()) for (const value of f0) if (value) voiced.push(value / 10);
    if (!voiced.length) return [100, 400];
    voiced.sort((a, b) => a - b);
    // A few slips of the analysis must not press everything else flat.
    const notes = this.notes.map(({ hertz }) => hertz);
    const low = Math.min(voiced[Math.floor(voiced.length * 0.005)], ...notes);
    const high = Math.max(voiced[Math.floor(voiced.length * 0.995)], ...notes);
    return [low / 1.12, high * 1.12];
  }

  // All contours, that of `heard` in front; the recording's alone where `blind`, for a contour tells who sings.
  draw(heard, blind = false) {
    const { canvas } = this;
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    const paint = canvas.getContext("2d");
    paint.scale(devicePixelRatio, devicePixelRatio);
    const [low, high] = this.range();
    const y = (hertz) => height * (1 - Math.log(hertz / low) / Math.log(high / low));
    const x = (time) => (time / this.seconds) * width;

    paint.font = "11px system-ui, sans-serif";
    paint.fillStyle = paint.strokeStyle = colour("--faint");
    paint.lineWidth = 1;
    for (const hertz of [50, 75, 100, 150, 200, 300, 400, 600, 800, 1200]) {
      if (hertz < low || hertz > high) continue;
      paint.globalAlpha = 0.5;
      paint.beginPath();
      paint.moveTo(0, y(hertz));
      paint.lineTo(width, y(hertz));
      paint.stroke();
      paint.globalAlpha = 1;
      if (y(hertz) > 12) paint.fillText(`${hertz}`, 3, y(hertz) - 2);
    }
    const half = 2 ** (1 / 24); // a note is a semitone high
    paint.fillStyle = colour("--faint");
    paint.globalAlpha = 0.35;
    for (const { start, end, hertz } of this.notes) {
      paint.fillRect(x(start), y(hertz * half), Math.max(1, x(end) - x(start) - 1), y(hertz / half) - y(hertz * half));
    }
    paint.globalAlpha = 1;
    const line = (name, colourName, thickness) => {
      const contour = this.contours.get(name);
      if (!contour) return;
      paint.strokeStyle = colour(colourName);
      paint.lineWidth = thickness;
      paint.beginPath();
      let down = false;
      contour.f0.forEach((value, index) => {
        if (value && down) paint.lineTo(x(index * contour.step), y(value / 10));
        else if (value) paint.moveTo(x(index * contour.step), y(value / 10));
        down = value > 0;
      });
      paint.stroke();
    };
    if (!blind) for (const name of this.contours.keys()) if (name !== OPEN && name !== heard) line(name, "--faint", 1);
    line(OPEN, "--band", 5);
    if (heard !== null && !blind) line(heard, "--accent", 1.5);
  }
}
