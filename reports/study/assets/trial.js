// One question: the LR image, the results beside it at the same place and zoom, and one choice.

const LETTERS = "ABCDEFGHIJKLMNOP";
const TRIAL_ZOOMS = [
  ["1", "1:1"],
  ["2", "2:1"],
  ["4", "4:1"],
];

class TrialView {
  constructor(data, trial, number, total, kept) {
    const [id, image, lr, results] = trial;
    const { labels } = data;
    this.id = id;
    this.labels = labels;
    this.kept = kept;
    this.minimum = data.min_seconds * 1000;
    this.names = results.map((place) => data.names[place]);
    this.address = (place) => `${data.folder}/${data.names[place]}.png`;
    this.view = new View(() => choose(this.zooms, String(this.view.zoom)));
    const zooms = [["fit", labels.whole], ...TRIAL_ZOOMS];
    this.zooms = choice("zoom", labels.zoom, zooms, "1", (zoom) =>
      this.view.zoomTo(zoom === "fit" ? zoom : Number(zoom)),
    );
    this.next = el("button", { type: "submit", class: "primary", disabled: true }, labels.next);
    this.hint = el("p", { class: "hint", role: "status" }, labels.loading);
    this.grid = el(
      "div",
      { class: "grid" },
      this.figure(lr, labels.lr, null),
      results.map((place, i) =>
        this.figure(place, filled(labels.result, { letter: LETTERS[i] }), i),
      ),
    );
    const panes = results.length + 1;
    this.grid.style.setProperty("--across", panes <= 4 ? panes : Math.ceil(panes / 2));
    this.grid.classList.toggle("odd", panes % 2 === 1);
    this.element = el(
      "form",
      { class: "trial", onsubmit: (event) => this.submit(event) },
      el(
        "header",
        {},
        el("progress", { max: total, value: number - 1, "aria-label": labels.progress }),
        el("span", { class: "count" }, filled(labels.count, { number, total })),
        el("h1", {}, data.question),
        this.zooms,
      ),
      this.grid,
      el("footer", {}, this.hint, this.next),
    );
    this.size = data.sizes[image];
    this.keys = (event) => this.key(event);
  }

  figure(place, label, index) {
    const pane = new Pane(this.view, [[this.address(place), label]], label);
    if (index === null)
      return el("figure", { class: "lr" }, pane.element, el("figcaption", {}, label));
    const input = el("input", { type: "radio", name: "choice", value: index, required: true });
    input.addEventListener("change", () => this.ready());
    const caption = el("label", {}, input, el("span", {}, label));
    return el("figure", {}, pane.element, caption);
  }

  // Show the trial in `place`; the result is the answer. Time runs while the page can be seen.
  async run(place) {
    const answer = new Promise((resolve) => (this.resolve = resolve));
    place.replaceChildren(this.element);
    place.focus({ preventScroll: true });
    scrollTo(0, 0);
    this.view.show(...this.size, true);
    await this.load();
    this.grid.classList.add("loaded");
    this.view.render();
    this.hint.textContent = this.kept ? this.labels.move : this.labels.not_kept;
    this.elapsed = 0;
    this.since = performance.now();
    this.watch = () => this.clock();
    document.addEventListener("visibilitychange", this.watch);
    addEventListener("keydown", this.keys);
    setTimeout(() => this.ready(), this.minimum);
    return answer;
  }

  // An image that does not come is asked for again: nobody is to judge a part of them.
  async load() {
    for (const pane of this.view.panes) {
      for (;;) {
        try {
          await pane.loaded();
          break;
        } catch {
          this.hint.textContent = this.labels.loading_again;
          await new Promise((wake) => setTimeout(wake, 1500));
          for (const image of pane.images) image.src = image.getAttribute("src");
        }
      }
    }
  }

  clock() {
    const now = performance.now();
    if (document.hidden) {
      this.elapsed += now - this.since;
      this.since = null;
    } else {
      this.since = now;
    }
  }

  get time() {
    return this.elapsed + (this.since === null ? 0 : performance.now() - this.since);
  }

  get chosen() {
    return this.element.querySelector("input[name=choice]:checked")?.value;
  }

  ready() {
    const left = this.minimum - this.time;
    this.next.disabled = this.chosen === undefined || left > 0;
    if (left > 0 && this.since !== null) setTimeout(() => this.ready(), left + 5);
  }

  submit(event) {
    event.preventDefault();
    if (this.next.disabled) return;
    removeEventListener("keydown", this.keys);
    document.removeEventListener("visibilitychange", this.watch);
    this.resolve({
      trial: this.id,
      shown: this.names,
      chosen: this.names[Number(this.chosen)],
      ms: Math.round(this.time),
    });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const input = this.element.querySelector(
      `input[value="${Number(event.key) - 1}"][name=choice]`,
    );
    if (input) {
      input.checked = true;
      input.focus({ preventScroll: true });
      this.ready();
    } else if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
      event.preventDefault();
      if (!this.next.disabled) this.element.requestSubmit();
    }
  }
}

// Ask for the images of a trial before it is shown.
function preload(data, trial) {
  if (!trial) return;
  for (const place of [trial[2], ...trial[3]])
    new Image().src = `${data.folder}/${data.names[place]}.png`;
}
