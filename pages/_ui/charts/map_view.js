// What part of the map is seen: at first all that hangs together, with signs to what lies far away; the view that a
// link brings.
const FAR = 0.03, // of the points at each side may lie far away
  GAP = 0.08, // of the width of the others is as far as the next point may be
  GAIN = 1.35; // below which nothing is left outside
const SIDES = { left: '\u2190', right: '\u2192', top: '\u2191', bottom: '\u2193' };

class View extends Points {
  findHome() {
    const home = [...this.spread(0), ...this.spread(1)],
      size = ([left, right, low, high]) => Math.max(right - left, high - low, 1);
    this.home = this.data.fills && size(this.box) / size(home) >= GAIN ? home : this.box;
  }
  // From where to where most values of one axis lie, and whatever follows them without a wide gap.
  spread(axis) {
    const counts = new Uint32Array(65536);
    let n = 0;
    for (let i = 0; i < this.n; i++)
      if (this.xy[2 * i] !== EMPTY) {
        counts[this.xy[2 * i + axis]]++;
        n++;
      }
    let [low, high] = [0, 65000];
    for (let left = n * FAR; low < high && (left -= counts[low]) >= 0;) low++;
    for (let left = n * FAR; low < high && (left -= counts[high]) >= 0;) high--;
    const gap = GAP * (high - low);
    for (let at = low; at >= 0 && low - at <= gap; at--) if (counts[at]) low = at;
    for (let at = high; at <= 65000 && at - high <= gap; at++) if (counts[at]) high = at;
    return [low, high];
  }

  // ---- geometry: data (0..65000, y up) to pixels
  margins() {
    const room = this.data.height < 340 ? 14 : 22;
    return [room, this.data.lasso ? 42 : room];
  }
  // The height of the card: its shape is the cloud's, within limits.
  tall() {
    if (!this.data.fills) return this.data.height;
    const [left, right, low, high] = this.home,
      [room, top] = this.margins(),
      wanted = ((this.stage.clientWidth - 2 * room) * (high - low)) / Math.max(1, right - left) + room + top;
    return Math.round(Math.min(this.data.height, Math.max(0.7 * this.data.height, wanted)));
  }
  fit([left, right, low, high] = this.home) {
    const [room, top] = this.margins();
    this.scale = Math.min(
      (this.width - 2 * room) / Math.max(1, right - left),
      (this.height - room - top) / Math.max(1, high - low),
      8,
    );
    this.dx = this.width / 2 - (this.scale * (left + right)) / 2;
    this.dy = (this.height + top - room) / 2 + (this.scale * (low + high)) / 2;
  }
  px(x) {
    return this.dx + this.scale * x;
  }
  py(y) {
    return this.dy - this.scale * y;
  }
  at(px, py) {
    return [(px - this.dx) / this.scale, (this.dy - py) / this.scale];
  }
  resize() {
    if (!this.xy || !this.stage.clientWidth) return;
    this.stage.style.height = `${this.tall()}px`;
    const [w, h] = [this.stage.clientWidth, this.stage.clientHeight],
      dpr = window.devicePixelRatio || 1;
    if (w !== this.width || h !== this.height || dpr !== this.dpr) {
      [this.width, this.height, this.dpr] = [w, h, dpr];
      for (const c of [this.under, this.over]) {
        c.width = w * dpr;
        c.height = h * dpr;
      }
      if (this.scale && !this.moved) this.fit();
    }
    if (!this.scale && this.data.view) this.restore(this.data.view);
    else if (!this.scale) this.fit();
    this.draw();
  }
  zoom(px, py, by) {
    const [x, y] = this.at(px, py);
    this.scale = Math.min(8, Math.max(this.scale * by, (0.2 * this.width) / 65000));
    this.dx = px - this.scale * x;
    this.dy = py + this.scale * y;
    this.wentTo();
  }
  pan(dx, dy) {
    this.dx += dx;
    this.dy += dy;
    this.wentTo();
  }
  later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }
  reset(box = this.box) {
    this.fit(box);
    this.wentTo(box !== this.home);
  }

  // ---- the view in the address: its middle and its width
  restore([x, y, span]) {
    this.scale = Math.min(8, this.width / Math.max(1, span));
    this.dx = this.width / 2 - this.scale * x;
    this.dy = this.height / 2 + this.scale * y;
    this.moved = true;
  }
  wentTo(moved = true) {
    this.moved = moved;
    this.later();
    clearTimeout(this.soon);
    if (!this.data.linked) return;
    this.soon = setTimeout(() => {
      if (window.datasel_leaving?.()) return; // the page is left: see drawn.py
      const [x, y] = this.at(this.width / 2, this.height / 2),
        told = moved ? `${this.data.tag}-${[x, y, this.width / this.scale].map(short).join('.')}` : '';
      if (told !== this.toldView) this.tell('view', (this.toldView = told));
    }, 400);
  }
  // A link to what is seen goes into the address at once; Python writes the same there. So it is no step for Back.
  tell(kind, text) {
    if (this.data.linked) {
      const address = new URL(window.location.href),
        name = `${this.data.linked}.${kind}`;
      if (text) address.searchParams.set(name, text);
      else address.searchParams.delete(name);
      window.history.replaceState(window.history.state, '', address);
    }
    this.state(kind, text);
  }

  // ---- what is in view, and on which side the others lie
  lookAround() {
    const away = {};
    for (const side of Object.keys(SIDES)) away[side] = { n: 0, box: [65000, 0, 65000, 0] };
    let shown = 0;
    for (let i = 0; i < this.n; i++) {
      if (!this.level(i)) continue;
      const [u, v] = [this.xy[2 * i], this.xy[2 * i + 1]],
        [x, y] = [this.px(u), this.py(v)],
        far = Math.max(-x, x - this.width, -y, y - this.height);
      if (far <= 0) {
        shown++;
        continue;
      }
      const one = away[far === -x ? 'left' : far === x - this.width ? 'right' : far === -y ? 'top' : 'bottom'],
        [left, right, low, high] = one.box;
      one.n++;
      one.box = [Math.min(left, u), Math.max(right, u), Math.min(low, v), Math.max(high, v)];
    }
    const { n_points: total, what } = this.data;
    this.counted.textContent = `${shown === total ? 'all' : few.format(shown) + ' of'} ${few.format(total)} ${what} in view`;
    if (this.data.fills) this.point(away);
  }
  point(away) {
    for (const [side, { n, box }] of Object.entries(away)) {
      const sign = ((this.signs ||= {})[side] ||= this.stage.appendChild(element('button')));
      sign.type = 'button';
      sign.className = `sign ${side}`;
      sign.hidden = !n;
      sign.textContent = `${SIDES[side]} ${few.format(n)}`;
      sign.title = `${few.format(n)} ${this.data.what} lie beyond this side: go there`;
      sign.onclick = () => this.reset(box);
    }
  }
}

// Whole numbers in few letters, none of which an address has to escape; N stands for a minus.
function short(value) {
  return Math.round(value).toString(36).replace('-', 'N');
}
