// What is seen of the points: dots, or a density of very many; region, rings and hover above.
class Drawing extends View {
  level(i) {
    if (this.xy[2 * i] === EMPTY || this.hidden.has(this.labels[i])) return 0;
    if (this.chosen) return this.chosen[i] ? 3 : 1;
    if (this.data.dim) return this.isKept[i] ? 4 : this.isEarlier[i] ? 3 : 1;
    return 2;
  }
  colour(i, level) {
    if (this.data.dim && level === 1 && !this.chosen) return this.grey;
    if (this.data.kept_colour && this.isKept[i]) return this.data.kept_colour;
    if (this.data.earlier_colour && this.isEarlier[i]) return this.data.earlier_colour;
    return this.data.colours[this.labels[i]] || this.grey;
  }
  // Who is drawn when, where the labels are ranked: the first label last, on top of the others.
  inOrder() {
    if (!this.data.ranked) return null;
    if (this.rank && this.rank.length === this.n) return this.rank;
    const start = new Uint32Array(257),
      order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) start[256 - this.labels[i]]++;
    for (let label = 1; label < 257; label++) start[label] += start[label - 1];
    for (let i = this.n - 1; i >= 0; i--) order[--start[256 - this.labels[i]]] = i;
    return (this.rank = order);
  }
  draw() {
    const style = getComputedStyle(this.root);
    this.grey = 'rgb(140,146,156)';
    this.ink = style.getPropertyValue('--st-text-color').trim() || '#222';
    this.paper = style.getPropertyValue('--st-background-color').trim() || '#fff';
    const pen = this.under.getContext('2d');
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.under.width, this.under.height);
    if (this.n > MANY) this.splat(pen);
    else this.dots(pen);
    this.lookAround();
    this.drawOver();
  }
  dots(pen) {
    const r =
      (this.n < 1500 ? 3.4 : this.n < 8000 ? 2.5 : 1.9) *
      Math.min(2.2, Math.max(1, Math.sqrt(this.scale / this.base())));
    pen.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    const groups = new Map(),
      order = this.inOrder();
    for (let j = 0; j < this.n; j++) {
      const i = order ? order[j] : j,
        level = this.level(i);
      if (!level) continue;
      const key = level + this.colour(i, level);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(i);
    }
    for (const level of [1, 2, 3, 4])
      for (const [key, members] of groups) {
        if (+key[0] !== level) continue;
        const size = level >= 3 ? r * 1.5 : r;
        pen.globalAlpha = level === 1 ? (this.chosen ? 0.1 : 0.28) : 1;
        pen.fillStyle = key.slice(1);
        pen.beginPath();
        for (const i of members) {
          const x = this.px(this.xy[2 * i]),
            y = this.py(this.xy[2 * i + 1]);
          pen.moveTo(x + size, y);
          pen.arc(x, y, size, 0, 6.2832);
        }
        pen.fill();
        if (level >= 3) {
          pen.strokeStyle = this.paper;
          pen.lineWidth = 0.8;
          pen.stroke();
        }
      }
    pen.globalAlpha = 1;
  }
  splat(pen) {
    const [w, h] = [this.under.width, this.under.height],
      image = pen.createImageData(w, h),
      out = new Uint32Array(image.data.buffer),
      paper = rgb(this.paper),
      cache = new Map(),
      big = 2 * this.dpr;
    const word = (i, level) => {
      const c = this.colour(i, level),
        k = c + level;
      if (!cache.has(k)) {
        const a = level === 1 ? (this.chosen ? 0.12 : 0.3) : 1,
          p = rgb(c).map((v, j) => Math.round(v * a + paper[j] * (1 - a)));
        cache.set(k, (255 << 24) | (p[2] << 16) | (p[1] << 8) | p[0]);
      }
      return cache.get(k);
    };
    const order = this.inOrder();
    for (const turn of [1, 2, 3, 4])
      for (let j = 0; j < this.n; j++) {
        const i = order ? order[j] : j,
          level = this.level(i);
        if (level !== turn) continue;
        const x = (this.px(this.xy[2 * i]) * this.dpr) | 0,
          y = (this.py(this.xy[2 * i + 1]) * this.dpr) | 0,
          value = word(i, level),
          s = level >= 3 ? big + 2 : Math.max(1, this.dpr | 0) + (this.n < 2e5 ? 1 : 0);
        if (x < 0 || y < 0 || x >= w - s || y >= h - s) continue;
        for (let b = 0; b < s; b++) for (let a = 0; a < s; a++) out[(y + b) * w + x + a] = value;
      }
    pen.putImageData(image, 0, 0);
  }
  base() {
    const [l, r, b, t] = this.box;
    return Math.min(this.width / Math.max(1, r - l), this.height / Math.max(1, t - b));
  }
  drawOver() {
    const pen = this.over.getContext('2d');
    pen.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const accent = getComputedStyle(this.root).getPropertyValue('--st-primary-color').trim() || '#1f6fd6';
    for (const shape of [...this.region, ...(this.drawing ? [this.drawing] : [])]) {
      pen.beginPath();
      shape.forEach(([x, y], i) => (i ? pen.lineTo(this.px(x), this.py(y)) : pen.moveTo(this.px(x), this.py(y))));
      pen.closePath();
      pen.fillStyle = accent;
      pen.globalAlpha = 0.06;
      pen.fill();
      pen.globalAlpha = 1;
      pen.strokeStyle = accent;
      pen.lineWidth = 1.5;
      pen.stroke();
    }
    const ring = (i, size, width) => {
      if (i < 0 || this.xy[2 * i] === EMPTY) return;
      const x = this.px(this.xy[2 * i]),
        y = this.py(this.xy[2 * i + 1]);
      pen.beginPath();
      pen.arc(x, y, size, 0, 6.2832);
      pen.strokeStyle = this.paper;
      pen.lineWidth = width + 2;
      pen.stroke();
      pen.strokeStyle = this.ink;
      pen.lineWidth = width;
      pen.stroke();
    };
    for (const i of this.data.rings || []) ring(i, 8, 2);
    if (this.near >= 0) ring(this.near, 7, 1.5);
  }
}

function rgb(colour) {
  const pen = (rgb.pen ||= document.createElement('canvas').getContext('2d', { willReadFrequently: true }));
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
