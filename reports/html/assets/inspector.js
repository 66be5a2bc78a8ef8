// One image in full: a slider, two images side by side, or all of them, always at the same place.

const MODES = [
  ["slider", "Slider", "one over the other, with a divider"],
  ["two", "Pair", "two images side by side"],
  ["all", "All", "LR, every method, HR"],
];
const LEVELS = [
  ["fit", "Fit"],
  ["1", "1:1"],
  ["2", "2:1"],
  ["4", "4:1"],
  ["8", "8:1"],
];

class Inspector {
  constructor(dialog, data, neighbours) {
    this.dialog = dialog;
    this.data = data;
    this.neighbours = neighbours; // (data set) -> positions of its images, in the order of the list
    this.view = new View(() => this.sync());
    this.view.zoom = "fit";
    this.mode = "slider";
    this.build();
    dialog.addEventListener("close", () => history.replaceState(null, "", "#images"));
    addEventListener("keydown", (event) => dialog.open && this.key(event));
  }

  build() {
    const button = (label, name, act) =>
      el("button", { type: "button", "aria-label": name, title: name, onclick: act }, label);
    this.title = el("h2", { id: "inspector-title" });
    this.a = el("select", { onchange: () => this.choose() });
    this.b = el("select", { onchange: () => this.choose() });
    this.modes = choice("mode", "How to compare", MODES, this.mode, (mode) => {
      this.mode = mode;
      this.choose();
    });
    this.zooms = choice("zoom", "Zoom", LEVELS, "fit", (zoom) =>
      this.view.zoomTo(zoom === "fit" ? zoom : Number(zoom)),
    );
    this.pair = el(
      "div",
      { class: "sides" },
      el("label", { class: "field" }, "Left", this.a),
      button("⇄", "Swap left and right (s)", () => this.swap()),
      el("label", { class: "field" }, "Right", this.b),
    );
    this.stage = el("div", { class: "stage" });
    this.under = el("div", { class: "under" });
    this.dialog.append(
      el(
        "div",
        { class: "frame" },
        el(
          "div",
          { class: "headline" },
          this.title,
          button(["←", el("span", {}, " Previous")], "Previous image (p)", () => this.walk(-1)),
          button([el("span", {}, "Next "), "→"], "Next image (n)", () => this.walk(1)),
          button([el("span", {}, "Close "), "✕"], "Close (Esc)", () => this.dialog.close()),
        ),
        el("div", { class: "tools" }, this.modes, this.zooms, this.pair),
        this.stage,
        this.under,
      ),
    );
  }

  // The sources of an image: [key, title, address or null].
  sources() {
    const [, file] = this.image;
    const { id, absent } = this.dataset;
    const of = (key, title, folder) => [
      key,
      title,
      absent[key].includes(this.index) ? null : `${folder}/${id}/${file}.png`,
    ];
    const methods = this.data.methods.map(({ key, title, folder }) => of(key, title, folder));
    const { length } = this.dataset.images;
    return [of("lr", "LR", "lr"), ...methods, of("hr", "HR", "hr")].filter(
      ([key, , address]) => address || (!["lr", "hr"].includes(key) && absent[key].length < length),
    );
  }

  // Show an image. What is compared and where one looks stay as they were, where that is possible.
  show(dataset, index, wanted = {}) {
    const other = this.dataset !== dataset;
    [this.dataset, this.index, this.image] = [dataset, index, dataset.images[index]];
    if (MODES.some(([mode]) => mode === wanted.mode)) this.mode = wanted.mode;
    choose(this.modes, this.mode);
    const sources = this.sources();
    const a = wanted.a ?? (this.a.value || "lr");
    const results = sources.filter(([key, , address]) => address && key !== "hr");
    const b = wanted.b ?? (this.b.value || results.at(-1)?.[0]);
    for (const [select, value, spare] of [
      [this.a, a, 0],
      [this.b, b, sources.length - 1],
    ]) {
      select.replaceChildren(
        ...sources.map(([key, title, address]) =>
          el("option", { value: key }, address ? title : `${title} (no result)`),
        ),
      );
      select.value = sources.some(([key]) => key === value) ? value : sources[spare][0];
    }
    this.title.replaceChildren(
      this.image[0],
      " ",
      el("small", {}, `${dataset.title} · ${this.image[2]} × ${this.image[3]}`),
    );
    if (!this.dialog.open) this.dialog.showModal();
    this.arrange();
    this.view.show(this.image[2] || 1, this.image[3] || 1, other);
    this.scores();
  }

  choose() {
    this.arrange();
    this.view.render();
    this.remember();
  }

  swap() {
    [this.a.value, this.b.value] = [this.b.value, this.a.value];
    this.choose();
  }

  arrange() {
    const sources = this.sources();
    const find = (select) => sources.find(([key]) => key === select.value);
    this.view.clear();
    this.stage.dataset.mode = this.mode;
    this.pair.hidden = this.mode === "all";
    const chosen = this.mode === "all" ? sources : [find(this.a), find(this.b)];
    this.stage.style.setProperty("--across", Math.ceil(Math.sqrt(chosen.length * 1.6)));
    this.slider = null;
    if (this.mode === "slider" && chosen.every(([, , address]) => address)) {
      this.stage.replaceChildren(this.sliderPane(chosen));
    } else {
      if (this.mode === "slider") this.stage.dataset.mode = "two";
      this.stage.replaceChildren(...chosen.map((source) => this.pane(source)));
    }
  }

  describe(title) {
    return `${this.image[0]}: ${title}`;
  }

  sliderPane(pair) {
    const layers = pair.map(([, title, address]) => [address, this.describe(title)]);
    const label = `${pair[0][1]} left, ${pair[1][1]} right; arrow keys move, plus and minus zoom`;
    this.slider = new SliderPane(this.view, layers, label);
    this.slider.element.append(
      el("span", { class: "tag" }, pair[0][1]),
      el("span", { class: "tag right" }, pair[1][1]),
    );
    return this.slider.element;
  }

  pane([, title, address]) {
    if (!address)
      return el("div", { class: "pane empty" }, `${title} has no result for this image.`);
    const pane = new Pane(this.view, [[address, this.describe(title)]], title);
    pane.element.append(el("span", { class: "tag" }, title));
    return pane.element;
  }

  scores() {
    const metrics = this.data.metrics.filter((metric) => metric.id in this.dataset.values);
    const row = (method, i) => {
      const cell = (metric) => {
        const all = this.dataset.values[metric.id].map((values) => values[this.index]);
        const known = all.filter((value) => value !== null);
        const best = metric.higher ? Math.max(...known) : Math.min(...known);
        const top = known.length > 1 && all[i] === best;
        return el("td", { class: top ? "top" : "" }, decimals(all[i], metric.decimals));
      };
      const show = () => {
        this.b.value = method.key;
        this.choose();
      };
      const name = el(
        "button",
        { type: "button", title: "Show on the right", onclick: show },
        method.title,
      );
      return el("tr", {}, el("th", { scope: "row" }, name), metrics.map(cell));
    };
    const head = metrics.map((metric) =>
      el("th", { scope: "col", title: metric.id }, `${metric.title} ${metric.higher ? "↑" : "↓"}`),
    );
    const table = el(
      "table",
      {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Method"), head)),
      el("tbody", {}, this.data.methods.map(row)),
    );
    this.table = scrolling("Scores of this image", table);
    this.remember();
  }

  // Keep the address in step, so that it can be passed on, and the controls that follow the view.
  remember() {
    const wanted = { a: this.a.value, b: this.b.value, mode: this.mode };
    history.replaceState(null, "", addressOf(this.dataset, this.index, wanted));
    this.under.replaceChildren(...(this.slider ? [this.slider.range] : []), this.table ?? "");
  }

  sync() {
    choose(this.zooms, String(this.view.zoom));
  }

  walk(step) {
    const order = this.neighbours(this.dataset);
    const at = order.indexOf(this.index);
    const next = order[(at + step + order.length) % order.length];
    this.show(this.dataset, next);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { n: () => this.walk(1), p: () => this.walk(-1), s: () => this.swap() }[event.key];
    if (act && event.target.tagName !== "SELECT") act();
  }
}

function addressOf(dataset, index, wanted = {}) {
  const words = new URLSearchParams({
    dataset: dataset.id,
    image: dataset.images[index][0],
    ...wanted,
  });
  return `#image?${words}`;
}
