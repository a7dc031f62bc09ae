// Keys: arrows go from point to point, Enter opens, Shift with arrows draws a box, Esc clears.
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Keys extends Gestures {
  listen() {
    super.listen();
    this.root.onkeydown = (e) => {
      this.root.classList.remove('by-hand');
      if (!this.xy || !this.key(e)) return;
      e.preventDefault();
      e.stopPropagation();
    };
  }
  // Whether the key means something here.
  key(e) {
    const way = WAYS[e.key],
      command = e.ctrlKey || e.metaKey;
    if (e.key === 'Escape') return this.leave();
    if (command && e.key === 'z') this.undo();
    else if (command || e.altKey || e.target !== this.root) return false;
    else if (way && e.shiftKey && this.data.lasso) this.grow(way);
    else if (way) this.toward(way);
    else if (e.key.toLowerCase() === 'r' && this.data.lasso) this.grow([0, 0]);
    else if (e.key === 'Enter' && this.marquee) this.takeBox();
    else if (e.key === 'Enter' && this.near >= 0) this.trigger('open', this.near);
    else if (e.key === '+' || e.key === '=') this.zoom(this.width / 2, this.height / 2, 1.25);
    else if (e.key === '-') this.zoom(this.width / 2, this.height / 2, 0.8);
    else if (e.key === '0' || e.key === 'f') this.reset();
    else return false;
    return true;
  }
  leave() {
    if (this.drawing) {
      this.drawing = this.down = this.marquee = null;
      this.draw();
      this.tools();
    } else if (this.region.length) this.setRegion([]);
    else return false;
    return true;
  }

  // The next point in a direction: not far, and not far to the side.
  toward([ux, uy]) {
    const start = this.near >= 0,
      [fx, fy] = start
        ? [this.xy[2 * this.near], this.xy[2 * this.near + 1]]
        : this.at(this.width / 2, this.height / 2);
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < this.n; i++) {
      if (i === this.near || this.level(i) <= (this.chosen ? 1 : 0)) continue;
      const [x, y] = [this.xy[2 * i] - fx, this.xy[2 * i + 1] - fy],
        [along, aside] = [x * ux + y * uy, Math.abs(x * uy - y * ux)];
      if (start && (along <= 0 || aside > along)) continue;
      const far = start ? along + 2 * aside : Math.hypot(x, y);
      if (far < least) [best, least] = [i, far];
    }
    if (best >= 0) this.stand(best);
  }
  stand(i) {
    const [x, y, room] = [this.px(this.xy[2 * i]), this.py(this.xy[2 * i + 1]), 30];
    if (x < room || y < room || x > this.width - room || y > this.height - room)
      this.pan(this.width / 2 - x, this.height / 2 - y);
    this.look(i);
  }

  // A box that keys draw: it begins around the point one stands on; each arrow moves one of its sides out.
  grow([ux, uy]) {
    const step = 24 / this.scale;
    if (this.marquee) {
      const at = ux < 0 ? 0 : ux > 0 ? 1 : uy < 0 ? 2 : 3;
      this.marquee[at] += at % 2 ? step : -step;
    } else {
      const [x, y] =
        this.near >= 0
          ? [this.xy[2 * this.near], this.xy[2 * this.near + 1]]
          : this.at(this.width / 2, this.height / 2);
      this.marquee = [x - step, x + step, y - step, y + step];
    }
    const [left, right, low, high] = this.marquee;
    this.drawing = [
      [left, low],
      [right, low],
      [right, high],
      [left, high],
    ].map((p) => p.map(Math.round));
    let inside = 0;
    for (let i = 0; i < this.n; i++) {
      const [x, y] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (this.level(i) && x >= left && x <= right && y >= low && y <= high) inside++;
    }
    this.drawOver();
    this.hint.textContent = '';
    this.counted.textContent = `${few.format(inside)} ${this.data.what} in the box: Enter takes it, Esc drops it`;
  }
  takeBox() {
    const box = this.drawing;
    this.drawing = this.marquee = null;
    this.setRegion([...this.region, box]);
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.map');
  (root.view ||= new Keys(root)).update(component);
}
