// Elements out of plain values. Text is always text: nothing here reads markup.

function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined),
  );
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function pageData() {
  return JSON.parse(byId("data").textContent);
}

// A row of radio buttons that looks like one control; `options` are [value, label, key].
function choice(name, legend, options, selected, changed) {
  const field = el("fieldset", { class: "choice" }, el("legend", { class: "unseen" }, legend));
  for (const [value, label, hint] of options) {
    const input = el("input", { type: "radio", name, value, onchange: () => changed(value) });
    input.checked = value === selected;
    field.append(el("label", { title: hint }, input, el("span", {}, label)));
  }
  return field;
}

function choose(field, value) {
  for (const input of field.querySelectorAll("input")) input.checked = input.value === value;
}

// Storage may be refused (private windows, some browsers' files): then nothing is remembered.
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
