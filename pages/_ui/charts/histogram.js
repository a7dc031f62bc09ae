// Scores of a pool with a cut that can be dragged: what lies right of it is kept.
const few = new Intl.NumberFormat('en-US'),
  NS = 'http://www.w3.org/2000/svg';
const node = (name, attributes, text) => {
  const e = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
};
const nice = (span, count) => {
  const raw = span / count,
    size = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((m) => m * size).find((s) => s >= raw);
};

class Chart {
  constructor(root) {
    this.root = root;
    this.svg = root.querySelector('svg');
    new ResizeObserver(() => this.draw()).observe(root);
    this.listen();
  }
  update({ data, setStateValue }) {
    this.state = setStateValue;
    const dragged =
      this.sent !== undefined && this.sent !== null && data.scores === this.data?.scores && data.asked === this.sent;
    if (!this.held && !(dragged && this.wait)) this.cut = data.cut;
    this.data = data;
    this.draw();
  }
  draw() {
    const d = this.data,
      w = this.root.clientWidth;
    if (!d || !w) return;
    const h = d.height,
      [l, r, t, b] = [56, 12, 24, 38],
      bins = d.counts.length,
      top = Math.max(...d.counts, 1) * 1.04,
      low = d.low,
      span = d.high - d.low || 1;
    this.svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
    this.svg.setAttribute('height', h);
    this.svg.setAttribute('aria-label', d.alt);
    const X = (x) => l + ((w - l - r) * (Math.min(d.high, Math.max(d.low, x)) - low)) / span,
      tall = d.log ? (y) => Math.log1p(y) / Math.log1p(top) : (y) => y / top,
      Y = (y) => t + (h - t - b) * (1 - tall(y));
    this.back = (px) => Math.min(d.high, Math.max(d.low, low + (span * (px - l)) / (w - l - r)));
    this.step = span / bins;
    const parts = [],
      up = nice(top, 4),
      along = nice(span, Math.max(3, w / 110)),
      digits = Math.max(0, Math.min(4, Math.ceil(-Math.log10(along)) + (String(along).includes('25') ? 1 : 0)));
    const marks = [];
    if (d.log) {
      for (let y = 1; y <= top; y *= 10) marks.push(y);
      if (marks.length < 3) for (let y = 3; y <= top; y *= 10) marks.push(y);
      marks.push(0);
    } else for (let y = 0; y <= top; y += Math.max(1, up)) marks.push(y);
    for (const y of marks)
      parts.push(
        node('line', { class: 'grid', x1: l, x2: w - r, y1: Y(y), y2: Y(y) }),
        node('text', { class: 'tick', x: l - 6, y: Y(y) + 4, 'text-anchor': 'end' }, few.format(Math.round(y))),
      );
    for (let x = Math.ceil(low / along) * along; x <= d.high + 1e-12; x += along)
      parts.push(node('text', { class: 'tick', x: X(x), y: h - b + 15, 'text-anchor': 'middle' }, x.toFixed(digits)));
    const cut = X(this.cut),
      each = (w - l - r) / bins;
    d.counts.forEach((count, i) => {
      if (!count) return;
      const x = l + i * each,
        y = Y(count),
        kept = Math.max(0, Math.min(each, x + each - cut));
      if (kept < each)
        parts.push(
          node('rect', {
            class: 'bar',
            x,
            y,
            width: Math.max(0.5, each - kept - (kept ? 0 : 0.6)),
            height: h - b - y,
            fill: d.dropped,
          }),
        );
      if (kept > 0)
        parts.push(
          node('rect', {
            class: 'bar',
            x: x + each - kept,
            y,
            width: Math.max(0.5, kept - 0.6),
            height: h - b - y,
            fill: d.colour,
          }),
        );
    });
    parts.push(
      node('text', { class: 'axis', x: l + (w - l - r) / 2, y: h - 4, 'text-anchor': 'middle' }, d.x_name),
      node(
        'text',
        {
          class: 'axis',
          x: 12,
          y: t + (h - t - b) / 2,
          'text-anchor': 'middle',
          transform: `rotate(-90 12 ${t + (h - t - b) / 2})`,
        },
        d.y_name,
      ),
    );
    const label =
        this.cut !== 0 && Math.abs(this.cut) < 10 ** -d.digits ? this.cut.toExponential(1) : this.cut.toFixed(d.digits),
      wide = 12 + 6.6 * label.length,
      at = Math.min(w - r - wide / 2, Math.max(l + wide / 2, cut));
    if (cut - l > 150)
      parts.push(node('text', { class: 'side', x: at - wide / 2 - 8, y: 14, 'text-anchor': 'end' }, `← below the cut`));
    if (w - r - cut > 120) parts.push(node('text', { class: 'side', x: at + wide / 2 + 8, y: 14 }, `above the cut →`));
    parts.push(
      node('line', { class: 'cut', x1: cut, x2: cut, y1: t - 3, y2: h - b }),
      node('rect', { class: 'flag', x: at - wide / 2, y: 1, width: wide, height: 19, rx: 4 }),
      node('text', { class: 'flagged', x: at, y: 15, 'text-anchor': 'middle' }, label),
      node('circle', {
        class: 'handle',
        cx: cut,
        cy: h - b,
        r: 6,
        tabindex: 0,
        role: 'slider',
        'aria-label': 'Cut',
        'aria-valuenow': this.cut,
        'aria-valuemin': d.low,
        'aria-valuemax': d.high,
      }),
    );
    const focus = this.root.getRootNode().activeElement?.classList?.contains('handle');
    this.svg.replaceChildren(...parts);
    if (focus) this.svg.querySelector('.handle').focus();
  }
  move(to) {
    if (to === this.cut) return;
    this.cut = to;
    this.draw();
    if (this.wait) {
      this.later = true;
      return;
    }
    const send = () => {
      if (window.datasel_leaving?.()) return; // the page is left: see drawn.py
      this.sent = this.cut;
      this.state('cut', this.cut);
      this.wait = setTimeout(() => {
        this.wait = null;
        if (this.later) {
          this.later = false;
          send();
        }
      }, 120);
    };
    send();
  }
  listen() {
    const at = (e) => {
      const box = this.svg.getBoundingClientRect();
      return this.back(((e.clientX - box.left) / box.width) * this.root.clientWidth);
    };
    this.svg.onpointerdown = (e) => {
      this.svg.setPointerCapture(e.pointerId);
      this.held = true;
      this.move(at(e));
    };
    this.svg.onpointermove = (e) => {
      if (this.held) this.move(at(e));
    };
    this.svg.onpointerup = this.svg.onpointercancel = () => {
      this.held = false;
    };
    this.svg.onkeydown = (e) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[e.key];
      if (by) {
        this.move(Math.min(this.data.high, Math.max(this.data.low, this.cut + (by * this.step) / 4)));
        e.preventDefault();
      }
    };
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.hist');
  (root.chart ||= new Chart(root)).update(component);
}
