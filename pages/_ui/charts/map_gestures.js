// Hands: lasso, zoom, legend, tools, undo.
class Gestures extends Drawing {
  // ---- the hand
  find(px, py) {
    const reach = 9,
      [x, y] = this.at(px, py),
      far = reach / this.scale;
    let best = -1,
      gap = far * far;
    const [a, b, c, d] = [x - far, x + far, y - far, y + far].map((v) => Math.min(255, Math.max(0, v >> 8)));
    for (let row = c; row <= d; row++)
      for (let col = a; col <= b; col++)
        for (let at = this.heads[row * 256 + col]; at < this.heads[row * 256 + col + 1]; at++) {
          const i = this.grid[at],
            u = this.xy[2 * i] - x,
            v = this.xy[2 * i + 1] - y,
            g = u * u + v * v;
          if (g < gap && this.level(i) > (this.chosen ? 1 : 0)) {
            gap = g;
            best = i;
          }
        }
    return best;
  }
  listen() {
    const point = (e) => {
      const box = this.over.getBoundingClientRect();
      return [e.clientX - box.left, e.clientY - box.top];
    };
    this.over.onpointerdown = (e) => {
      if (!this.xy) return;
      const [px, py] = point(e);
      this.down = [px, py];
      this.last = [px, py];
      this.dragging = false;
      this.over.setPointerCapture(e.pointerId);
      this.panning = this.tool === 'move' || !this.data.lasso || e.button === 1 || e.altKey;
      this.adding = e.shiftKey;
      this.root.classList.add('by-hand');
      this.root.focus({ preventScroll: true });
    };
    this.over.onpointermove = (e) => {
      if (!this.xy) return;
      const [px, py] = point(e);
      if (!this.down) {
        this.hoverAt(px, py);
        return;
      }
      if (!this.dragging && Math.hypot(px - this.down[0], py - this.down[1]) < 4) return;
      if (!this.dragging) {
        this.dragging = true;
        this.hoverAt(-99, -99);
        if (!this.panning) this.drawing = [this.at(...this.down)];
      }
      if (this.panning) {
        this.pan(px - this.last[0], py - this.last[1]);
        this.last = [px, py];
        return;
      }
      if (this.tool === 'box') {
        const [x0, y0] = this.at(...this.down),
          [x1, y1] = this.at(px, py);
        this.drawing = [
          [x0, y0],
          [x1, y0],
          [x1, y1],
          [x0, y1],
        ];
      } else if (Math.hypot(px - this.last[0], py - this.last[1]) > 4) {
        this.drawing.push(this.at(px, py));
        this.last = [px, py];
      }
      this.drawOver();
    };
    this.over.onpointerup = (e) => {
      if (!this.down) return;
      const [px, py] = point(e);
      this.down = null;
      if (this.drawing) {
        const shape = this.drawing;
        this.drawing = null;
        if (shape.length > 2) this.setRegion([...(this.adding ? this.region : []), thin(shape, 1.5 / this.scale)]);
        else this.drawOver();
      } else if (!this.dragging) {
        const i = this.find(px, py);
        if (i >= 0) this.trigger('open', i);
      }
      this.dragging = false;
    };
    this.over.onpointercancel = () => {
      this.down = null;
      this.drawing = null;
      this.drawOver();
    };
    this.over.onpointerleave = () => {
      if (!this.down) this.hoverAt(-99, -99);
    };
    this.over.addEventListener(
      'wheel',
      (e) => {
        e.preventDefault();
        this.zoom(...point(e), Math.exp(-e.deltaY * 0.0016));
      },
      { passive: false },
    );
  }
  undo() {
    if (this.past.length) this.mark(this.past.pop());
  }
  setRegion(region) {
    this.past.push(this.region);
    this.mark(region);
  }
  mark(region) {
    this.region = region;
    this.choose();
    this.draw();
    this.tools();
    const shapes = region.map((shape) => shape.map((p) => p.map(short).join('.')).join('_'));
    this.tell('region', shapes.length ? [this.data.tag, ...shapes].join('-') : '');
  }
  hoverAt(px, py) {
    const near = px < 0 ? -1 : this.find(px, py);
    if (near === this.near) return;
    this.over.style.cursor = near >= 0 ? 'pointer' : this.tool === 'move' || !this.data.lasso ? 'grab' : 'crosshair';
    this.look(near);
  }
  look(near) {
    this.near = near;
    this.drawOver();
    this.showTip();
    clearTimeout(this.wait);
    if (near >= 0 && this.data.photos && !SHELF.has(this.photos.get(near)?.picture))
      this.wait = setTimeout(() => this.state('hover', near), 45);
  }
  showTip() {
    const said = this.near >= 0 ? this.photos.get(this.near) : null;
    this.tip.style.display = said ? 'block' : 'none';
    if (!said) return;
    const [img, text] = this.tip.children;
    if (img.dataset.picture !== said.picture) {
      img.dataset.picture = said.picture;
      img.removeAttribute('src');
    }
    if (!img.getAttribute('src')) img.src = take(said.picture);
    text.textContent = said.caption;
    const place = () => {
      const x = this.px(this.xy[2 * this.near]),
        y = this.py(this.xy[2 * this.near + 1]),
        w = this.tip.offsetWidth,
        h = this.tip.offsetHeight;
      this.tip.style.left = `${x + 14 + w > this.width ? Math.max(2, x - 14 - w) : x + 14}px`;
      this.tip.style.top = `${Math.min(Math.max(2, y - h / 2), this.height - h - 2)}px`;
    };
    place();
    img.onload = place;
  }

  // ---- buttons and legend
  tools() {
    const bar = this.root.querySelector('.tools'),
      make = (text, title, run, pressed, off) => {
        const b = element('button', '', text);
        b.type = 'button';
        b.title = title;
        b.disabled = !!off;
        if (pressed !== undefined) b.setAttribute('aria-pressed', pressed);
        b.onclick = run;
        return b;
      };
    const pick = (name) => () => {
      this.tool = name;
      this.tools();
      this.over.style.cursor = name === 'move' ? 'grab' : 'crosshair';
    };
    const some = this.data.lasso
      ? [
          make('Lasso', 'Draw around points; hold Shift to add', pick('lasso'), this.tool === 'lasso'),
          make('Box', 'Draw a box around points; hold Shift to add', pick('box'), this.tool === 'box'),
          make('Move', 'Drag the map; also Alt and drag', pick('move'), this.tool === 'move'),
          element('i'),
        ]
      : [];
    const more = this.data.lasso
      ? [
          make('Undo', 'Back to the region before (Ctrl+Z)', () => this.undo(), undefined, !this.past.length),
          make('Clear', 'Forget the region (Esc)', () => this.setRegion([]), undefined, !this.region.length),
        ]
      : [];
    bar.replaceChildren(
      ...some,
      make('Fit', 'All points in view (0)', () => this.reset()),
      ...(this.home === this.box ? [] : [make('Main part', 'Without what lies far away', () => this.reset(this.home))]),
      ...more,
    );
    this.hint.textContent = this.data.hint;
  }
  drawLegend() {
    const { names, colours, sizes, pictures } = this.data;
    this.legend.hidden = !this.data.legend;
    if (!this.data.legend) return;
    this.legend.replaceChildren(
      ...names.map((name, at) => {
        const b = element('button'),
          dot = element(pictures[at] ? 'img' : 'i');
        b.type = 'button';
        if (pictures[at]) {
          dot.dataset.picture = pictures[at];
          dot.alt = '';
          dot.style.borderColor = colours[at];
        } else dot.style.background = colours[at];
        b.title = `${name}: click hides or shows, double click shows it alone`;
        b.setAttribute('aria-pressed', !this.hidden.has(at));
        b.append(dot, element('span', '', name), element('b', '', few.format(sizes[at])));
        b.onclick = (e) => {
          if (e.detail > 1) return;
          clearTimeout(this.single);
          this.single = setTimeout(() => {
            this.hidden.has(at) ? this.hidden.delete(at) : this.hidden.add(at);
            this.hide();
          }, 220);
        };
        b.ondblclick = () => {
          clearTimeout(this.single);
          const alone = names.every((_, o) => (o === at) !== this.hidden.has(o));
          this.hidden = new Set(alone ? [] : names.map((_, o) => o).filter((o) => o !== at));
          this.hide();
        };
        return b;
      }),
    );
  }
  hide() {
    this.drawLegend();
    this.fillIn();
    this.draw();
    const hidden = [...this.hidden].sort((a, b) => a - b).map(short);
    this.tell('hidden', hidden.length ? [this.data.labels_tag, ...hidden].join('-') : '');
  }
}

// The corners of a line that was drawn by hand: no point of it is farther than `off` from the line between them
// (Douglas & Peucker 1973), in whole numbers.
function thin(shape, off) {
  const kept = new Set([0, shape.length - 1]),
    parts = [[0, shape.length - 1]];
  while (parts.length) {
    const [from, to] = parts.pop(),
      [[ax, ay], [bx, by]] = [shape[from], shape[to]],
      long = Math.hypot(bx - ax, by - ay);
    let [far, most] = [-1, off];
    for (let at = from + 1; at < to; at++) {
      const [x, y] = shape[at],
        gap = long ? Math.abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / long : Math.hypot(x - ax, y - ay);
      if (gap > most) [far, most] = [at, gap];
    }
    if (far >= 0) {
      kept.add(far);
      parts.push([from, far], [far, to]);
    }
  }
  return shape.filter((_, at) => kept.has(at)).map((p) => p.map(Math.round));
}
