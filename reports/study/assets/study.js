// The study from consent to completion code.

async function run() {
  const data = pageData();
  const main = byId("main");
  const record = new ResponseRecord(data.study, data.raters);
  let rater = await record.register().catch(() => undefined);
  for (;;) {
    if (!record.state.rater) {
      record.begin(await consent(main, data, rater));
    }
    await trials(main, data, record);
    await finish(main, data.labels, record);
    record.clear();
    rater = await record.register().catch(() => undefined);
  }
}

// Put values into the places of a text: {name}.
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

function sheet(main, ...children) {
  main.replaceChildren(el("div", { class: "sheet" }, children));
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// Ask for consent and, where no server says which rater this is, for the participant number.
function consent(main, data, rater) {
  const ids = Object.keys(data.raters);
  const { labels } = data;
  const [first] = Object.values(data.raters);
  const total = first.trials.length;
  const shown = first.trials[0][3].length;
  const number = el("input", {
    type: "number",
    min: 1,
    max: ids.length,
    required: true,
    inputmode: "numeric",
    id: "number",
    value: new URLSearchParams(location.search).get("participant") ?? "",
  });
  const agreed = el("input", { type: "checkbox", required: true, id: "agreed" });
  const ask = el(
    "p",
    { class: "number" },
    el("label", { for: "number" }, filled(labels.number, { most: ids.length })),
    number,
  );
  return new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      resolve(rater ?? ids[Number(number.value) - 1]);
    };
    sheet(
      main,
      el("h1", {}, data.title),
      data.consent.map((paragraph) => el("p", {}, paragraph)),
      el("h2", {}, labels.task_heading),
      el("p", {}, filled(labels.task, { total, shown })),
      el("blockquote", {}, data.question),
      el("p", {}, labels.how),
      el(
        "form",
        { onsubmit: submit },
        rater ? null : ask,
        el("p", { class: "agree" }, agreed, el("label", { for: "agreed" }, labels.agree)),
        el("button", { type: "submit", class: "primary" }, labels.begin),
      ),
    );
  });
}

async function trials(main, data, record) {
  while (!record.done) {
    const at = record.state.answers.length;
    const trial = record.plan[at];
    const shown = new TrialView(data, trial, at + 1, record.plan.length, record.kept).run(main);
    preload(data, record.plan[at + 1]);
    record.add(await shown);
    record.send();
  }
}

// Hand the answers over, and wait until another person wants to begin.
function finish(main, labels, record) {
  const status = el("p", { role: "status", class: "status" });
  const again = el("button", { type: "button", hidden: true }, labels.send_again);
  const deliver = async () => {
    again.hidden = true;
    status.textContent = labels.sending;
    const sent = await record.send();
    status.textContent = sent ? labels.sent : labels.unsent;
    again.hidden = sent;
  };
  again.addEventListener("click", deliver);
  return new Promise((resolve) => {
    sheet(
      main,
      el("h1", {}, labels.thanks),
      record.served ? [status, again] : el("p", {}, labels.pass_on),
      el("p", {}, labels.code),
      el("p", { class: "code" }, el("output", {}, record.code)),
      el(
        "p",
        { class: "row" },
        el(
          "button",
          {
            type: "button",
            class: record.served ? "" : "primary",
            id: "download",
            onclick: () => record.download(),
          },
          labels.download,
        ),
        el("button", { type: "button", id: "next-person", onclick: resolve }, labels.another),
      ),
    );
    if (record.served) deliver();
  });
}

run();
