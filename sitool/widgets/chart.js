// Draws one chart with Vega. It is embedded when its spec or the page's theme changes;
// while rows come, the same view goes on with a changeset, so that nothing flickers.

const LIBRARIES = "sitoolLibraries"; // On globalThis: what a page has loaded, by script.
const WAIT = 50; // Milliseconds between two looks for a model that is still on its way.

// The chart libraries, once a page.

async function model_of(manager, reference) {
  const id = reference.replace("IPY_MODEL_", "");
  for (let tries = 0; ; tries++) {
    try {
      return await manager.get_model(id);
    } catch (error) {
      if (tries > 400) throw error;
      await new Promise((go) => setTimeout(go, WAIT));
    }
  }
}

function text_of(library) {
  return new Promise((give, refuse) => {
    const look = () => {
      if (library.get("source")) give(library.get("source"));
      else if (library.get("mistake")) refuse(new Error(library.get("mistake")));
      else return;
      library.off("change:source change:mistake", look);
    };
    library.on("change:source change:mistake", look);
    look();
  });
}

async function vega_of(model) {
  const library = await model_of(model.widget_manager, model.get("library"));
  const source = await text_of(library);
  const loaded = (globalThis[LIBRARIES] ??= new Map());
  if (!loaded.has(source)) {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    loaded.set(source, import(address).then(() => globalThis.vegaEmbed));
  }
  return { embed: await loaded.get(source), themes: library.get("themes") };
}

// The page's theme.

function is_dark() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false";
  if (vscodeThemeKind) return vscodeThemeKind !== "vscode-light";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function on_theme(call) {
  const watcher = new MutationObserver(call);
  const attributeFilter = ["data-jp-theme-light", "data-vscode-theme-kind"];
  watcher.observe(document.body, { attributes: true, attributeFilter });
  const asked = window.matchMedia("(prefers-color-scheme: dark)");
  asked.addEventListener("change", call);
  return () => { watcher.disconnect(); asked.removeEventListener("change", call); };
}

function coloured(spec, colours) {
  let text = JSON.stringify(spec);
  for (const [from, to] of Object.entries(colours)) text = text.split(from).join(to);
  return JSON.parse(text);
}

// What a click says.

function plain(datum) {
  const kept = Object.entries(datum).filter(([, v]) => v === null || typeof v !== "object");
  return Object.fromEntries(kept);
}

function clicked(item) {
  const role = item?.mark?.role ?? "";
  if (role === "axis-label") return { axis: String(item.datum.label) };
  if (role.startsWith("legend-")) return { legend: String(item.datum.value ?? "") };
  if (role === "mark" && item.datum && Object.keys(item.datum).length) return plain(item.datum);
  return {};
}

function touchable(vega) {
  // Vega lets nobody click on an axis unless it is told to.
  for (const axis of vega.axes ?? []) {
    const labels = { ...axis.encode?.labels, interactive: true };
    axis.encode = { ...axis.encode, labels };
  }
  return vega;
}

// One chart.

class Drawing {
  constructor(model, place) {
    this.model = model;
    this.place = place;
    this.view = null;
    this.drawn = ""; // The spec and the theme that are embedded.
    this.rows = []; // Those that the view has.
    this.last = Promise.resolve();
  }

  // One thing after the other; one that fails says so and stops none after it.
  then(work, wrong) {
    this.last = this.last.then(work).catch(wrong);
  }

  async draw() {
    const spec = this.model.get("spec");
    if (this.model.get("empty") || !spec.data) return this.end();
    const dark = is_dark();
    const wanted = JSON.stringify([spec, dark]);
    if (wanted !== this.drawn) await this.embed(spec, dark, wanted);
    else await this.change();
    await this.pick();
  }

  async embed(spec, dark, wanted) {
    const { embed, themes } = await vega_of(this.model);
    await this.width_of_place();
    const theme = themes[dark ? "dark" : "light"];
    const rows = this.model.get("rows");
    const config = { background: "transparent", ...theme.config };
    const full = coloured(spec, theme.colours);
    full.data = { ...full.data, values: rows };
    const options = {
      actions: false, renderer: "svg", mode: "vega-lite", config, patch: touchable,
    };
    this.end();
    const { view } = await embed(this.place, structuredClone(full), options);
    Object.assign(this, { view, rows: [...rows], drawn: wanted });
    view.addEventListener("click", (event, item) => {
      this.model.send({ clicked: clicked(item) });
    });
  }

  async change() {
    const rows = this.model.get("rows");
    const goes_on = rows.length >= this.rows.length && this.rows.every((r, i) => r === rows[i]);
    if (goes_on && rows.length === this.rows.length) return;
    const change = this.view.changeset();
    if (!goes_on) change.remove(() => true);
    const fresh = goes_on ? rows.slice(this.rows.length) : rows;
    change.insert(fresh.map((row) => ({ ...row })));
    this.rows = [...rows];
    await this.view.change(this.model.get("spec").data.name, change).resize().runAsync();
  }

  // Let what is looked at stand out, in the selections that the kernel speaks of.
  async pick() {
    let changed = false;
    for (const [name, value] of Object.entries(this.model.get("picks"))) {
      const param = this.model.get("spec").params?.find((one) => one.name === name);
      if (!param) continue;
      const fields = param.select.fields.map((field) => ({ type: "E", field }));
      const store = `${name}_store`;
      const before = this.view.data(store).map((tuple) => tuple.values[0]);
      const wanted = value === null ? [] : [value];
      if (JSON.stringify(before) === JSON.stringify(wanted)) continue;
      this.view.data(store, wanted.map((one) => ({ unit: "", fields, values: [one] })));
      changed = true;
    }
    if (changed) await this.view.runAsync();
  }

  // A chart in a tab that is not shown has no width; it waits until it has one.
  width_of_place() {
    if (this.place.clientWidth) return null;
    return new Promise((go) => {
      const watcher = new ResizeObserver(() => {
        if (!this.place.clientWidth) return;
        watcher.disconnect();
        go();
      });
      watcher.observe(this.place);
    });
  }

  async fit() {
    const width = this.place.clientWidth;
    if (this.view && width && this.view.signal("width") !== width) {
      await this.view.signal("width", width).resize().runAsync();
    }
  }

  end() {
    this.view?.finalize();
    this.place.replaceChildren();
    Object.assign(this, { view: null, drawn: "", rows: [] });
  }
}

// Rows that go on where the last ones ended come as messages, once for all views of a model.
function initialize({ model }) {
  model.on("msg:custom", ({ first, rows }) => {
    if (rows === undefined) return;
    const here = model.get("rows");
    if (first > here.length) model.send({ need: here.length });
    else model.set("rows", [...here.slice(0, first), ...rows]);
  });
}

function render({ model, el }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const title = document.createElement("span");
  const note = document.createElement("small");
  const place = document.createElement("div");
  const said = document.createElement("p");
  el.classList.add("sitool-chart");
  place.className = "place";
  said.className = "said";
  caption.append(title, note);
  figure.append(caption, place, said);
  el.append(figure);

  const drawing = new Drawing(model, place);
  const wrong = (error) => { said.textContent = `The chart was not drawn: ${error.message}`; };
  const draw = () => drawing.then(() => drawing.draw(), wrong);
  const write = () => {
    title.textContent = model.get("title");
    note.textContent = model.get("note");
    said.textContent = model.get("empty");
    place.classList.toggle("empty", Boolean(model.get("empty")));
    place.setAttribute("aria-label", model.get("title"));
  };
  const changes = "change:spec change:rows change:picks change:empty";
  const words = "change:title change:note change:empty";
  model.on(changes, draw);
  model.on(words, write);
  const leave = on_theme(draw);
  const watcher = new ResizeObserver(() => drawing.then(() => drawing.fit(), wrong));
  watcher.observe(place);
  write();
  draw();
  return () => {
    model.off(changes, draw);
    model.off(words, write);
    leave();
    watcher.disconnect();
    drawing.then(() => drawing.end(), wrong);
  };
}

export default { initialize, render };
