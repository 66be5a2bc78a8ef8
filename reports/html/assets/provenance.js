// Failures, and where the numbers come from.

function showFailures(section, link, failures) {
  if (!failures.length) {
    section.append(el("p", { class: "quiet" }, "No failure was recorded."));
    return;
  }
  link.append(" ", el("b", {}, String(failures.length)));
  const columns = ["Data set", "Method", "Image", "Stage", "Metric", "Cause"];
  const keys = ["dataset", "method", "image", "stage", "metric", "cause"];
  const rows = failures.map((failure) => ({
    ...failure,
    element: el(
      "tr",
      {},
      keys.map((key) => el("td", { class: key === "cause" ? "text wide" : "text" }, failure[key])),
    ),
  }));
  const body = el(
    "tbody",
    {},
    rows.map((row) => row.element),
  );
  const head = sortableHead(
    columns.map((label, i) => ({ label, class: "text", value: (row) => row[keys[i]] })),
    (column, descending) =>
      body.replaceChildren(...sorted(rows, column, descending).map((row) => row.element)),
  );
  section.append(scrolling("Failures", el("table", {}, head, body)));
}

function showProvenance(section, { sections, sessions, records }) {
  for (const { title, entries } of sections) {
    if (!entries.length) continue;
    const entry = ({ title: name, facts }) =>
      el(
        "div",
        {},
        el("h4", {}, name),
        el(
          "dl",
          {},
          facts.map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]),
        ),
      );
    section.append(el("h3", {}, title), el("div", { class: "facts" }, entries.map(entry)));
  }
  section.append(el("h3", {}, "Sessions"), sessionsTable(sessions));
  for (const { title, text } of records) {
    section.append(el("details", {}, el("summary", {}, title), el("pre", { tabindex: "0" }, text)));
  }
}

function sessionsTable(sessions) {
  if (!sessions.length) return el("p", { class: "quiet" }, "None is recorded.");
  const row = (one) =>
    el(
      "tr",
      {},
      ["started", "finished", "exit"].map((key) => el("td", { class: "text tight" }, one[key])),
      el("td", { class: "text wide" }, el("code", {}, one.command)),
      el("td", { class: "text" }, one.tool),
      el("td", { class: "text" }, one.machine),
      el(
        "td",
        { class: "text wide" },
        el("details", {}, el("summary", {}, "versions"), one.packages),
      ),
    );
  const names = ["Started", "Finished", "Exit", "Command", "Program", "Machine", "Packages"];
  const head = names.map((name) => el("th", { scope: "col", class: "text" }, name));
  return scrolling(
    "Sessions",
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, sessions.map(row))),
  );
}
