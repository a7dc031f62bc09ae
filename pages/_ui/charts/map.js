// A scatter of up to a million points on two canvases: points below; region, rings and hover above.
// Python sends quantised coordinates once (`points`), labels when the colouring changes, and small things (kept, rings, hover) at every run.
const EMPTY = 65535, NONE = 255, MANY = 40000, few = new Intl.NumberFormat('en-US');
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const element = (name, cls, text) => { const e = document.createElement(name); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };

function inside(x, y, shapes) {
  for (const shape of shapes) {
    let odd = false;
    for (let i = 0, j = shape.length - 1; i < shape.length; j = i++) {
      const [ax, ay] = shape[i], [bx, by] = shape[j];
      if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
    if (odd) return true;
  }
  return false;
}

class View {
  constructor(root) {
    this.root = root; this.region = []; this.past = []; this.hidden = new Set(); this.tool = 'lasso'; this.photos = new Map();
    this.stage = root.querySelector('.stage');
    [this.under, this.over] = root.querySelectorAll('canvas');
    this.tip = root.querySelector('.tip'); this.legend = root.querySelector('.legend'); this.counted = root.querySelector('.counted'); this.hint = root.querySelector('.hint');
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.stage);
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.state = setStateValue; this.trigger = setTriggerValue;
    const before = this.data || {}; this.data = data;
    if (data.points && data.points_key !== this.points_key) this.take(data);
    if (data.labels && data.labels_key !== this.labels_key) { this.labels = bytes(data.labels); this.labels_key = data.labels_key; this.hidden = new Set(data.hidden); this.rank = null; }
    const wanted = `${data.points_key}|${data.labels_key}`, has = `${this.points_key}|${this.labels_key}`;
    if (has !== wanted) { if (this.asked !== wanted) { this.asked = wanted; setStateValue('has', ''); } return; }
    if (data.large && this.told !== has) { this.told = has; setStateValue('has', has); }
    if (data.kept_key !== before.kept_key || !this.kept) { this.kept = new Int32Array(bytes(data.kept).buffer); this.isKept = new Uint8Array(this.n); for (const at of this.kept) this.isKept[at] = 1; }
    if (data.region_version !== before.region_version) { this.region = data.region; this.past = before.region_version === undefined ? [] : this.past; this.choose(); }
    if (data.hover) this.photos.set(data.hover.place, data.hover);
    this.stage.style.height = data.height + 'px';
    this.over.setAttribute('aria-label', data.alt);
    this.tools(); this.drawLegend(); this.resize(); this.showTip();
  }

  take(data) {
    this.xy = new Uint16Array(bytes(data.points).buffer); this.n = this.xy.length / 2; this.points_key = data.points_key; this.kept = null;
    const n = this.n, heads = new Int32Array(256 * 256 + 1), cell = new Int32Array(n);
    let [left, right, low, high] = [65000, 0, 65000, 0];
    for (let i = 0; i < n; i++) {
      const x = this.xy[2 * i], y = this.xy[2 * i + 1];
      if (x === EMPTY) { cell[i] = -1; continue; }
      if (x < left) left = x; if (x > right) right = x; if (y < low) low = y; if (y > high) high = y;
      cell[i] = (y >> 8) * 256 + (x >> 8); heads[cell[i] + 1]++;
    }
    for (let c = 0; c < 65536; c++) heads[c + 1] += heads[c];
    const fill = heads.slice(), grid = new Int32Array(n);
    for (let i = 0; i < n; i++) if (cell[i] >= 0) grid[fill[cell[i]]++] = i;
    this.heads = heads; this.grid = grid; this.box = [left, right, low, high]; this.scale = null; this.chosen = null;
    if (this.region.length) this.choose();
  }

  // ---- geometry: data (0..65000, y up) to pixels
  fit() {
    const [left, right, low, high] = this.box, room = this.data.height < 340 ? 14 : 22, top = this.data.lasso ? 34 : room;
    this.scale = Math.min((this.width - 2 * room) / Math.max(1, right - left), (this.height - room - top) / Math.max(1, high - low));
    this.dx = this.width / 2 - this.scale * (left + right) / 2; this.dy = (this.height + top - room) / 2 + this.scale * (low + high) / 2;
  }
  px(x) { return this.dx + this.scale * x; }
  py(y) { return this.dy - this.scale * y; }
  at(px, py) { return [(px - this.dx) / this.scale, (this.dy - py) / this.scale]; }
  resize() {
    const [w, h] = [this.stage.clientWidth, this.stage.clientHeight], dpr = window.devicePixelRatio || 1;
    if (!w || !this.xy) return;
    if (w !== this.width || h !== this.height || dpr !== this.dpr) {
      const refit = this.scale && this.home; this.width = w; this.height = h; this.dpr = dpr;
      for (const c of [this.under, this.over]) { c.width = w * dpr; c.height = h * dpr; }
      if (!this.scale || refit || !this.moved) { this.fit(); }
    } else if (!this.scale) this.fit();
    this.draw();
  }
  zoom(px, py, by) {
    const [x, y] = this.at(px, py); this.moved = true;
    this.scale = Math.min(8, Math.max(this.scale * by, 0.2 * this.width / 65000));
    this.dx = px - this.scale * x; this.dy = py + this.scale * y; this.later();
  }
  later() { this.frame ||= requestAnimationFrame(() => { this.frame = null; this.draw(); }); }

  // ---- what is drawn how: 0 hidden, 1 faded, 2 plain, 3 lit
  choose() {
    if (!this.xy || !this.region.length) { this.chosen = null; return; }
    const boxes = this.region.map((s) => [Math.min(...s.map((p) => p[0])), Math.max(...s.map((p) => p[0])), Math.min(...s.map((p) => p[1])), Math.max(...s.map((p) => p[1]))]);
    this.chosen = new Uint8Array(this.n);
    for (let i = 0; i < this.n; i++) {
      const x = this.xy[2 * i], y = this.xy[2 * i + 1];
      if (x !== EMPTY && boxes.some(([l, r, b, t]) => x >= l && x <= r && y >= b && y <= t) && inside(x, y, this.region)) this.chosen[i] = 1;
    }
  }
  level(i) {
    if (this.xy[2 * i] === EMPTY || this.hidden.has(this.labels[i])) return 0;
    if (this.chosen) return this.chosen[i] ? 3 : 1;
    if (this.data.dim) return this.isKept[i] ? 3 : 1;
    return 2;
  }
  colour(i, level) {
    if (this.data.dim && level === 1 && !this.chosen) return this.grey;
    if (this.data.kept_colour && this.isKept[i]) return this.data.kept_colour;
    return this.data.colours[this.labels[i]] || this.grey;
  }
  // Who is drawn when, where the labels are ranked: the first label last, on top of the others.
  inOrder() {
    if (!this.data.ranked) return null;
    if (this.rank && this.rank.length === this.n) return this.rank;
    const start = new Uint32Array(257), order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) start[256 - this.labels[i]]++;
    for (let label = 1; label < 257; label++) start[label] += start[label - 1];
    for (let i = this.n - 1; i >= 0; i--) order[--start[256 - this.labels[i]]] = i;
    return (this.rank = order);
  }
  draw() {
    const style = getComputedStyle(this.root); this.grey = 'rgb(140,146,156)'; this.ink = style.getPropertyValue('--st-text-color').trim() || '#222'; this.paper = style.getPropertyValue('--st-background-color').trim() || '#fff';
    const pen = this.under.getContext('2d'); pen.setTransform(1, 0, 0, 1, 0, 0); pen.clearRect(0, 0, this.under.width, this.under.height);
    this.shown = 0;
    if (this.n > MANY) this.splat(pen); else this.dots(pen);
    const total = this.data.n_points;
    this.counted.textContent = `${this.shown === total ? 'all' : few.format(this.shown) + ' of'} ${few.format(total)} ${this.data.what} in view`;
    this.drawOver();
  }
  dots(pen) {
    const r = (this.n < 1500 ? 3.4 : this.n < 8000 ? 2.5 : 1.9) * Math.min(2.2, Math.max(1, Math.sqrt(this.scale / this.base())));
    pen.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    const groups = new Map(), order = this.inOrder();
    for (let j = 0; j < this.n; j++) {
      const i = order ? order[j] : j, level = this.level(i); if (!level) continue;
      this.shown++;
      const key = level + this.colour(i, level); if (!groups.has(key)) groups.set(key, []); groups.get(key).push(i);
    }
    for (const level of [1, 2, 3]) for (const [key, members] of groups) {
      if (+key[0] !== level) continue;
      const size = level === 3 ? r * 1.5 : r; pen.globalAlpha = level === 1 ? (this.chosen ? 0.1 : 0.28) : level === 2 ? 0.82 : 1; pen.fillStyle = key.slice(1);
      pen.beginPath();
      for (const i of members) { const x = this.px(this.xy[2 * i]), y = this.py(this.xy[2 * i + 1]); pen.moveTo(x + size, y); pen.arc(x, y, size, 0, 6.2832); }
      pen.fill();
      if (level === 3) { pen.strokeStyle = this.paper; pen.lineWidth = 0.8; pen.stroke(); }
    }
    pen.globalAlpha = 1;
  }
  splat(pen) {
    const [w, h] = [this.under.width, this.under.height], image = pen.createImageData(w, h), out = new Uint32Array(image.data.buffer), paper = rgb(this.paper), cache = new Map(), big = 2 * this.dpr;
    const word = (i, level) => { const c = this.colour(i, level), k = c + level; if (!cache.has(k)) { const a = level === 1 ? (this.chosen ? 0.12 : 0.3) : 1, p = rgb(c).map((v, j) => Math.round(v * a + paper[j] * (1 - a))); cache.set(k, (255 << 24) | (p[2] << 16) | (p[1] << 8) | p[0]); } return cache.get(k); };
    const order = this.inOrder();
    for (const turn of [1, 2, 3]) for (let j = 0; j < this.n; j++) {
      const i = order ? order[j] : j, level = this.level(i); if (level !== turn) continue;
      this.shown++;
      const x = (this.px(this.xy[2 * i]) * this.dpr) | 0, y = (this.py(this.xy[2 * i + 1]) * this.dpr) | 0, value = word(i, level), s = level === 3 ? big + 2 : Math.max(1, this.dpr | 0) + (this.n < 2e5 ? 1 : 0);
      if (x < 0 || y < 0 || x >= w - s || y >= h - s) continue;
      for (let b = 0; b < s; b++) for (let a = 0; a < s; a++) out[(y + b) * w + x + a] = value;
    }
    pen.putImageData(image, 0, 0);
  }
  base() { const [l, r, b, t] = this.box; return Math.min(this.width / Math.max(1, r - l), this.height / Math.max(1, t - b)); }
  drawOver() {
    const pen = this.over.getContext('2d'); pen.setTransform(this.dpr, 0, 0, this.dpr, 0, 0); pen.clearRect(0, 0, this.width, this.height);
    const accent = getComputedStyle(this.root).getPropertyValue('--st-primary-color').trim() || '#1f6fd6';
    for (const shape of [...this.region, ...(this.drawing ? [this.drawing] : [])]) {
      pen.beginPath(); shape.forEach(([x, y], i) => (i ? pen.lineTo(this.px(x), this.py(y)) : pen.moveTo(this.px(x), this.py(y)))); pen.closePath();
      pen.fillStyle = accent; pen.globalAlpha = 0.06; pen.fill(); pen.globalAlpha = 1; pen.strokeStyle = accent; pen.lineWidth = 1.5; pen.stroke();
    }
    const ring = (i, size, width) => { if (i < 0 || this.xy[2 * i] === EMPTY) return; const x = this.px(this.xy[2 * i]), y = this.py(this.xy[2 * i + 1]); pen.beginPath(); pen.arc(x, y, size, 0, 6.2832); pen.strokeStyle = this.paper; pen.lineWidth = width + 2; pen.stroke(); pen.strokeStyle = this.ink; pen.lineWidth = width; pen.stroke(); };
    for (const i of this.data.rings || []) ring(i, 8, 2);
    if (this.near >= 0) ring(this.near, 7, 1.5);
  }

  // ---- hand and keys
  find(px, py) {
    const reach = 9, [x, y] = this.at(px, py), far = reach / this.scale; let best = -1, gap = far * far;
    const [a, b, c, d] = [x - far, x + far, y - far, y + far].map((v) => Math.min(255, Math.max(0, v >> 8)));
    for (let row = c; row <= d; row++) for (let col = a; col <= b; col++) for (let at = this.heads[row * 256 + col]; at < this.heads[row * 256 + col + 1]; at++) {
      const i = this.grid[at], u = this.xy[2 * i] - x, v = this.xy[2 * i + 1] - y, g = u * u + v * v;
      if (g < gap && this.level(i) > (this.chosen ? 1 : 0)) { gap = g; best = i; }
    }
    return best;
  }
  listen() {
    const point = (e) => { const box = this.over.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
    this.over.onpointerdown = (e) => {
      if (!this.xy) return;
      const [px, py] = point(e); this.down = [px, py]; this.last = [px, py]; this.dragging = false; this.over.setPointerCapture(e.pointerId);
      this.panning = this.tool === 'move' || !this.data.lasso || e.button === 1 || e.altKey; this.adding = e.shiftKey; this.root.focus({ preventScroll: true });
    };
    this.over.onpointermove = (e) => {
      if (!this.xy) return;
      const [px, py] = point(e);
      if (!this.down) { this.hoverAt(px, py); return; }
      if (!this.dragging && Math.hypot(px - this.down[0], py - this.down[1]) < 4) return;
      if (!this.dragging) { this.dragging = true; this.hoverAt(-99, -99); if (!this.panning) this.drawing = [this.at(...this.down)]; }
      if (this.panning) { this.dx += px - this.last[0]; this.dy += py - this.last[1]; this.last = [px, py]; this.moved = true; this.later(); return; }
      if (this.tool === 'box') { const [x0, y0] = this.at(...this.down), [x1, y1] = this.at(px, py); this.drawing = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]; }
      else if (Math.hypot(px - this.last[0], py - this.last[1]) > 4) { this.drawing.push(this.at(px, py)); this.last = [px, py]; }
      this.drawOver();
    };
    this.over.onpointerup = (e) => {
      if (!this.down) return;
      const [px, py] = point(e); this.down = null;
      if (this.drawing) { const shape = this.drawing; this.drawing = null; if (shape.length > 2) this.setRegion([...(this.adding ? this.region : []), thin(shape)]); else this.drawOver(); }
      else if (!this.dragging) { const i = this.find(px, py); if (i >= 0) this.trigger('open', i); }
      this.dragging = false;
    };
    this.over.onpointercancel = () => { this.down = null; this.drawing = null; this.drawOver(); };
    this.over.onpointerleave = () => { if (!this.down) this.hoverAt(-99, -99); };
    this.over.addEventListener('wheel', (e) => { e.preventDefault(); this.zoom(...point(e), Math.exp(-e.deltaY * 0.0016)); }, { passive: false });
    this.root.onkeydown = (e) => {
      const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[e.key];
      if (e.key === 'Escape') { if (this.drawing) { this.drawing = null; this.down = null; this.drawOver(); } else if (this.region.length) this.setRegion([]); else return; }
      else if ((e.ctrlKey || e.metaKey) && e.key === 'z') this.undo();
      else if (e.key === '+' || e.key === '=') this.zoom(this.width / 2, this.height / 2, 1.25);
      else if (e.key === '-') this.zoom(this.width / 2, this.height / 2, 0.8);
      else if (e.key === '0' || e.key === 'f') this.reset();
      else if (step && e.target === this.root) { this.dx += step[0]; this.dy += step[1]; this.moved = true; this.later(); }
      else return;
      e.preventDefault(); e.stopPropagation();
    };
  }
  reset() { this.moved = false; this.fit(); this.draw(); }
  undo() { if (this.past.length) { this.region = this.past.pop(); this.choose(); this.draw(); this.tools(); this.state('region', this.region); } }
  setRegion(region) { this.past.push(this.region); this.region = region; this.choose(); this.draw(); this.tools(); this.state('region', region.map((s) => s.map((p) => p.map((v) => Math.round(v * 10) / 10)))); }
  hoverAt(px, py) {
    const near = px < 0 ? -1 : this.find(px, py);
    if (near === this.near) return;
    this.near = near; this.spot = [px, py]; this.drawOver(); this.showTip(); clearTimeout(this.wait);
    this.over.style.cursor = near >= 0 ? 'pointer' : this.tool === 'move' || !this.data.lasso ? 'grab' : 'crosshair';
    if (near >= 0 && this.data.photos && !this.photos.has(near)) this.wait = setTimeout(() => this.state('hover', near), 45);
  }
  showTip() {
    const said = this.near >= 0 ? this.photos.get(this.near) : null;
    this.tip.style.display = said ? 'block' : 'none';
    if (!said) return;
    const [img, text] = this.tip.children; if (img.src !== said.src) img.src = said.src; text.textContent = said.caption;
    const place = () => {
      const x = this.px(this.xy[2 * this.near]), y = this.py(this.xy[2 * this.near + 1]), w = this.tip.offsetWidth, h = this.tip.offsetHeight;
      this.tip.style.left = `${x + 14 + w > this.width ? Math.max(2, x - 14 - w) : x + 14}px`; this.tip.style.top = `${Math.min(Math.max(2, y - h / 2), this.height - h - 2)}px`;
    };
    place(); img.onload = place;
  }

  // ---- buttons and legend
  tools() {
    const bar = this.root.querySelector('.tools'), make = (text, title, run, pressed, off) => { const b = element('button', '', text); b.type = 'button'; b.title = title; b.disabled = !!off; if (pressed !== undefined) b.setAttribute('aria-pressed', pressed); b.onclick = run; return b; };
    const pick = (name) => () => { this.tool = name; this.tools(); this.over.style.cursor = name === 'move' ? 'grab' : 'crosshair'; };
    const some = this.data.lasso ? [make('Lasso', 'Draw around points; hold Shift to add', pick('lasso'), this.tool === 'lasso'), make('Box', 'Draw a box around points; hold Shift to add', pick('box'), this.tool === 'box'), make('Move', 'Drag the map; also Alt and drag', pick('move'), this.tool === 'move'), element('i')] : [];
    const more = this.data.lasso ? [make('Undo', 'Back to the region before (Ctrl+Z)', () => this.undo(), undefined, !this.past.length), make('Clear', 'Forget the region (Esc)', () => this.setRegion([]), undefined, !this.region.length)] : [];
    bar.replaceChildren(...some, make('Fit', 'All points in view (0)', () => this.reset()), ...more);
    this.hint.textContent = this.data.hint;
  }
  drawLegend() {
    const { names, colours, sizes } = this.data;
    this.legend.hidden = !this.data.legend; if (!this.data.legend) return;
    this.legend.replaceChildren(...names.map((name, at) => {
      const b = element('button'), dot = element('i'); b.type = 'button'; dot.style.background = colours[at]; b.title = `${name}: click hides or shows, double click shows it alone`;
      b.setAttribute('aria-pressed', !this.hidden.has(at)); b.append(dot, element('span', '', name), element('b', '', few.format(sizes[at])));
      b.onclick = (e) => {
        if (e.detail > 1) return;
        clearTimeout(this.single); this.single = setTimeout(() => { this.hidden.has(at) ? this.hidden.delete(at) : this.hidden.add(at); this.hide(); }, 220);
      };
      b.ondblclick = () => { clearTimeout(this.single); const alone = names.every((_, o) => (o === at) !== this.hidden.has(o)); this.hidden = new Set(alone ? [] : names.map((_, o) => o).filter((o) => o !== at)); this.hide(); };
      return b;
    }));
  }
  hide() { this.drawLegend(); this.draw(); this.state('hidden', { key: this.labels_key, labels: [...this.hidden] }); }
}

function rgb(colour) { const pen = rgb.pen ||= document.createElement('canvas').getContext('2d', { willReadFrequently: true }); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3); }
function thin(shape) { const step = Math.max(1, Math.ceil(shape.length / 240)); return shape.filter((_, i) => i % step === 0); }

export default function (component) {
  const root = component.parentElement.querySelector('.map');
  (root.view ||= new View(root)).update(component);
}
