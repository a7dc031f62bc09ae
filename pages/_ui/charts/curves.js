// Coverage against budget: one line per selection, a point that can be dragged. Distances fall as more is kept.
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
  return [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw);
};

class Chart {
  constructor(root) {
    this.root = root;
    this.svg = root.querySelector('svg');
    this.said = root.querySelector('.said');
    this.told = 0; // how many places were told
    new ResizeObserver(() => this.draw()).observe(root);
    this.listen();
  }
  update({ data, setStateValue }) {
    this.state = setStateValue;
    // an answer to an earlier place never moves the point back, neither under the hand nor when it has let go
    if (!this.held && !this.wait && data.heard >= this.told) [this.budget, this.told] = [data.budget, data.heard];
    this.data = data;
    this.draw();
  }
  draw() {
    const d = this.data,
      w = this.root.clientWidth;
    if (!d || !w) return;
    const h = d.height,
      [l, r, t, b] = [52, 24, 8, 36];
    this.svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
    this.svg.setAttribute('height', h);
    this.svg.setAttribute('aria-label', d.alt);
    const band = d.band?.x.length ? d.band : null,
      all = [...d.lines.flatMap((line) => line.y), ...(band?.high || [])],
      most = Math.max(...d.lines.map((line) => line.x[line.x.length - 1])),
      top = Math.max(...all, 1e-6) * 1.06;
    const X = (x) => l + ((w - l - r) * Math.log(x)) / Math.log(Math.max(2, most)),
      Y = (y) => t + (h - t - b) * (1 - y / top);
    this.back = (px) => Math.round(Math.exp(((px - l) / (w - l - r)) * Math.log(Math.max(2, most))));
    this.most = most;
    const parts = [],
      step = nice(top, 4);
    for (let y = 0; y <= top; y += step) {
      parts.push(
        node('line', { class: 'grid', x1: l, x2: w - r, y1: Y(y), y2: Y(y) }),
        node('text', { class: 'tick', x: l - 6, y: Y(y) + 4, 'text-anchor': 'end' }, y.toFixed(step < 0.1 ? 2 : 1)),
      );
    }
    let marks = [];
    for (let p = 1; p <= most; p *= 10) for (const m of [1, 2, 5]) if (m * p <= most) marks.push(m * p);
    while (marks.length > w / 62) marks = marks.filter((_, i) => i % 2 === 0);
    for (const x of marks)
      parts.push(
        node('line', { class: 'grid', x1: X(x), x2: X(x), y1: h - b, y2: h - b + 4 }),
        node('text', { class: 'tick', x: X(x), y: h - b + 15, 'text-anchor': 'middle' }, few.format(x)),
      );
    parts.push(
      node('text', { class: 'axis', x: l + (w - l - r) / 2, y: h - 3, 'text-anchor': 'middle' }, d.x_name),
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
    if (band) {
      const edge = (name) => band.x.map((x, i) => `${X(x).toFixed(1)} ${Y(band[name][i]).toFixed(1)}`);
      parts.push(
        node('path', {
          class: 'band',
          d: `M${[...edge('high'), ...edge('low').reverse()].join('L')}Z`,
          fill: band.colour,
        }),
        node('path', { d: `M${edge('mean').join('L')}`, fill: 'none', stroke: band.colour, 'stroke-width': 1.2 }),
      );
    }
    for (const line of d.lines)
      parts.push(
        node('path', {
          d: line.x.map((x, i) => `${i ? 'L' : 'M'}${X(x).toFixed(1)} ${Y(line.y[i]).toFixed(1)}`).join(''),
          fill: 'none',
          stroke: line.colour,
          'stroke-width': line.main ? 2.4 : 1.6,
          'stroke-dasharray': line.dash || '',
          opacity: line.main ? 1 : 0.85,
        }),
      );
    parts.push(...this.landmarks(X, Y, h - b));
    const at = Math.min(this.budget, most),
      main = d.lines.find((line) => line.main),
      value = this.value(main, at);
    parts.push(
      node('line', { class: 'cut', x1: X(at), x2: X(at), y1: t, y2: h - b }),
      node('circle', {
        class: 'handle',
        cx: X(at),
        cy: Y(value),
        r: 7,
        fill: main.colour,
        tabindex: 0,
        role: 'slider',
        'aria-label': 'Budget',
        'aria-valuenow': at,
        'aria-valuemin': 1,
        'aria-valuemax': most,
      }),
    );
    const focus = this.root.getRootNode().activeElement?.classList?.contains('handle');
    this.svg.replaceChildren(...parts);
    if (focus) this.svg.querySelector('.handle').focus();
    const entry = (colour, text) => {
      const e = document.createElement('span'),
        dot = document.createElement('i');
      dot.style.background = colour;
      e.append(dot, text);
      return e;
    };
    this.said.replaceChildren(
      ...d.lines.map((line) => entry(line.colour, `${line.name}: ${this.value(line, at).toFixed(3)}`)),
      ...(band ? [entry(band.colour, `${band.name}${this.scatter(band, at)}`)] : []),
      document.createTextNode(`at ${few.format(at)}`),
    );
  }
  // the knee of the main line, and the value at its end
  landmarks(X, Y, floor) {
    const main = this.data.lines.find((line) => line.main),
      end = main.x[main.x.length - 1],
      low = this.value(main, end),
      under = Y(low) + 18 < floor ? Y(low) + 18 : Y(low) - 12, // never among the numbers of the axis
      parts = [node('text', { class: 'mark', x: X(end), y: under, 'text-anchor': 'end' }, low.toFixed(2))];
    const knee = this.data.knee;
    if (!knee) return parts;
    const y = Y(this.value(main, knee)),
      mark = node('g', { class: 'knee' });
    mark.append(
      node('title', {}, this.data.knee_means),
      node('line', { x1: X(knee), x2: X(knee), y1: y, y2: floor }),
      node('circle', { cx: X(knee), cy: y, r: 4 }),
      node(
        'text',
        { class: 'mark', x: X(knee), y: floor - 6, dx: -5, 'text-anchor': 'end' },
        `knee ${few.format(knee)}`,
      ),
    );
    return [...parts, mark];
  }
  // where the band lies at a budget, linear in log n between its sizes; nothing where none was drawn
  scatter(band, at) {
    const i = band.x.findIndex((x) => x >= at);
    if (i < 0 || (i === 0 && band.x[0] > at)) return '';
    const share = i ? Math.log(at / band.x[i - 1]) / Math.log(band.x[i] / band.x[i - 1]) : 1,
      mix = (y) => (i ? y[i - 1] + share * (y[i] - y[i - 1]) : y[i]).toFixed(3);
    return `: ${mix(band.low)} to ${mix(band.high)}`;
  }
  value(line, at) {
    let i = 0;
    while (i + 1 < line.x.length && line.x[i + 1] <= at) i++;
    return line.y[i];
  }
  move(to) {
    to = Math.min(this.most, Math.max(1, to));
    if (to === this.budget) return;
    this.budget = to;
    this.draw();
    clearTimeout(this.wait);
    this.wait = setTimeout(() => {
      this.wait = null;
      if (window.datasel_leaving?.()) return; // the page is left: see drawn.py
      this.state('budget', [to, ++this.told]);
    }, 60);
  }
  listen() {
    const at = (e) =>
      this.back(
        ((e.clientX - this.svg.getBoundingClientRect().left) / this.svg.getBoundingClientRect().width) *
          this.root.clientWidth,
      );
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
        this.move(this.budget + by);
        e.preventDefault();
      }
    };
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.curves');
  (root.chart ||= new Chart(root)).update(component);
}
