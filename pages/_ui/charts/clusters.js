// Clusters of loss trajectories: all means in one chart, and a tile for each with its band, its size and how many of it are chosen.
const few = new Intl.NumberFormat('en-US'),
  NS = 'http://www.w3.org/2000/svg';
const node = (name, attributes, text) => {
  const e = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
};
const box = (name, ...inner) => {
  const e = document.createElement('div');
  e.className = name;
  e.append(...inner);
  return e;
};
const nice = (span, count) => {
  const raw = span / count,
    size = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw);
};
const tick = (v, step) =>
  !v
    ? '0'
    : step >= 1e5 || step < 1e-4
      ? v.toExponential(1)
      : v.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
const line = (X, Y, x, y) =>
  y.length === 1
    ? `M${X(x[0]).toFixed(1)} ${Y(y[0]).toFixed(1)}h12`
    : y.map((v, i) => `${i ? 'L' : 'M'}${X(x[i]).toFixed(1)} ${Y(v).toFixed(1)}`).join('');
const band = (X, Y, x, low, high) =>
  `${line(X, Y, x, high)}${low
    .map((_, i) => {
      const at = low.length - 1 - i;
      return `L${X(x[at]).toFixed(1)} ${Y(low[at]).toFixed(1)}`;
    })
    .join('')}Z`;

const loss = (v) => (Math.abs(v) >= 0.1 && Math.abs(v) < 1e4 ? v.toFixed(2) : v.toPrecision(2));
const called = (c) =>
  `Cluster ${c.name}${c.source ? `, ${c.source}` : ''}${c.words ? `, ${c.words}` : ''}: ` +
  `${few.format(c.kept)} of ${few.format(c.size)} chosen; loss ${loss(c.mean[0])} at first, ` +
  `${loss(c.mean[c.mean.length - 1])} at last`;

class Clusters {
  constructor(root) {
    this.root = root;
    this.svg = node('svg', { role: 'img' });
    this.legend = box('legend');
    this.tiles = box('tiles');
    this.tiles.setAttribute('role', 'list');
    root.replaceChildren(box('whole', this.svg, this.legend), this.tiles);
    new ResizeObserver(() => this.draw()).observe(root);
  }
  update({ data, setTriggerValue }) {
    this.open = (at) => setTriggerValue('open', at);
    this.data = data;
    this.draw();
  }
  draw() {
    const d = this.data;
    if (!d || !this.root.clientWidth) return;
    this.tiles.style.maxHeight = `${d.height + 24}px`;
    this.chart();
    const top = this.tiles.scrollTop;
    this.tiles.setAttribute('aria-label', d.alt);
    this.tiles.replaceChildren(...d.clusters.map((c) => this.tile(c)));
    this.tiles.scrollTop = top;
    this.legend.replaceChildren(
      ...d.legend.map(([name, colour]) => {
        const e = document.createElement('span'),
          dot = document.createElement('i');
        dot.style.background = colour;
        e.append(dot, name);
        return e;
      }),
    );
  }
  chart() {
    const d = this.data,
      w = this.svg.parentElement.clientWidth,
      h = d.height,
      [l, r, t, b] = [46, 10, 8, 36],
      x = d.x,
      low = x[0],
      high = x[x.length - 1],
      bottom = Math.min(0, d.bottom),
      top = d.top + 0.04 * (d.top - bottom);
    const X = (v) => l + ((w - l - r) * (v - low)) / (high - low || 1),
      Y = (v) => t + (h - t - b) * (1 - (v - bottom) / (top - bottom || 1)),
      parts = [];
    this.svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
    this.svg.setAttribute('height', h);
    this.svg.setAttribute('aria-label', d.alt);
    const up = nice(top - bottom, 5);
    for (let y = Math.ceil(bottom / up) * up; y <= top; y += up)
      parts.push(
        node('line', { class: 'grid', x1: l, x2: w - r, y1: Y(y), y2: Y(y) }),
        node('text', { class: 'tick', x: l - 6, y: Y(y) + 4, 'text-anchor': 'end' }, tick(y, up)),
      );
    const each = Math.ceil(x.length / Math.max(2, Math.floor(w / 64)));
    x.forEach((v, i) => {
      if (i % each === 0 || (i === x.length - 1 && i % each > each / 2))
        parts.push(node('text', { class: 'tick', x: X(v), y: h - b + 15, 'text-anchor': 'middle' }, few.format(v)));
    });
    parts.push(
      node('text', { class: 'axis', x: l + (w - l - r) / 2, y: h - 3, 'text-anchor': 'middle' }, d.x_name),
      node(
        'text',
        {
          class: 'axis',
          x: 11,
          y: t + (h - t - b) / 2,
          'text-anchor': 'middle',
          transform: `rotate(-90 11 ${t + (h - t - b) / 2})`,
        },
        d.y_name,
      ),
    );
    const shown = d.clusters.find((c) => c.at === (this.near ?? d.open)),
      largest = Math.max(...d.clusters.map((c) => c.size), 1),
      faint = Math.min(1, Math.sqrt(12 / d.clusters.length));
    if (shown) parts.push(node('path', { class: 'band', d: band(X, Y, x, shown.low, shown.high), fill: shown.colour }));
    for (const c of [...d.clusters].sort((a, b) => (a === shown) - (b === shown))) {
      const path = node('path', {
        class: 'mean',
        d: line(X, Y, x, c.mean),
        stroke: c.colour,
        'stroke-width': c === shown ? 3.2 : 0.8 + 2 * Math.sqrt(c.size / largest),
        opacity: c === shown ? 1 : (shown ? 0.36 : 0.75) * faint, // the one that is looked at stands out among many
      });
      path.append(node('title', {}, called(c)));
      path.onclick = () => this.open(c.at);
      parts.push(path);
    }
    this.svg.replaceChildren(...parts);
  }
  tile(c) {
    const d = this.data,
      e = document.createElement('button'),
      x = d.x,
      // each on its own scale: its shape is what is looked at, first and last loss are written
      top = Math.max(...c.high),
      bottom = Math.min(...c.low),
      X = (v) => (100 * (v - x[0])) / (x[x.length - 1] - x[0] || 1),
      Y = (v) => 38 * (1 - (v - bottom) / (top - bottom || 1)) + 2;
    e.type = 'button';
    e.className = `tile${c.at === d.open ? ' open' : ''}`;
    e.dataset.cluster = c.at;
    e.setAttribute('aria-label', called(c));
    e.title = called(c);
    const name = box('name'),
      number = document.createElement('b'),
      source = document.createElement('span'),
      words = box('words'),
      ends = box('ends');
    number.textContent = c.name;
    source.textContent = c.source || (c.words ? '' : 'of all kinds');
    name.append(number, source);
    words.textContent = c.words;
    [c.mean[0], c.mean[c.mean.length - 1]].forEach((v) => {
      const end = document.createElement('span');
      end.textContent = loss(v);
      ends.append(end);
    });
    const svg = node('svg', { viewBox: '0 0 100 42', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    svg.append(
      node('path', { class: 'band', d: band(X, Y, x, c.low, c.high), fill: c.colour }),
      node('path', {
        class: 'mean',
        d: line(X, Y, x, c.mean),
        stroke: c.colour,
        'stroke-width': 1.8,
        'vector-effect': 'non-scaling-stroke',
      }),
    );
    const bar = box('bar'),
      full = document.createElement('i');
    full.style.width = `${(100 * c.kept) / Math.max(1, c.size)}%`;
    full.style.background = d.colour;
    bar.append(full);
    const kept = box('kept');
    kept.textContent = `${few.format(c.kept)} of ${few.format(c.size)}`;
    e.append(name, words, svg, ends, kept, bar);
    e.onclick = () => this.open(c.at);
    e.onmouseenter = () => {
      this.near = c.at;
      this.chart();
    };
    e.onmouseleave = () => {
      this.near = null;
      this.chart();
    };
    return e;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.paths');
  (root.chart ||= new Clusters(root)).update(component);
}
