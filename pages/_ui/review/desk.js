// One sample large, the strip of all below it, and at the right why it was chosen: what is seen of a review.
const few = new Intl.NumberFormat('en-US'),
  SIGN = { keep: '\u2713', drop: '\u2715', swap: '\u21c4' },
  SAID = { keep: 'Kept', drop: 'Dropped', swap: 'Swapped' };
const part = (tag, cls, text) => {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};

class Desk {
  draw() {
    const { data, marks, at } = this,
      { places } = data,
      decided = places.filter((one) => marks[one]).length,
      out = places.filter((one) => marks[one] && marks[one] !== 'keep').length,
      waits = this.queue.waiting.length;
    const said = part('b', '', `#${few.format(places.indexOf(at) + 1)} of ${few.format(places.length)}`),
      saved = part('span', waits ? 'saved waits' : 'saved', waits ? `${few.format(waits)} not saved yet` : 'All saved');
    this.counted.replaceChildren(said, `${few.format(decided)} decided, ${few.format(out)} dropped`, saved);
    for (const what of ['keep', 'drop', 'swap']) {
      this.buttons[what].classList.toggle('on', marks[at] === what);
      this.buttons[what].setAttribute('aria-pressed', marks[at] === what);
    }
    this.buttons.open.disabled = decided === places.length;
    this.drawLarge();
    this.drawStrip();
    this.drawRail();
    this.ahead();
  }
  drawLarge() {
    const one = this.content.get(this.at),
      small = this.thumbs.get(this.at),
      mark = this.marks[this.at],
      key = `${this.at} ${!!one} ${!!small} ${mark}`;
    if (this.drawn === key && this.large.firstChild) return;
    this.drawn = key;
    const parts = mark ? [part('span', `mark ${mark}`, `${SIGN[mark]} ${SAID[mark]}`)] : [];
    if (one?.src || (!one && small)) parts.push(this.photo(one, small));
    else if (one) parts.push(this.turns(one));
    else parts.push(part('span', 'quiet', 'It is on its way'));
    this.large.replaceChildren(...parts);
    this.large.scrollTop = 0;
    this.caption.textContent = one?.caption ?? '';
    this.caption.hidden = !one?.caption;
  }
  photo(one, small) {
    const frame = part('div', 'frame'),
      img = part('img', one ? '' : 'rough');
    img.src = one ? one.src : small;
    img.alt = one ? one.name : '';
    frame.append(img);
    for (const { colour, box } of one?.boxes ?? []) {
      const drawn = part('i');
      [drawn.style.left, drawn.style.top, drawn.style.width, drawn.style.height] = box.map((side) => `${side}%`);
      drawn.style.borderColor = colour;
      frame.append(drawn);
    }
    return frame;
  }
  turns(one) {
    const all = part('div', 'turns');
    for (const [who, text, learned] of one.turns) {
      const turn = part('div', learned ? 'learned' : '');
      turn.append(part('b', '', who), part('p', '', text));
      all.append(turn);
    }
    return all;
  }
  // Drawn once; after that only what changed.
  drawStrip() {
    const { places, conflicts } = this.data;
    if (!this.tiles) {
      this.tiles = new Map();
      this.strip.replaceChildren(
        ...places.map((at) => {
          const tile = part('button');
          tile.append(part('span', 'number', few.format(at + 1)));
          tile.type = 'button';
          tile.tabIndex = -1;
          tile.onclick = () => this.go(at);
          this.tiles.set(at, tile);
          return tile;
        }),
      );
    }
    const differ = new Set(conflicts);
    for (const [at, tile] of this.tiles) {
      const mark = this.marks[at],
        state = [mark, at === this.at ? 'here' : '', differ.has(at) ? 'differ' : ''].filter(Boolean).join(' '),
        src = this.thumbs.get(at);
      if (tile.className !== state) {
        tile.className = state;
        tile.querySelector('.sign')?.remove();
        if (mark) tile.append(part('span', `sign ${mark}`, SIGN[mark]));
        tile.setAttribute('aria-label', `#${at + 1}${mark ? `, ${SAID[mark].toLowerCase()}` : ', not decided'}`);
      }
      if (src && !tile.querySelector('img')) {
        const img = part('img');
        img.src = src;
        img.alt = '';
        tile.prepend(img);
      }
    }
    if (this.seen !== this.at) {
      const tile = this.tiles.get(this.at),
        { scrollTop, clientHeight } = this.strip,
        top = tile.offsetTop - this.strip.offsetTop;
      if (top < scrollTop || top + 44 > scrollTop + clientHeight) this.strip.scrollTop = Math.max(0, top - 47);
      this.seen = this.at;
    }
  }
  drawRail() {
    const one = this.content.get(this.at),
      why = [part('h3', '', `#${few.format(this.at + 1)} ${one?.name ?? ''}`)];
    if (one?.why) why.push(part('p', '', one.why));
    if (one?.near.length) {
      const near = part('div', 'near');
      for (const [at, alike] of one.near) {
        const b = part('button'),
          src = this.thumbs.get(at);
        b.type = 'button';
        b.setAttribute('aria-label', `#${at + 1}, ${alike} alike`);
        if (src) b.append(Object.assign(part('img'), { src, alt: '' }));
        b.append(part('span', '', `#${few.format(at + 1)} ${alike}`));
        b.disabled = !this.data.places.includes(at);
        b.onclick = () => this.go(at);
        near.append(b);
      }
      why.push(part('h3', '', 'Most like it among the kept'), near);
    }
    this.why.replaceChildren(...why);
    const talk = this.data.talk[this.at] ?? [],
      waiting = this.queue.waiting.filter((w) => w.run === this.data.review && w.at === this.at && w.note);
    const said = part('ul');
    for (const [who, what, note] of [...talk, ...waiting.map((w) => [w.by, '', w.note])])
      said.append(
        part('li', '', [`${who}:`, SAID[what]?.toLowerCase(), note && `\u201c${note}\u201d`].filter(Boolean).join(' ')),
      );
    this.others.replaceChildren(...(said.children.length ? [part('h3', '', 'What was said'), said] : []));
    const people = this.data.people.map(([who, n]) => part('li', '', `${who}: ${few.format(n)} decided`)),
      list = part('ul');
    list.append(...people);
    const lines = this.data.agreement.map((text) => part('p', '', text));
    const differ = this.data.conflicts.length;
    if (differ) lines.push(part('p', '', `They differ on ${few.format(differ)}, marked by a dot.`));
    this.people.replaceChildren(...(people.length ? [part('h3', '', 'Reviewers'), list, ...lines] : []));
  }
  // The browser decodes the next pictures before they are shown.
  ahead() {
    const { places } = this.data,
      here = places.indexOf(this.at);
    for (const at of places.slice(here + 1, here + 4)) {
      const src = this.content.get(at)?.src;
      if (!src || this.pictures.has(at)) continue;
      const img = new Image();
      img.src = src;
      this.pictures.set(at, img);
      if (this.pictures.size > 20) this.pictures.delete(this.pictures.keys().next().value);
    }
  }
}
