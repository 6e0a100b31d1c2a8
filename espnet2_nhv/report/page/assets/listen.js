"use strict";
// The listening view: which utterance is open, which row is heard, and everything that moves.

class Listen {
  constructor(data) {
    this.data = data;
    this.player = new Player(data.fs);
    this.pitch = new PitchView(byId("pitch"));
    this.choices = new Choices(location.pathname);
    this.player.onchange = () => this.show();
    this.rows = [];
    this.heard = this.before = null;
    data.sets.forEach((set, index) => byId("set").append(make("option", { value: index }, set.name)));
    // The last set is the one kept for the end: eval.
    byId("set").value = data.opened;
    byId("set").addEventListener("change", () => this.openSet());
    byId("play").addEventListener("click", () => this.toggle());
    byId("unloop").addEventListener("click", () => this.player.clearLoop());
    byId("blind").addEventListener("change", () => this.setBlind(byId("blind").checked));
    byId("reveal").addEventListener("click", () => this.reveal());
    byId("save").addEventListener("click", () => this.choices.save());
    addEventListener("resize", () => this.drawPitch());
    this.listenToDrags(byId("tracks"));
    this.openSet();
    this.follow();
  }

  get place() {
    return JSON.stringify([this.set.name, this.utterance.id]);
  }

  openSet() {
    this.set = this.data.sets[byId("set").value];
    byId("utterances").replaceChildren(
      ...this.set.utterances.map((utterance, index) => {
        const button = make("button", { type: "button" }, utterance.id);
        button.append(make("small", {}, `${utterance.seconds.toFixed(1)} s`));
        button.addEventListener("click", () => this.open(index));
        return make("li", {}, button);
      }),
    );
    this.open(0);
  }

  open(index) {
    this.index = index;
    this.utterance = this.set.utterances[index];
    this.player.reset();
    this.heard = this.before = null;
    this.pitch.reset(this.utterance.seconds, this.utterance.notes);
    byId("title").textContent = this.utterance.id;
    byId("status").textContent = "";
    buildAxis(byId("axis"), this.utterance.seconds);
    this.build();
    byId("utterances").children[index].scrollIntoView({ block: "nearest" });
    this.fetch();
  }

  // Sounds and contours of the open utterance, one after another; those of others are not kept.
  async fetch() {
    const utterance = this.utterance;
    for (const sample of utterance.samples) {
      if (sample.problem) continue;
      try {
        const content = await page.load(sample.key);
        const buffer = await this.player.decode(content.sound);
        if (this.utterance !== utterance) return;
        this.player.add(sample.name, buffer);
        this.pitch.add(sample.name, content.f0, content.f0_step);
      } catch (error) {
        if (this.utterance !== utterance) return;
        byId("status").textContent = this.choices.isHidden(this.place) ? "a sample could not be loaded" : error.message;
      }
      this.drawPitch();
    }
    byId("tracks").dataset.loaded = this.place;
  }

  // `stays` tells the row that is heard on; where there is none it is the recording, by its name.
  build(stays = () => false) {
    this.rows = this.choices.rows(this.place, this.utterance.samples);
    const actions = { hear: (row) => this.hearOrPause(row), rate: (row, rating) => this.rate(row, rating) };
    for (const row of this.rows) {
      row.element = buildRow(row, this.utterance, this.data.metrics, this.data.ticks, actions);
    }
    byId("rows").replaceChildren(...this.rows.map((row) => row.element));
    this.heard = this.rows.find(stays) || this.rows[0];
    this.before = null;
    this.player.select(this.heard.sample.name);
    this.show();
  }

  hear(row) {
    if (!row || row.sample.problem) return;
    if (row !== this.heard) this.before = this.heard;
    this.heard = row;
    this.player.select(row.sample.name);
    row.element.scrollIntoView({ block: "nearest" });
    this.show();
  }

  hearOrPause(row) {
    if (row === this.heard && this.player.playing) return this.player.pause();
    this.hear(row);
    this.player.play();
  }

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.player.play();
  }

  rate(row, rating) {
    if (!row.rated) return;
    const again = this.choices.rating(this.place, row.sample.name) === rating;
    this.choices.rate(this.place, row.sample.name, again ? 0 : rating);
    this.show();
  }

  setBlind(blind) {
    const { sample } = this.heard;
    this.choices.blind = blind;
    // To stay on a sample whose name is hidden now would tell which it is.
    const hidden = this.choices.isHidden(this.place);
    this.build((row) => !hidden && row.sample === sample);
  }

  reveal() {
    const place = this.rows.indexOf(this.heard);
    this.choices.reveal(this.place);
    this.build((_, index) => index === place);
  }

  // Bring the page in line with what is heard.
  show() {
    const { player, choices } = this;
    byId("play").textContent = player.playing ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(Boolean(player.playing)));
    byId("unloop").hidden = !player.loop;
    byId("reveal").hidden = !choices.blind || choices.of(this.place).revealed;
    const loop = byId("loop");
    loop.hidden = !player.loop;
    if (player.loop) {
      loop.style.setProperty("--from", player.loop.start / this.utterance.seconds);
      loop.style.setProperty("--to", player.loop.end / this.utterance.seconds);
    }
    for (const row of this.rows) {
      if (!row.element) continue;
      row.element.classList.toggle("heard", row === this.heard);
      if (row.rated) showRating(row.element, choices.rating(this.place, row.sample.name));
    }
    byId("utterances").querySelectorAll("button").forEach((button, index) => {
      button.setAttribute("aria-current", String(index === this.index));
      const place = JSON.stringify([this.set.name, this.set.utterances[index].id]);
      button.classList.toggle("rated", choices.isRated(place));
    });
    this.drawPitch();
    this.showMeans();
  }

  drawPitch() {
    const nameless = this.rows.some((row) => !row.named);
    this.pitch.draw(this.heard?.sample.name ?? null, nameless);
  }

  showMeans() {
    const means = this.choices.blind ? [] : this.choices.means();
    const lines = means.map(([name, mean, count]) => make("li", {}, `${name}: ${mean.toFixed(2)} (${count})`));
    const heading = make("h3", {}, "Mean of blind ratings");
    byId("summary").replaceChildren(...(lines.length ? [heading, make("ol", {}, ...lines)] : []));
  }

  // The cursor and the clock, at every frame of the screen.
  follow() {
    const position = Math.min(this.player.position, this.utterance.seconds);
    byId("cursor").style.setProperty("--at", position / this.utterance.seconds);
    byId("time").textContent = `${position.toFixed(2)} s`;
    requestAnimationFrame(() => this.follow());
  }

  // A click on a spectrogram hears its row from there; a drag loops.
  listenToDrags(tracks) {
    let from = null;
    const timeAt = (event) => {
      const box = byId("pitch").getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      return share * this.utterance.seconds;
    };
    tracks.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.target.closest(".track, #pitch")) from = { time: timeAt(event), x: event.clientX };
    });
    addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [start, end] = [from.time, timeAt(event)].sort((a, b) => a - b);
      const moved = Math.abs(event.clientX - from.x);
      from = null;
      if (moved > 6 && end - start > 0.05) return this.player.setLoop(start, end);
      this.hear(this.rows.find((row) => row.element.contains(event.target)));
      this.player.seek(start);
      this.player.play();
    });
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    // Whoever moves by tabs presses what has the focus.
    if (event.target.closest("select")) return;
    if ([" ", "Enter"].includes(event.key) && event.target.closest("button, input, summary")) return;
    const { player } = this;
    const actions = {
      " ": () => this.toggle(),
      Enter: () => this.hear(this.before),
      ArrowUp: () => this.hear(this.neighbour(-1)),
      ArrowDown: () => this.hear(this.neighbour(1)),
      ArrowLeft: () => (event.shiftKey ? this.step(-1) : player.seek(player.position - 1)),
      ArrowRight: () => (event.shiftKey ? this.step(1) : player.seek(player.position + 1)),
    };
    const row = this.rows.find(({ letter }) => letter === event.key.toLowerCase());
    if (actions[event.key]) actions[event.key]();
    else if (/^[0-5]$/.test(event.key)) this.rateByKey(Number(event.key));
    else if (row) this.hear(row);
    else return;
    event.preventDefault();
  }

  // The next row above (-1) or below (1) that can be heard.
  neighbour(by) {
    let place = this.rows.indexOf(this.heard);
    do place += by;
    while (this.rows[place]?.sample.problem);
    return this.rows[place];
  }

  rateByKey(rating) {
    if (!this.heard.rated) return;
    this.choices.rate(this.place, this.heard.sample.name, rating);
    this.show();
  }

  step(by) {
    const index = this.index + by;
    if (index >= 0 && index < this.set.utterances.length) this.open(index);
  }
}
