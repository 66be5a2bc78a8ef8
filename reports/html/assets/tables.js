// Tables that sort themselves. A column is { label, title, value(row), better }: `better` says where
// good values lie ("high", "low"), and is absent where values are names.

const NAMES = new Intl.Collator(undefined, { numeric: true });

function compare(a, b) {
  return typeof a === "string" ? NAMES.compare(a, b) : a - b;
}

// Return the rows in the order of one column; what has no value comes last, whichever the order.
function sorted(rows, column, descending) {
  const keyed = rows.map((row) => [column.value(row), row]);
  const missing = keyed.filter(([value]) => value === null || value === undefined);
  const found = keyed.filter(([value]) => value !== null && value !== undefined);
  found.sort(([a], [b]) => (descending ? compare(b, a) : compare(a, b)));
  return [...found, ...missing].map(([, row]) => row);
}

// The head of a sortable table. `changed(column, descending)` is called with the new order.
function sortableHead(columns, changed) {
  const cells = columns.map((column, i) => {
    const attributes = { scope: "col", title: column.title, class: column.class };
    if (!column.value) return el("th", attributes, column.label);
    const press = () => {
      const now = cells[i].getAttribute("aria-sort");
      const first = column.better === "high" ? "descending" : "ascending";
      const next = { ascending: "descending", descending: "ascending" }[now] ?? first;
      for (const cell of cells) cell.removeAttribute("aria-sort");
      cells[i].setAttribute("aria-sort", next);
      changed(column, next === "descending");
    };
    return el("th", attributes, el("button", { type: "button", onclick: press }, column.label));
  });
  return el("thead", {}, el("tr", {}, cells));
}

function scrolling(label, table, width = "") {
  return el(
    "div",
    { class: `scroll ${width}`, tabindex: "0", role: "region", "aria-label": label },
    table,
  );
}

function notes(marks) {
  return marks.length ? el("sup", {}, marks.join(",")) : null;
}

const TIED = "not distinguishable from the best of its column";

function resultsTable(group) {
  const cellOf = (cell) =>
    el(
      "td",
      { title: cell.n === null ? undefined : `n = ${cell.n}` },
      el("span", { class: cell.mark }, cell.text),
      cell.tied ? el("sup", { title: TIED }, "=") : null,
      notes(cell.notes),
      cell.interval ? el("span", { class: "interval" }, cell.interval) : null,
    );
  const rows = group.rows.map((row) => ({
    ...row,
    element: el(
      "tr",
      {},
      el("th", { scope: "row" }, row.title, notes(row.notes)),
      row.cells.map(cellOf),
    ),
  }));
  // Published rows stay below ours, whichever the order.
  const parts = [rows.filter((row) => !row.published), rows.filter((row) => row.published)]
    .filter((part) => part.length)
    .map((part) => [part, el("tbody", {}, elementsOf(part))]);
  const columns = [
    { label: "Method", value: (row) => row.title },
    ...group.columns.map((column, i) => ({
      label: [`${column.title} ${column.arrow}`, notes(column.notes)].filter(Boolean),
      title: column.metric,
      better: column.higher ? "high" : "low",
      value: (row) => row.cells[i].value,
    })),
  ];
  const head = sortableHead(columns, (column, descending) => {
    for (const [part, body] of parts)
      body.replaceChildren(...elementsOf(sorted(part, column, descending)));
  });
  const bodies = parts.map(([, body]) => body);
  return scrolling(`Results on ${group.title}`, el("table", {}, head, bodies));
}

function elementsOf(rows) {
  return rows.map((row) => row.element);
}

// Return a group of results as CSV, unrounded; what is missing is empty.
function asCsv(group) {
  const quoted = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  const head = ["method", "n", ...group.columns.map((column) => column.metric), "published"];
  const lines = group.rows.map((row) => [
    row.title,
    row.published ? row.cells.find((cell) => cell.n !== null)?.n : group.n,
    ...row.cells.map((cell) => cell.value),
    row.published,
  ]);
  return `${[head, ...lines].map((line) => line.map(quoted).join(",")).join("\n")}\n`;
}

function csvButton(group) {
  const save = () => {
    const address = URL.createObjectURL(new Blob([asCsv(group)], { type: "text/csv" }));
    el("a", { href: address, download: `${group.title}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const title = `Save the results on ${group.title} as CSV`;
  return el("button", { type: "button", title, onclick: save }, "CSV");
}

function showResults(section, tables) {
  const key = [el("b", { class: "best" }, "best"), ", ", el("span", { class: "second" }, "second")];
  if (tables.some((group) => group.rows.some((row) => row.cells.some((cell) => cell.tied)))) {
    key.push(", ", el("sup", {}, "="), ` ${TIED} (paired test, Holm over the table)`);
  }
  if (tables.length) section.append(el("p", { class: "key" }, key));
  const withIntervals = tables.some((group) =>
    group.rows.some((row) => row.cells.some((cell) => cell.interval)),
  );
  if (withIntervals) {
    const box = el("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => section.classList.toggle("no-intervals", !box.checked));
    section.append(el("p", { class: "key" }, el("label", {}, box, " 95 % intervals")));
  }
  for (const group of tables) {
    section.append(
      el(
        "div",
        { class: "lede" },
        el("h3", {}, group.title, notes(group.notes)),
        el("span", { class: "quiet" }, `n = ${group.n}`),
        csvButton(group),
      ),
      resultsTable(group),
      el(
        "ul",
        { class: "notes" },
        el("li", {}, group.caption),
        group.footnotes.map(([mark, text]) => el("li", {}, el("sup", {}, mark), ` ${text}`)),
      ),
    );
  }
  if (!tables.length) section.append(el("p", { class: "quiet" }, "No scores yet."));
}
