// The table of samples: any number of rows, of which only those in sight are elements.
// Rows come by pages from the kernel (`pages.js`, which stands before this in one module).
// All text is set as text; it was made visible (no control characters) before it came.

const ROW = 26; // Pixels; the same as --row in samples.css.
const SHOWN = 14; // Rows in sight, if there are as many.
const TALLEST = 10_000_000; // Pixels that a browser can still place; beyond, the bar is scaled.
const TYPING = 250; // Milliseconds after the last key that a filter waits.
const ID = 0; // Places in a row, and among its cells.
const SIGN = 1;
const PROMPT = 2;
const LETTER = 7.3; // Pixels, a little more than one takes.
const CLASSES = [
  "sign", "number quiet", "quiet", "", "", "quiet", "number sign", "number", "quiet",
];

// Elements.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A problem's question often stands at its end, so its middle is left out.
function both_ends(text, width) {
  const signs = [...text];
  if (signs.length <= width) return text;
  const head = Math.floor(width / 2);
  return `${signs.slice(0, head).join("")}…${signs.slice(head + 1 - width).join("")}`;
}

// The filter: a line of words, and a button for each word that is used often.

function filter_bar(model, leave) {
  const input = element("input", {
    type: "search", spellcheck: "false", "aria-label": "Filter of samples",
    placeholder: "filter: accepted level:5-7 score:0-.5 role:greedy, or text to find",
  });
  const bar = element("div", { class: "bar", role: "search" }, input);
  let timer = null;
  const send = () => {
    clearTimeout(timer);
    if (model.get("words") === input.value) return;
    model.set("words", input.value);
    model.save_changes();
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, TYPING); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { send(); leave(); }
    if (event.key === "Escape") { input.value = ""; send(); leave(); }
  });
  const words = () => input.value.split(/\s+/).filter(Boolean);
  const buttons = model.get("flags").map((flag) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, flag);
    button.addEventListener("click", () => {
      const on = words().includes(flag);
      const rest = words().filter((word) => word !== flag);
      input.value = (on ? rest : [flag, ...rest]).join(" ");
      send();
      press();
    });
    return button;
  });
  const press = () => buttons.forEach((button) => {
    button.setAttribute("aria-pressed", String(words().includes(button.textContent)));
  });
  input.addEventListener("input", press);
  bar.append(...buttons);
  const follow = () => {
    if (input.value !== model.get("words")) input.value = model.get("words");
    press();
  };
  follow();
  return { bar, input, follow };
}

function heading(model) {
  const head = element("div", { class: "head", role: "row", "aria-rowindex": "1" });
  const cells = model.get("columns").map(([name, order], place) => {
    const cell = element("div", {
      role: "columnheader", class: CLASSES[place].includes("number") ? "number" : "",
    });
    if (order) {
      const button = element("button", { type: "button", title: `sort by ${order}` }, name);
      button.addEventListener("click", () => model.send({ sort: name }));
      cell.append(button);
    } else {
      cell.textContent = name;
    }
    return { cell, name, order };
  });
  head.append(...cells.map(({ cell }) => cell));
  const follow = () => cells.forEach(({ cell, name, order }) => {
    const on = order && order === model.get("order");
    const down = model.get("descending");
    if (order) cell.setAttribute("aria-sort", on ? (down ? "descending" : "ascending") : "none");
    if (order) write(cell.firstChild, on ? `${name} ${down ? "↓" : "↑"}` : name);
  });
  return { head, follow };
}

// The rows in sight.

class Rows {
  constructor(model, pages, scroller, box) {
    Object.assign(this, { model, pages, scroller, box, slots: [] });
    this.active = 0; // The row that the keys move from.
    this.first = 0; // In sight.
    this.prompt = 20; // Letters of a prompt that have room.
    this.choosing = false; // The active row is to be chosen as soon as it is there.
    this.frame = 0;
    this.spacer = element("div", { "aria-hidden": "true" });
    scroller.append(box, this.spacer);
  }

  get total() { return this.model.get("total"); }
  get height() { return this.scroller.clientHeight || SHOWN * ROW; }
  get fit() { return Math.max(1, Math.floor(this.height / ROW)); }
  get range() { return Math.max(0, this.total * ROW - this.height); }
  get bar() { return Math.min(this.total * ROW, TALLEST) - this.height; }

  // The pixel of the whole list that is at the top, however much the bar is scaled.
  get top() {
    if (this.bar <= 0) return 0;
    return Math.min(this.range, (this.scroller.scrollTop * this.range) / this.bar);
  }

  scroll_to(top) {
    const wanted = Math.max(0, Math.min(this.range, top));
    this.scroller.scrollTop = this.range ? (wanted * this.bar) / this.range : 0;
  }

  follow_total() {
    const shown = Math.max(1, Math.min(SHOWN, this.total));
    this.scroller.style.setProperty("--shown", String(shown));
    const tall = Math.min(this.total * ROW, TALLEST);
    this.spacer.style.height = `${Math.max(0, tall - this.height)}px`;
    this.scroller.parentNode.setAttribute("aria-rowcount", String(this.total + 1));
    this.active = Math.max(0, Math.min(this.active, this.total - 1));
    const prompt = this.scroller.parentNode.querySelector(".head").children[PROMPT];
    this.prompt = Math.max(8, Math.floor(prompt.clientWidth / LETTER));
    this.soon();
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  draw() {
    const top = this.top;
    const first = Math.floor(top / ROW);
    const count = Math.min(this.total - first, Math.ceil(this.height / ROW) + 1);
    this.first = first;
    const need = Math.ceil(this.height / ROW) + 1;
    while (this.slots.length < need) this.slots.push(this.make_slot());
    const used = new Set();
    for (let number = first; number < first + count; number++) {
      const slot = this.slots[number % this.slots.length];
      used.add(slot);
      this.fill(slot, number, number * ROW - top);
    }
    for (const slot of this.slots) if (!used.has(slot)) this.put_away(slot);
    if (count > 0) this.pages.look(first, first + count - 1);
    if (this.choosing) this.choose();
  }

  make_slot() {
    const node = element("div", { role: "row", tabindex: "-1" });
    const cells = CLASSES.map((name) => element("div", { role: "gridcell", class: name }));
    node.append(...cells);
    const slot = { node, cells, number: -1 };
    node.addEventListener("click", () => this.go_to(slot.number, true));
    this.box.append(node);
    return slot;
  }

  fill(slot, number, y) {
    const { node, cells } = slot;
    if (slot.number !== number && node === document.activeElement && number !== this.active) {
      this.scroller.focus({ preventScroll: true });
    }
    slot.number = number;
    node.hidden = false;
    node.style.transform = `translateY(${y}px)`;
    node.setAttribute("aria-rowindex", String(number + 2));
    node.classList.toggle("odd", number % 2 === 1);
    node.tabIndex = number === this.active ? 0 : -1;
    const row = this.pages.row(number);
    const chosen = row !== undefined && row[ID] === this.model.get("sample");
    node.setAttribute("aria-selected", String(chosen));
    node.dataset.sample = row === undefined ? "" : String(row[ID]);
    cells.forEach((cell, place) => write(cell, this.text(row, place)));
    this.colour(cells, row?.[SIGN] ?? "");
    if (number === this.active && document.activeElement === this.scroller) {
      node.focus({ preventScroll: true });
    }
  }

  text(row, place) {
    if (row === undefined) return place === PROMPT ? "…" : "";
    return place === PROMPT ? both_ends(row[place + 1], this.prompt) : row[place + 1];
  }

  // Never by colour alone: the sign says the same.
  colour(cells, sign) {
    for (const cell of cells) {
      if (!cell.classList.contains("sign")) continue;
      cell.classList.toggle("right", sign.startsWith("✓"));
      cell.classList.toggle("wrong", sign.startsWith("✗"));
    }
  }

  put_away(slot) {
    if (slot.node === document.activeElement) this.scroller.focus({ preventScroll: true });
    slot.node.hidden = true;
    slot.number = -1;
  }

  // Make a row the one that the keys move from, and bring it into sight.
  go_to(number, choose) {
    if (!this.total) return;
    this.active = Math.max(0, Math.min(number, this.total - 1));
    const above = this.active * ROW;
    if (above < this.top) this.scroll_to(above);
    else if (above + ROW > this.top + this.height) this.scroll_to(above + ROW - this.height);
    this.scroller.focus({ preventScroll: true });
    this.choosing = choose;
    this.draw();
  }

  // Bring a row that was chosen elsewhere into sight; the keys stay where they are.
  reveal(number) {
    const inside = number >= this.first && number < this.first + this.fit;
    this.active = number;
    if (!inside) this.scroll_to((number - Math.floor(this.fit / 2)) * ROW);
    this.soon();
  }

  choose() {
    const row = this.pages.row(this.active);
    this.choosing = row === undefined;
    if (row === undefined || row[ID] === this.model.get("sample")) return;
    this.model.set("sample", row[ID]);
    this.model.save_changes();
    this.draw();
  }

  key(event) {
    const moves = {
      ArrowDown: 1, ArrowUp: -1, PageDown: this.fit, PageUp: -this.fit,
      Home: -Infinity, End: Infinity,
    };
    const rules = { a: "accept", x: "reject", Delete: "clear", Backspace: "clear" };
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key in moves) this.go_to(this.active + moves[event.key], true);
    else if (event.key === "Enter" || event.key === " ") this.choose();
    else if (event.key in rules) this.model.send({ rule: rules[event.key] });
    else return false;
    return true;
  }
}

function render({ model, el }) {
  el.classList.add("sitool-samples");
  // JupyterLab's own shortcuts would take our keys.
  el.dataset.lmSuppressShortcuts = "true";
  const mistake = element("p", { class: "mistake", role: "alert" });
  const title = element("b");
  const extent = element("span", { "aria-live": "polite" });
  const said = element("p", { class: "said" });
  const box = element("div", { class: "rows", role: "rowgroup" });
  const scroller = element("div", { class: "scroller", tabindex: "-1" });
  const { head, follow: follow_order } = heading(model);
  const grid = element(
    "div", { class: "grid", role: "grid", "aria-label": "Samples" }, head, scroller,
  );
  let draw = () => {};
  const pages = new Pages(model, () => draw());
  const rows = new Rows(model, pages, scroller, box);
  const { bar, input, follow: follow_words } = filter_bar(model, () => rows.go_to(rows.active, false));
  const keys = element("p", { class: "keys" },
    "↑ ↓ Page Home End move and choose · / filters · a accepts · x rejects · Delete clears the ruling");
  el.append(bar, mistake, element("div", { class: "title" }, title, extent), grid, said, keys);

  const say = () => {
    write(title, model.get("title"));
    write(mistake, model.get("mistake"));
    write(said, model.get("empty"));
    grid.hidden = Boolean(model.get("empty")) && !model.get("total");
    const total = model.get("total");
    const first = rows.first;
    const last = Math.min(total, first + rows.fit);
    const count = (n) => n.toLocaleString("en");
    const more = model.get("done") ? "" : " …";
    const waits = pages.waits ? "waiting for the kernel: a cell runs · " : "";
    write(extent, total ? `${waits}${count(first + 1)}–${count(last)} of ${count(total)}${more}` : "");
  };
  draw = () => { rows.draw(); say(); };
  const listen = {
    "change:total change:done": () => { rows.follow_total(); say(); },
    "change:title change:mistake change:empty": say,
    "change:words": follow_words,
    "change:order change:descending": follow_order,
    "change:question": () => { rows.active = 0; rows.scroll_to(0); draw(); },
    "change:sample": () => rows.soon(),
    "change:row": () => { if (model.get("row") >= 0) rows.reveal(model.get("row")); },
  };
  for (const [names, call] of Object.entries(listen)) model.on(names, call);
  scroller.addEventListener("scroll", () => { rows.soon(); requestAnimationFrame(say); });
  grid.addEventListener("keydown", (event) => {
    if (event.target.closest("button")) return;
    if (event.key === "/") input.focus();
    else if (!rows.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  const watcher = new ResizeObserver(() => rows.follow_total());
  watcher.observe(scroller);
  follow_words();
  follow_order();
  rows.follow_total();
  draw();
  return () => {
    for (const [names, call] of Object.entries(listen)) model.off(names, call);
    pages.close();
    watcher.disconnect();
  };
}

export default { render };
