// Decisions that the server has not acknowledged: kept in this tab, also over a reload, and sent until it has.
const STORE = 'datasel.review.queue',
  WAIT = 2500,
  AT_ONCE = 400;

const stored = (store, key, fallback) => {
  try {
    return JSON.parse(store.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
};
const store = (place, key, value) => {
  try {
    place.setItem(key, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing: what waits lives as long as the page
  }
};
const name = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');

class Queue {
  constructor() {
    this.client = name();
    this.number = 0;
    this.waiting = stored(sessionStorage, STORE, []);
    this.tries = 0;
    this.misses = 0;
    this.heard = true;
    this.wants = () => ({});
    this.ready = () => false;
  }
  // Numbered in this page: its place among all that this browser decides.
  add(entry) {
    this.waiting.push({ ...entry, id: `${this.client}-${++this.number}` });
    this.keep();
    this.soon(30);
  }
  keep() {
    store(sessionStorage, STORE, this.waiting);
  }
  // What the server has, or never will have, is no longer waited for.
  answer({ heard, got, refused }) {
    const over = new Set([...got, ...Object.keys(refused)]);
    if (over.size) {
      this.waiting = this.waiting.filter((one) => !over.has(one.id));
      this.keep();
    }
    if (heard === this.mark) {
      this.heard = true;
      this.misses = 0;
    }
    this.soon(this.heard ? 30 : WAIT);
  }
  soon(ms) {
    if (!this.heard && ms < WAIT) return; // one question at a time; the answer brings the next
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), ms);
  }
  // Everything that waits goes each time: a message that is lost, or overtaken by another one, loses nothing.
  flush() {
    this.timer = setTimeout(() => this.flush(), WAIT); // first of all: whatever fails below is tried again
    if (!this.ready() || window.datasel_leaving?.()) return; // a page that is left: see drawn.py
    const wants = this.wants();
    if (!this.send || (!this.waiting.length && !wants.any)) return;
    if (!this.heard) this.misses += 1;
    this.mark = `${this.client}-${++this.tries}`;
    this.heard = false;
    this.send({ mark: this.mark, batch: this.waiting.slice(0, AT_ONCE), ...wants.ask }, this.misses);
  }
}
