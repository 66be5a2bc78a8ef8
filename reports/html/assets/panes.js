// Panes that look at the same place of several images of one size, at whole multiples of a device
// pixel. A View holds the place and the zoom; each Pane shows one image, or two on top of each
// other, through it. Coordinates are pixels of the result: an LR image is enlarged to that size.

const ZOOMS = [1, 2, 4, 8, 16];
const KEY_STEP = 64; // device pixels that an arrow key moves
const PINCH_STEP = 1.35; // how far two fingers spread or close for one step of zoom

class View {
  constructor(changed = () => {}) {
    this.panes = new Set();
    this.changed = changed;
    this.width = this.height = 1;
    this.zoom = 1; // device pixels per image pixel, or "fit"
    this.x = this.y = 0.5; // what is in the middle, in image pixels
    this.observer = new ResizeObserver(() => this.render());
    addEventListener("resize", () => this.render()); // the browser's own zoom moves device pixels
  }

  // Look at images of another size. The place is kept relative to the image.
  show(width, height, centred = false) {
    const across = centred ? 0.5 : this.x / this.width;
    const down = centred ? 0.5 : this.y / this.height;
    [this.width, this.height] = [width, height];
    [this.x, this.y] = [across * width, down * height];
    this.render();
  }

  add(pane) {
    this.panes.add(pane);
    this.observer.observe(pane.element);
  }

  clear() {
    for (const pane of this.panes) this.observer.unobserve(pane.element);
    this.panes.clear();
  }

  // The room that every pane has, in CSS pixels.
  get room() {
    const boxes = [...this.panes].map((pane) => pane.room);
    const least = (side) => Math.min(...boxes.map((box) => box[side])) || 1;
    return [least(0), least(1)];
  }

  get fit() {
    const [width, height] = this.room;
    return Math.min(width / this.width, height / this.height) * devicePixelRatio;
  }

  // CSS pixels per image pixel.
  get scale() {
    return (this.zoom === "fit" ? this.fit : this.zoom) / devicePixelRatio;
  }

  // Zoom so that the point of the image at (left, top) of `pane` stays where it is.
  zoomTo(zoom, left, top, pane = [...this.panes][0]) {
    const [width, height] = pane.room;
    const [right, down] = [(left ?? width / 2) - width / 2, (top ?? height / 2) - height / 2];
    this.x += right / this.scale;
    this.y += down / this.scale;
    this.zoom = zoom;
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.render();
  }

  step(direction, left, top, pane) {
    const now = this.zoom === "fit" ? this.fit : this.zoom;
    const next =
      direction > 0
        ? ZOOMS.find((zoom) => zoom > now * 1.001)
        : (ZOOMS.findLast((zoom) => zoom < now * 0.999) ?? (this.fit < 1 ? "fit" : undefined));
    if (next !== undefined) this.zoomTo(next, left, top, pane);
  }

  move(right, down) {
    this.x += right / this.scale;
    this.y += down / this.scale;
    this.render();
  }

  // Keep the middle of what is looked at so far inside that no pane shows more surround than it must.
  keepInside() {
    const [width, height] = this.room.map((room) => room / this.scale / 2);
    const inside = (at, half, size) =>
      size <= 2 * half ? size / 2 : Math.min(size - half, Math.max(half, at));
    this.x = inside(this.x, width, this.width);
    this.y = inside(this.y, height, this.height);
  }

  render() {
    if (!this.panes.size) return;
    this.keepInside();
    for (const pane of this.panes) pane.render(this);
    this.changed();
  }
}

// Where an image begins in a pane's room, on a whole device pixel: `at` is in the middle, unless
// that would show surround on one side alone.
function beginning(room, size, at, scale) {
  const shown = size * scale;
  const centred =
    shown <= room ? (room - shown) / 2 : Math.min(0, Math.max(room - shown, room / 2 - at * scale));
  return Math.round(centred * devicePixelRatio) / devicePixelRatio;
}

class Pane {
  // `layers` are [address, description] of one image, or of the two of a slider.
  constructor(view, layers, label) {
    this.view = view;
    this.images = layers.map(([src, alt]) =>
      el("img", { src, alt, decoding: "async", draggable: "false" }),
    );
    for (const image of this.images) image.addEventListener("load", () => view.render());
    this.element = el(
      "div",
      { class: "pane", tabindex: "0", role: "group", "aria-label": label },
      this.images.map((image) => el("div", { class: "layer" }, image)),
    );
    this.pointers = new Map();
    this.listen();
    view.add(this);
  }

  loaded() {
    return Promise.all(this.images.map((image) => image.decode()));
  }

  get room() {
    const box = this.element.getBoundingClientRect();
    return [box.width, box.height];
  }

  render({ x, y, width, height, scale }) {
    const [across, down] = this.room;
    const left = beginning(across, width, x, scale);
    const top = beginning(down, height, y, scale);
    for (const image of this.images) {
      image.style.width = `${width * scale}px`;
      image.style.height = `${height * scale}px`;
      image.style.transform = `translate(${left}px, ${top}px)`;
      const enlarged = (width * scale * devicePixelRatio) / (image.naturalWidth || width);
      image.style.imageRendering = enlarged > 0.999 ? "pixelated" : "auto";
    }
  }

  listen() {
    const on = (name, act, options) => this.element.addEventListener(name, act, options);
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) on(end, (event) => this.drop(event));
    on("wheel", (event) => this.roll(event), { passive: false });
    on("dblclick", (event) => this.view.step(event.shiftKey ? -1 : 1, ...this.at(event)));
    on("keydown", (event) => this.key(event));
  }

  at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, this];
  }

  grab(event) {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.spread = this.distance();
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 1) {
      this.view.move(before[0] - event.clientX, before[1] - event.clientY);
      return;
    }
    const ratio = this.distance() / this.spread;
    if (ratio > PINCH_STEP || ratio < 1 / PINCH_STEP) {
      this.view.step(Math.sign(ratio - 1), ...this.at(event));
      this.spread = this.distance();
    }
  }

  drop(event) {
    this.pointers.delete(event.pointerId);
    this.spread = this.distance();
  }

  distance() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 : 1;
  }

  roll(event) {
    event.preventDefault();
    this.turned = (this.turned ?? 0) + event.deltaY;
    if (Math.abs(this.turned) < 40) return; // a touchpad sends many small turns
    this.view.step(this.turned < 0 ? 1 : -1, ...this.at(event));
    this.turned = 0;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = KEY_STEP / devicePixelRatio;
    const act = {
      ArrowLeft: () => this.view.move(-step, 0),
      ArrowRight: () => this.view.move(step, 0),
      ArrowUp: () => this.view.move(0, -step),
      ArrowDown: () => this.view.move(0, step),
      "+": () => this.view.step(1),
      "=": () => this.view.step(1),
      "-": () => this.view.step(-1),
      f: () => this.view.zoomTo("fit"),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

// Two images in one pane with a divider between them. The range input is the divider's keyboard.
class SliderPane extends Pane {
  constructor(view, layers, label) {
    super(view, layers, label);
    this.element.classList.add("slider");
    this.grip = el("div", { class: "grip", "aria-hidden": "true" });
    this.element.append(this.grip);
    this.range = el("input", {
      type: "range",
      min: "0",
      max: "100",
      step: "0.5",
      value: "50",
      class: "divider",
      "aria-label": "Divider between the left and the right image",
      oninput: () => this.split(Number(this.range.value)),
    });
    this.grip.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.grip.setPointerCapture(event.pointerId);
    });
    this.grip.addEventListener("pointermove", (event) => {
      if (!this.grip.hasPointerCapture(event.pointerId)) return;
      event.stopPropagation();
      this.split((this.at(event)[0] / this.room[0]) * 100);
    });
    this.split(50);
  }

  split(percent) {
    const at = Math.min(100, Math.max(0, percent));
    this.range.value = String(at);
    this.range.setAttribute("aria-valuetext", `${Math.round(at)} % of the left image`);
    this.element.style.setProperty("--split", `${at}%`);
  }
}
