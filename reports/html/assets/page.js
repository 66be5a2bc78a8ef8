// The page of a run: data in, sections out; the address says which image is open.

const THEMES = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

function applyTheme(button, theme) {
  button.textContent = THEMES[theme];
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function startTheme(button) {
  let theme = remembered("mfsr-bench theme");
  if (!(theme in THEMES)) theme = "auto";
  applyTheme(button, theme);
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    applyTheme(button, theme);
    remember("mfsr-bench theme", theme);
  });
}

function start() {
  const data = pageData();
  startTheme(byId("theme"));
  byId("title").textContent = data.title;
  byId("about").textContent = `Protocol ${data.protocol}`;
  byId("foot").append(data.runs.join(" · "));
  showResults(byId("results"), data.tables);
  showFailures(byId("failures"), byId("to-failures"), data.failures);
  showProvenance(byId("provenance"), data.provenance);
  if (!data.datasets.length) return;
  const browser = new Browser(byId("images"), data, addressOf);
  const order = (dataset) =>
    browser.dataset === dataset && browser.shown.length
      ? browser.shown.map((row) => row.index)
      : dataset.images.map((_, index) => index);
  const inspector = new Inspector(byId("inspector"), data, order);
  const follow = () => {
    const [, query] = location.hash.split("#image?");
    if (query === undefined) {
      byId("inspector").close();
      return;
    }
    const wanted = Object.fromEntries(new URLSearchParams(query));
    const dataset = data.datasets.find((one) => one.id === wanted.dataset);
    const index = dataset?.images.findIndex(([name]) => name === wanted.image) ?? -1;
    if (index >= 0) inspector.show(dataset, index, wanted);
  };
  addEventListener("hashchange", follow);
  follow();
}

start();
