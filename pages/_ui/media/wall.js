const few = new Intl.NumberFormat('en-US');
function lay(tiles, width, height, gap) {
  const lines = [];
  let line = [],
    sum = 0;
  for (const t of tiles) {
    line.push(t);
    sum += t.ratio;
    if (sum * height + gap * (line.length - 1) >= width) {
      lines.push([line, (width - gap * (line.length - 1)) / sum]);
      line = [];
      sum = 0;
    }
  }
  if (line.length) {
    const last = lines.length ? lines[lines.length - 1][1] : height;
    lines.push([line, Math.min(last, (width - gap * (line.length - 1)) / sum)]);
  }
  return lines;
}
export default function (component) {
  const { data, parentElement, setTriggerValue, setStateValue } = component;
  const root = parentElement.querySelector('.wall');
  const ask = (keys) => setTriggerValue('lack', keys);
  root.leave?.(); // what an earlier drawing left at work
  put(data);
  const draw = () => {
    const width = root.clientWidth;
    if (!width) return;
    const focus = root.getRootNode().activeElement?.dataset?.row;
    const lines = document.createElement('div'),
      images = [];
    lines.setAttribute('role', 'list');
    lines.setAttribute('aria-label', `${data.tiles.length} of ${data.n} photos`);
    for (const [line, height] of lay(data.tiles, width - 1, data.height, 3)) {
      const row = document.createElement('div');
      row.className = 'line';
      for (const t of line) {
        const tile = document.createElement('button');
        tile.type = 'button';
        tile.className = 'tile' + (t.dim ? ' dim' : '');
        tile.dataset.row = t.row;
        tile.style.width = `${t.ratio * height}px`;
        tile.style.height = `${height}px`;
        tile.setAttribute('aria-label', (t.badge ? t.badge + ': ' : '') + t.caption);
        const img = document.createElement('img');
        img.alt = '';
        img.draggable = false;
        images.push([img, t.picture]);
        tile.append(img);
        for (const { name, colour, box } of t.boxes) {
          const drawn = document.createElement('i');
          [drawn.style.left, drawn.style.top, drawn.style.width, drawn.style.height] = box.map((side) => side + '%');
          drawn.style.borderColor = colour;
          if (t.boxes.length <= 4) {
            const b = document.createElement('b');
            b.textContent = name;
            drawn.append(b);
          }
          tile.append(drawn);
        }
        const said = document.createElement('span');
        said.className = 'said';
        said.textContent = '\u200e' + t.caption + '\u200e';
        tile.append(said);
        if (t.badge) {
          const b = document.createElement('span');
          b.className = 'badge';
          b.textContent = t.badge;
          tile.append(b);
        }
        tile.onclick = () => setTriggerValue('open', t.row);
        row.append(tile);
      }
      lines.append(row);
    }
    const parts = [lines];
    if (data.pages > 1) {
      const pager = document.createElement('div');
      pager.className = 'pager';
      const count = document.createElement('span');
      count.className = 'count';
      count.textContent = `${few.format(data.first)} to ${few.format(data.first + data.tiles.length - 1)} of ${few.format(data.n)} photos`;
      const step = (label, to, off, name) => {
        const b = document.createElement('button');
        b.textContent = label;
        b.disabled = off;
        b.setAttribute('aria-label', name);
        b.onclick = () => setStateValue('page', to);
        return b;
      };
      const where = document.createElement('span');
      where.textContent = `page ${few.format(data.page + 1)} of ${few.format(data.pages)}`;
      pager.append(
        count,
        step('\u00ab', 0, data.page === 0, 'first page'),
        step('\u2039', data.page - 1, data.page === 0, 'page before'),
        where,
        step('\u203a', data.page + 1, data.page >= data.pages - 1, 'next page'),
        step('\u00bb', data.pages - 1, data.page >= data.pages - 1, 'last page'),
      );
      parts.push(pager);
    }
    root.still?.();
    root.still = fill(images, ask);
    root.replaceChildren(...parts);
    if (focus) root.querySelector(`[data-row="${focus}"]`)?.focus({ preventScroll: true });
  };
  root.onkeydown = (e) => {
    const tiles = [...root.querySelectorAll('.tile')],
      at = tiles.indexOf(root.getRootNode().activeElement);
    const to = e.key === 'ArrowRight' ? at + 1 : e.key === 'ArrowLeft' ? at - 1 : -1;
    if (at >= 0 && tiles[to]) {
      tiles[to].focus();
      e.preventDefault();
    }
  };
  draw();
  let before = root.clientWidth;
  const watch = new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - before) > 1) {
      before = root.clientWidth;
      draw();
    }
  });
  watch.observe(root);
  root.leave = () => {
    watch.disconnect();
    root.still?.();
  };
  return () => root.leave();
}
