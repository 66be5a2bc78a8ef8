// The list of images: values of one metric by method, sorted, filtered, shown as far as one scrolls.

const PAGE = 150; // rows that are added at a time

function decimals(value, places) {
  return value === null ? "–" : value.toFixed(places);
}

class Browser {
  constructor(section, data, addressOf) {
    this.data = data;
    this.addressOf = addressOf; // (data set, position) -> what opens the image
    this.filter = "";
    this.list = el("div");
    this.count = el("output", { "aria-live": "polite" });
    this.warning = el("p", { class: "warning", hidden: true });
    this.tools = el("div", { class: "tools" });
    section.append(this.tools, this.warning, this.list);
    this.pick(data.datasets[0]);
  }

  // Show another data set.
  pick(dataset) {
    this.dataset = dataset;
    this.metric = this.data.metrics.find((metric) => metric.id in dataset.values);
    this.order = null;
    const said = dataset.lacking && `LR and HR images are not shown: ${dataset.lacking}`;
    this.warning.textContent = [said, dataset.without].filter(Boolean).join(" ");
    this.warning.hidden = !this.warning.textContent;
    this.rows = dataset.images.map((image, index) => ({ image, index, name: image[0] }));
    this.controls();
    this.table();
  }

  controls() {
    const field = (label, control) => el("label", { class: "field" }, label, control);
    const select = (options, selected, changed) => {
      const element = el("select", { onchange: () => changed(element.selectedIndex) });
      element.append(...options.map((text) => el("option", {}, text)));
      element.selectedIndex = selected;
      return element;
    };
    const { datasets } = this.data;
    const metrics = this.data.metrics.filter((metric) => metric.id in this.dataset.values);
    const search = el("input", {
      type: "search",
      placeholder: "part of a name",
      value: this.filter,
    });
    search.addEventListener("input", () => {
      this.filter = search.value;
      this.fill();
    });
    this.tools.replaceChildren(
      field(
        "Data set",
        select(
          datasets.map((one) => one.title),
          datasets.indexOf(this.dataset),
          (index) => this.pick(datasets[index]),
        ),
      ),
      ...(metrics.length
        ? [
            field(
              "Metric",
              select(
                metrics.map((metric) => metric.title),
                metrics.indexOf(this.metric),
                (index) => {
                  this.metric = metrics[index];
                  this.table();
                },
              ),
            ),
          ]
        : []),
      field("Find", search),
      this.count,
    );
  }

  value(method, row) {
    return this.metric ? this.dataset.values[this.metric.id][method][row.index] : null;
  }

  // How far the methods are apart on an image: where to look first.
  range(row) {
    const values = this.data.methods
      .map((_, method) => this.value(method, row))
      .filter((value) => value !== null);
    return values.length > 1 ? Math.max(...values) - Math.min(...values) : null;
  }

  table() {
    const better = this.metric?.higher ? "high" : "low";
    this.columns = [
      { label: "Image", value: (row) => row.name },
      ...this.data.methods.map((method, i) => ({
        label: method.title,
        title: method.key,
        better,
        value: (row) => this.value(i, row),
      })),
      {
        label: "Range",
        title: "largest minus smallest value of the methods",
        better: "high",
        value: (row) => this.range(row),
      },
    ];
    if (!this.metric) this.columns.splice(1);
    const head = sortableHead(this.columns, (column, descending) => {
      this.order = [this.columns.indexOf(column), descending];
      this.fill();
    });
    if (this.order) {
      const direction = this.order[1] ? "descending" : "ascending";
      head.rows[0].cells[this.order[0]]?.setAttribute("aria-sort", direction);
    }
    this.body = el("tbody");
    this.more = el("button", { type: "button", class: "more", onclick: () => this.extend() });
    new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) this.extend();
      },
      { rootMargin: "600px" },
    ).observe(this.more);
    const table = el("table", { class: "gallery" }, head, this.body);
    this.list.replaceChildren(scrolling("Images", table, "full"), this.more);
    this.fill();
  }

  // Put the rows that pass the filter in order, and show the first of them.
  fill() {
    const wanted = this.filter.toLocaleLowerCase();
    const rows = this.rows.filter((row) => row.name.toLocaleLowerCase().includes(wanted));
    const column = this.columns[this.order?.[0]];
    this.shown = column ? sorted(rows, column, this.order[1]) : rows;
    this.count.value =
      rows.length === this.rows.length
        ? `${rows.length} images`
        : `${rows.length} of ${this.rows.length}`;
    this.body.replaceChildren();
    this.extend();
  }

  extend() {
    const next = this.shown.slice(this.body.rows.length, this.body.rows.length + PAGE);
    this.body.append(...next.map((row) => this.row(row)));
    const left = this.shown.length - this.body.rows.length;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show more (${left})`;
  }

  row(row) {
    const [name, file] = row.image;
    const src = `thumbs/${this.dataset.id}/${file}.jpg`;
    const blank = row.image[2] === 0 && this.dataset.absent.lr.includes(row.index);
    const thumb = blank
      ? el("span", { class: "blank" })
      : el("img", { src, alt: "", loading: "lazy", decoding: "async", width: 56, height: 56 });
    const values = this.metric ? this.data.methods.map((_, method) => this.value(method, row)) : [];
    const known = values.filter((value) => value !== null);
    const best = this.metric?.higher ? Math.max(...known) : Math.min(...known);
    const show = (value) => decimals(value, this.metric.decimals);
    const cell = (value) =>
      el("td", { class: known.length > 1 && value === best ? "top" : "" }, show(value));
    const link = el(
      "a",
      { href: this.addressOf(this.dataset, row.index) },
      thumb,
      el("span", {}, name),
    );
    const range = this.metric ? [el("td", { class: "quiet" }, show(this.range(row)))] : [];
    return el("tr", {}, el("th", { scope: "row" }, link), values.map(cell), range);
  }
}
