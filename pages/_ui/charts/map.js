// A scatter of up to a million points on two canvases: points below; region, rings and hover above.
// Python sends quantised coordinates once (`points`), labels when the colouring changes, and small things (kept, rings,
// hover) at every run. This file knows the points; map_view.js what part of them is seen, map_drawing.js draws them,
// map_gestures.js and map_keys.js listen. They are joined in this order.
const EMPTY = 65535,
  NONE = 255,
  MANY = 40000,
  few = new Intl.NumberFormat('en-US');
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const element = (name, cls, text) => {
  const e = document.createElement(name);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};

function inside(x, y, shapes) {
  for (const shape of shapes) {
    let odd = false;
    for (let i = 0, j = shape.length - 1; i < shape.length; j = i++) {
      const [ax, ay] = shape[i],
        [bx, by] = shape[j];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
    if (odd) return true;
  }
  return false;
}

class Points {
  constructor(root) {
    this.root = root;
    this.region = [];
    this.past = [];
    this.hidden = new Set();
    this.tool = 'lasso';
    this.near = -1;
    this.photos = new Map();
    this.stage = root.querySelector('.stage');
    [this.under, this.over] = root.querySelectorAll('canvas');
    this.tip = root.querySelector('.tip');
    this.legend = root.querySelector('.legend');
    this.counted = root.querySelector('.counted');
    this.hint = root.querySelector('.hint');
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.stage);
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.state = setStateValue;
    this.trigger = setTriggerValue;
    const before = this.data || {};
    this.data = data;
    put(data);
    if (data.points && data.points_key !== this.points_key) this.take(data);
    if (data.labels && data.labels_key !== this.labels_key) {
      this.labels = bytes(data.labels);
      this.labels_key = data.labels_key;
      this.hidden = new Set(data.hidden);
      this.rank = null;
    }
    const wanted = `${data.points_key}|${data.labels_key}`,
      has = `${this.points_key}|${this.labels_key}`;
    if (has !== wanted) {
      if (this.asked !== wanted) {
        this.asked = wanted;
        setStateValue('has', '');
      }
      return;
    }
    if (data.large && this.told !== has) {
      this.told = has;
      setStateValue('has', has);
    }
    if (data.kept_key !== before.kept_key || !this.kept) {
      this.kept = new Int32Array(bytes(data.kept).buffer);
      this.isKept = new Uint8Array(this.n);
      for (const at of this.kept) this.isKept[at] = 1;
      this.isEarlier = new Uint8Array(this.n);
      for (const at of new Int32Array(bytes(data.earlier).buffer)) this.isEarlier[at] = 1;
    }
    if (data.region_version !== before.region_version) {
      this.region = data.region;
      this.past = before.region_version === undefined ? [] : this.past;
      this.choose();
    }
    if (data.hover) this.photos.set(data.hover.place, data.hover);
    this.over.setAttribute('aria-label', data.alt);
    this.tools();
    this.drawLegend();
    this.resize();
    this.showTip();
    this.fillIn();
  }
  // The pictures of the legend and of the point under the mouse.
  fillIn() {
    this.still?.();
    const tip = this.tip.firstElementChild,
      dots = [...this.legend.querySelectorAll('img')].map((img) => [img, img.dataset.picture]);
    if (tip.dataset.picture && !tip.getAttribute('src')) dots.push([tip, tip.dataset.picture]);
    this.still = fill(dots, (keys) => this.trigger('lack', keys));
  }

  take(data) {
    this.xy = new Uint16Array(bytes(data.points).buffer);
    this.n = this.xy.length / 2;
    this.points_key = data.points_key;
    this.kept = null;
    const n = this.n,
      heads = new Int32Array(256 * 256 + 1),
      cell = new Int32Array(n);
    let [left, right, low, high] = [65000, 0, 65000, 0];
    for (let i = 0; i < n; i++) {
      const x = this.xy[2 * i],
        y = this.xy[2 * i + 1];
      if (x === EMPTY) {
        cell[i] = -1;
        continue;
      }
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < low) low = y;
      if (y > high) high = y;
      cell[i] = (y >> 8) * 256 + (x >> 8);
      heads[cell[i] + 1]++;
    }
    for (let c = 0; c < 65536; c++) heads[c + 1] += heads[c];
    const fill = heads.slice(),
      grid = new Int32Array(n);
    for (let i = 0; i < n; i++) if (cell[i] >= 0) grid[fill[cell[i]]++] = i;
    this.heads = heads;
    this.grid = grid;
    this.box = [left, right, low, high];
    this.findHome();
    this.scale = null;
    this.moved = false;
    this.chosen = null;
    if (this.region.length) this.choose();
  }

  // ---- what is drawn how: 0 hidden, 1 faded, 2 plain, 3 lit; of those that are lit, chosen earlier below kept now
  choose() {
    if (!this.xy || !this.region.length) {
      this.chosen = null;
      return;
    }
    const boxes = this.region.map((s) => [
      Math.min(...s.map((p) => p[0])),
      Math.max(...s.map((p) => p[0])),
      Math.min(...s.map((p) => p[1])),
      Math.max(...s.map((p) => p[1])),
    ]);
    this.chosen = new Uint8Array(this.n);
    for (let i = 0; i < this.n; i++) {
      const x = this.xy[2 * i],
        y = this.xy[2 * i + 1];
      if (
        x !== EMPTY &&
        boxes.some(([l, r, b, t]) => x >= l && x <= r && y >= b && y <= t) &&
        inside(x, y, this.region)
      )
        this.chosen[i] = 1;
    }
  }
}
