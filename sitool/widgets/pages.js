// The rows of the table of samples as they come from the kernel, by pages. What is asked for
// and not answered is asked for again. `samples.js` draws them; both are sent as one module.

const KEPT = 200; // Pages that are kept.
const AT_ONCE = 4; // Pages that are asked for together.
const PATIENCE = 3000; // Milliseconds after which a question is asked again.

// The pages that one view of the table has.

class Pages {
  constructor(model, tell) {
    this.model = model;
    this.tell = tell;
    this.kept = new Map(); // Page -> { version, total, rows }, the newest at the end.
    this.wanted = []; // The pages in sight, and those beside them.
    this.asked = null;
    this.listen = {
      "change:answer": () => this.take(),
      "change:question": () => this.forget(),
      "change:version change:total": () => this.ask(),
    };
    for (const [names, call] of Object.entries(this.listen)) model.on(names, call);
    this.take();
  }

  get size() { return this.model.get("page_rows"); }
  get waits() { return this.asked !== null && Date.now() - this.asked.at > PATIENCE; }

  row(number) {
    return this.kept.get(Math.floor(number / this.size))?.rows[number % this.size];
  }

  // Pages in sight first, then their neighbours, which may come into sight next.
  look(first, last) {
    const [from, to] = [first, last].map((row) => Math.floor(row / this.size));
    this.wanted = [];
    for (let page = from; page <= to; page++) this.wanted.push(page);
    this.wanted.push(to + 1, from - 1, to + 2);
    this.ask();
  }

  stale(page) {
    const total = this.model.get("total");
    const here = this.kept.get(page);
    if (page < 0 || page * this.size >= total) return false;
    if (!here || here.version !== this.model.get("version")) return true;
    return here.rows.length < this.size && here.total !== total;
  }

  ask() {
    if (this.asked !== null && !this.waits) return;
    const pages = this.wanted.filter((page) => this.stale(page)).slice(0, AT_ONCE);
    if (!pages.length) { this.asked = null; return; }
    const n = (this.model.get("wanted").n ?? 0) + 1;
    this.asked = { n, at: Date.now() };
    this.model.set("wanted", { n, question: this.model.get("question"), pages });
    this.model.save_changes();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.tell(); this.ask(); }, PATIENCE + 50);
  }

  take() {
    const answer = this.model.get("answer");
    if (answer.question !== this.model.get("question")) return;
    const { version, total } = answer;
    for (const [page, rows] of Object.entries(answer.rows)) {
      this.kept.delete(Number(page));
      this.kept.set(Number(page), { version, total, rows });
    }
    for (const page of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      this.kept.delete(page);
    }
    if (this.asked !== null && answer.n >= this.asked.n) this.asked = null;
    this.ask();
    this.tell();
  }

  forget() {
    this.kept.clear();
    this.asked = null;
    this.take();
  }

  close() {
    clearTimeout(this.timer);
    for (const [names, call] of Object.entries(this.listen)) this.model.off(names, call);
  }
}
