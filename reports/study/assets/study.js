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
    await finish(main, record);
    record.clear();
    rater = await record.register().catch(() => undefined);
  }
}

function sheet(main, ...children) {
  main.replaceChildren(el("div", { class: "sheet" }, children));
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// Ask for consent and, where no server says which rater this is, for the participant number.
function consent(main, data, rater) {
  const ids = Object.keys(data.raters);
  const total = data.raters[ids[0]].trials.length;
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
    el("label", { for: "number" }, `Your participant number (1 to ${ids.length})`),
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
      el("h2", {}, "What you will do"),
      el(
        "p",
        {},
        `There are ${total} questions. Each shows a low-resolution photograph and ` +
          `${data.raters[ids[0]].trials[0][3].length} enlarged versions of it. Each time you are asked:`,
      ),
      el("blockquote", {}, data.question),
      el(
        "p",
        {},
        "All images move and zoom together, so that you compare the same place. Choose a result " +
          "with the mouse, by touch, or with the number keys, then press Next.",
      ),
      el(
        "form",
        { onsubmit: submit },
        rater ? null : ask,
        el(
          "p",
          { class: "agree" },
          agreed,
          el("label", { for: "agreed" }, "I have read this and want to take part."),
        ),
        el("button", { type: "submit", class: "primary" }, "Begin"),
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
function finish(main, record) {
  const status = el("p", { role: "status", class: "status" });
  const again = el("button", { type: "button", hidden: true }, "Send again");
  const deliver = async () => {
    again.hidden = true;
    status.textContent = "Sending your answers …";
    const sent = await record.send();
    status.textContent = sent
      ? "Your answers have arrived. You can close this page."
      : "Your answers could not be sent. Send them again, or download them and pass on the file.";
    again.hidden = sent;
  };
  again.addEventListener("click", deliver);
  return new Promise((resolve) => {
    sheet(
      main,
      el("h1", {}, "Thank you"),
      record.served
        ? [status, again]
        : el("p", {}, "Download your answers and pass on the file as you were asked to."),
      el("p", {}, "Your completion code is"),
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
          "Download my answers",
        ),
        el(
          "button",
          { type: "button", id: "next-person", onclick: resolve },
          "Another person begins",
        ),
      ),
    );
    if (record.served) deliver();
  });
}

run();
