"""The photo wall in the browser: lines of photos that fill the width, thin gutters, a pager. Knows nothing of pools."""

import streamlit as st

_CSS = """
.wall { font: 13px/1.3 var(--st-font); color: var(--st-text-color); }
.line { display: flex; gap: 3px; margin-bottom: 3px; }
.tile { position: relative; padding: 0; border: 0; margin: 0; background: var(--st-secondary-background-color); cursor: pointer; overflow: hidden; flex: none; display: block; border-radius: 2px; }
.tile img { width: 100%; height: 100%; object-fit: cover; display: block; transition: filter .15s, opacity .15s; }
.tile.dim img { filter: grayscale(1); opacity: .22; }
.tile:hover img { filter: brightness(1.06); opacity: 1; }
.tile:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -3px; }
.tile .said { position: absolute; inset: auto 0 0 0; padding: 10px 6px 4px; font-size: 11px; text-align: left; color: #fff; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; background: linear-gradient(transparent, rgba(0,0,0,.72)); opacity: 0; transition: opacity .12s; direction: rtl; }
.tile:hover .said, .tile:focus-visible .said { opacity: 1; }
.tile .badge { position: absolute; top: 4px; left: 4px; padding: 0 5px; font-size: 11px; line-height: 16px; font-weight: 600; border-radius: 3px; color: #fff; background: rgba(0,0,0,.62); font-variant-numeric: tabular-nums; }
.pager { display: flex; align-items: center; gap: 8px; padding-top: 4px; font-variant-numeric: tabular-nums; }
.pager .count { opacity: .75; margin-right: auto; }
.pager button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--st-border-color); border-radius: 6px; min-width: 30px; height: 26px; cursor: pointer; }
.pager button:disabled { opacity: .35; cursor: default; }
.pager button:not(:disabled):hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""

_JS = """
const few = new Intl.NumberFormat('en-US');
function lay(tiles, width, height, gap) {
  const lines = []; let line = [], sum = 0;
  for (const t of tiles) {
    line.push(t); sum += t.ratio;
    if (sum * height + gap * (line.length - 1) >= width) { lines.push([line, (width - gap * (line.length - 1)) / sum]); line = []; sum = 0; }
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
  const draw = () => {
    const width = root.clientWidth; if (!width) return;
    const focus = root.getRootNode().activeElement?.dataset?.row;
    const lines = document.createElement('div'); lines.setAttribute('role', 'list'); lines.setAttribute('aria-label', `${data.tiles.length} of ${data.n} photos`);
    for (const [line, height] of lay(data.tiles, width - 1, data.height, 3)) {
      const row = document.createElement('div'); row.className = 'line';
      for (const t of line) {
        const tile = document.createElement('button'); tile.type = 'button'; tile.className = 'tile' + (t.dim ? ' dim' : ''); tile.dataset.row = t.row;
        tile.style.width = `${t.ratio * height}px`; tile.style.height = `${height}px`; tile.setAttribute('aria-label', (t.badge ? t.badge + ': ' : '') + t.caption);
        const img = document.createElement('img'); img.src = t.src; img.alt = ''; img.draggable = false; tile.append(img);
        const said = document.createElement('span'); said.className = 'said'; said.textContent = '\\u200e' + t.caption; tile.append(said);
        if (t.badge) { const b = document.createElement('span'); b.className = 'badge'; b.textContent = t.badge; tile.append(b); }
        tile.onclick = () => setTriggerValue('open', t.row);
        row.append(tile);
      }
      lines.append(row);
    }
    const parts = [lines];
    if (data.pages > 1) {
      const pager = document.createElement('div'); pager.className = 'pager';
      const count = document.createElement('span'); count.className = 'count';
      count.textContent = `${few.format(data.first)} to ${few.format(data.first + data.tiles.length - 1)} of ${few.format(data.n)} photos`;
      const step = (label, to, off, name) => { const b = document.createElement('button'); b.textContent = label; b.disabled = off; b.setAttribute('aria-label', name); b.onclick = () => setStateValue('page', to); return b; };
      const where = document.createElement('span'); where.textContent = `page ${few.format(data.page + 1)} of ${few.format(data.pages)}`;
      pager.append(count, step('\\u00ab', 0, data.page === 0, 'first page'), step('\\u2039', data.page - 1, data.page === 0, 'page before'), where,
        step('\\u203a', data.page + 1, data.page >= data.pages - 1, 'next page'), step('\\u00bb', data.pages - 1, data.page >= data.pages - 1, 'last page'));
      parts.push(pager);
    }
    root.replaceChildren(...parts);
    if (focus) root.querySelector(`[data-row="${focus}"]`)?.focus({ preventScroll: true });
  };
  root.onkeydown = (e) => {
    const tiles = [...root.querySelectorAll('.tile')], at = tiles.indexOf(root.getRootNode().activeElement);
    const to = e.key === 'ArrowRight' ? at + 1 : e.key === 'ArrowLeft' ? at - 1 : -1;
    if (at >= 0 && tiles[to]) { tiles[to].focus(); e.preventDefault(); }
  };
  draw();
  let before = root.clientWidth;
  const watch = new ResizeObserver(() => { if (Math.abs(root.clientWidth - before) > 1) { before = root.clientWidth; draw(); } });
  watch.observe(root);
  return () => watch.disconnect();
}
"""

WALL = st.components.v2.component("datasel_wall", html='<div class="wall"></div>', css=_CSS, js=_JS)
"""data: {"tiles": [{"row", "src", "ratio", "caption", "badge", "dim"}], "height", "page", "pages", "first", "n"}. State: page. Trigger: open (a row)."""
