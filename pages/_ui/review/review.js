// What a review knows and does: keys decide and go on at once; the server hears of it when it can.
const WORD = { k: 'keep', d: 'drop', s: 'swap', '.': '' },
  AHEAD = 14,
  ASK = 8,
  SMALL = 80,
  ROOM = 300,
  SOON = 15000;

// One for a tab: a page that is drawn anew, as after a server was lost, takes the component away for a moment, and keys
// that are pressed then mean what they always do.
class Review extends Desk {
  constructor() {
    super();
    this.queue = new Queue();
    this.queue.wants = () => this.wants();
    this.queue.ready = () => this.stands();
    this.queue.send = (sent, misses) => this.way(misses).send({ ...sent, by: this.person });
    this.roots = new Set();
    this.stood = 0;
    this.person = stored(sessionStorage, 'datasel.reviewer', null) ?? stored(localStorage, 'datasel.reviewer', 'me');
    this.build();
    this.listen();
    setInterval(() => this.stands(), 500);
  }
  // A page that is drawn anew may put it into a new place before it takes the old one away, and say so in any order.
  mount(root, send) {
    root.send = send;
    this.roots.delete(root);
    this.roots.add(root); // the last one is the one that Streamlit spoke to last
    if (this.root !== root && (root.isConnected || !this.root?.isConnected)) this.enter(root);
  }
  stands() {
    if (this.root && !this.root.isConnected) {
      const there = [...this.roots].filter((one) => one.isConnected);
      this.roots = new Set(there.length ? there : [this.root]);
      if (there.length) this.enter(there.at(-1));
    }
    if (!this.root?.isConnected) return false;
    this.stood = Date.now();
    return true;
  }
  // A place that is still on the page may be one of a lost server: what is not answered goes by way of another one.
  way(misses) {
    const ways = [...this.roots].reverse();
    return ways[misses % ways.length];
  }
  enter(root) {
    this.root = root;
    this.home = location.pathname;
    root.view = this;
    root.replaceChildren(this.left, this.rail);
    this.queue.heard = true;
  }
  // Whether it is on the screen, or will be again at once.
  isHere() {
    const app = document.querySelector('.stApp')?.dataset ?? {};
    if (this.stands()) return true;
    return (
      location.pathname === this.home &&
      (app.testScriptState !== 'notRunning' ||
        app.testConnectionState !== 'CONNECTED' ||
        Date.now() - this.stood < SOON)
    );
  }
  update(data) {
    const other =
      !this.data ||
      data.review !== this.data.review ||
      data.look !== this.data.look ||
      data.places.length !== this.data.places.length;
    this.data = data;
    if (other) this.begin();
    if (data.by === this.person) this.renamed = false;
    Object.entries(data.shown).forEach(([at, one]) => this.content.set(+at, one));
    Object.entries(data.small).forEach(([at, src]) => this.thumbs.set(+at, src));
    this.queue.answer(data);
    this.marks = this.merged();
    this.draw();
  }
  // Another selection, or another way to look at it: where it was left, else the first that is not decided.
  begin() {
    this.content = new Map();
    this.thumbs = new Map();
    this.pictures = new Map();
    this.past = stored(sessionStorage, this.place('past'), []);
    const at = stored(sessionStorage, this.place('at'), null);
    this.at = this.data.places.includes(at) ? at : this.data.first;
    this.tiles = null;
    document.activeElement?.matches('input, [role="combobox"]') && document.activeElement.blur(); // keys mean samples
  }
  place(what) {
    return `datasel.review.${this.data.review}.${this.data.look}.${what}`;
  }

  // What the server knows, and over it what it does not know yet.
  merged() {
    const marks = [...this.data.marks].map((letter) => WORD[letter]),
      mine = new Map();
    for (const one of this.queue.waiting) {
      if (one.run !== this.data.review || one.what === 'note') continue;
      const before = mine.get(one.at) ?? [marks[one.at]];
      mine.set(one.at, one.what === 'undo' ? before.slice(0, -1) : [...before, one.what]);
    }
    for (const [at, said] of mine) marks[at] = said.at(-1) ?? '';
    return marks;
  }
  say(what, at = this.at, note = '') {
    this.queue.add({ run: this.data.review, at, by: this.person, what, note, blind: this.data.look === 'second' });
    if (what !== 'undo') this.past.push(at);
    this.past = this.past.slice(-ROOM);
    store(sessionStorage, this.place('past'), this.past);
    this.marks = this.merged();
  }
  decide(what) {
    this.say(what);
    this.move(1);
  }
  undo() {
    const at = this.past.pop() ?? this.at;
    this.say('undo', at);
    this.go(at);
  }
  move(by) {
    const { places } = this.data;
    this.go(places[Math.min(places.length - 1, Math.max(0, places.indexOf(this.at) + by))]);
  }
  go(at) {
    this.at = at;
    store(sessionStorage, this.place('at'), at);
    this.draw();
    this.queue.soon(30);
  }

  // Which samples are to be here before they are asked for: those that come next, and the small ones in view.
  wants() {
    const { places } = this.data,
      here = places.indexOf(this.at),
      next = [...places.slice(here, here + AHEAD), ...places.slice(Math.max(0, here - 3), here).reverse()],
      large = next.filter((at) => !this.content.has(at)).slice(0, ASK),
      near = this.content.get(this.at)?.near.map(([at]) => at) ?? [],
      small = this.data.pictures
        ? [...near, ...this.inView()].filter((at) => !this.thumbs.has(at)).slice(0, SMALL)
        : [];
    return { any: this.renamed || large.length + small.length > 0, ask: { large, small } };
  }
  inView() {
    const { strip } = this,
      across = Math.max(1, Math.floor((strip.clientWidth + 3) / 47)),
      first = Math.floor(strip.scrollTop / 47) * across;
    return this.data.places.slice(first, first + 5 * across);
  }

  build() {
    this.left = part('div');
    this.rail = part('div', 'rail');
    this.counted = part('div', 'counted');
    this.counted.setAttribute('role', 'status');
    this.large = part('div', 'large');
    this.caption = part('p', 'caption');
    this.keys = part('div', 'keys');
    this.buttons = {};
    for (const [what, text, key, act] of [
      ['keep', 'Keep', 'K', () => this.decide('keep')],
      ['drop', 'Drop', 'X', () => this.decide('drop')],
      ['swap', 'Swap for the nearest', 'S', () => this.decide('swap')],
      ['undo', 'Undo', 'U', () => this.undo()],
      ['gap'],
      ['open', 'Next undecided', '', () => this.toOpen()],
      ['back', 'Back', '\u2190', () => this.move(-1)],
      ['next', 'Next', 'J \u2192', () => this.move(1)],
    ]) {
      if (what === 'gap') {
        this.keys.append(part('span', 'gap'));
        continue;
      }
      const b = part('button', what, text);
      b.type = 'button';
      if (key) b.append(' ', part('kbd', '', key));
      b.onclick = () => {
        act();
        b.blur();
      };
      this.buttons[what] = b;
      this.keys.append(b);
    }
    this.strip = part('div', 'strip');
    this.strip.setAttribute('role', 'list');
    this.strip.onscroll = () => this.queue.soon(120);
    this.left.append(this.counted, this.large, this.caption, this.keys, this.strip);
    this.buildRail(this.rail);
  }
  buildRail(rail) {
    const who = part('label', '', 'Reviewing as'),
      input = part('input');
    input.value = this.person;
    input.maxLength = 100;
    input.setAttribute('aria-label', 'Reviewing as');
    input.onchange = () => {
      this.person = input.value.trim() || 'me';
      input.value = this.person;
      store(sessionStorage, 'datasel.reviewer', this.person);
      store(localStorage, 'datasel.reviewer', this.person);
      this.past = [];
      this.renamed = true;
      this.queue.soon(30);
    };
    input.onkeydown = (e) => e.key === 'Enter' && input.blur();
    who.append(input);
    this.why = part('div');
    this.others = part('div');
    const noted = part('div');
    this.note = part('textarea');
    this.note.maxLength = 2000;
    this.note.placeholder = 'A note about this one; Enter keeps it';
    this.note.setAttribute('aria-label', 'Note');
    this.note.onkeydown = (e) => {
      if (e.key === 'Escape') this.note.blur();
      if (e.key !== 'Enter' || e.shiftKey) return;
      e.preventDefault();
      this.takeNote();
    };
    noted.append(part('h3', '', 'Note'), this.note);
    this.people = part('div');
    rail.append(who, this.why, this.others, noted, this.people);
  }
  takeNote() {
    const text = this.note.value.trim();
    if (text) this.say('note', this.at, text);
    this.note.value = '';
    this.note.blur();
    this.draw();
  }
  toOpen() {
    const { places } = this.data,
      here = places.indexOf(this.at),
      round = [...places.slice(here + 1), ...places.slice(0, here + 1)],
      at = round.find((one) => !this.marks[one]);
    if (at !== undefined) this.go(at);
  }

  listen() {
    const act = {
      k: () => this.decide('keep'),
      x: () => this.decide('drop'),
      s: () => this.decide('swap'),
      u: () => this.undo(),
      j: () => this.move(1),
      arrowright: () => this.move(1),
      arrowleft: () => this.move(-1),
    };
    const pressed = (e) => {
      const key = e.key.toLowerCase(),
        at = e.composedPath()[0],
        moves = key === 'j' || key.startsWith('arrow');
      if (!act[key] || e.ctrlKey || e.metaKey || e.altKey || (e.repeat && !moves) || !this.isHere()) return;
      if (at.matches?.('input, textarea, select, [contenteditable="true"], [role="slider"], [role="option"]')) return;
      if (document.querySelector('[data-testid="stPopoverBody"]')) return; // a lost server opens a dialog: keys go on
      e.preventDefault();
      e.stopPropagation();
      act[key]();
    };
    document.addEventListener('keydown', pressed, true);
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.review'),
    view = (window.dataselReview ||= new Review());
  view.mount(root, (sent) => component.setStateValue('sent', sent));
  view.update(component.data);
}
