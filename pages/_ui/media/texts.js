// Text samples as cards: what is asked, what is answered, and what was rejected. A click opens one; a pager goes on.
const few = new Intl.NumberFormat('en-US');
const part = (name, text) => {
  const e = document.createElement('span');
  e.className = name;
  e.textContent = text;
  return e;
};

function card(t, open) {
  const e = document.createElement('button');
  e.type = 'button';
  e.className = `one${t.dim ? ' dim' : ''}`;
  e.dataset.row = t.row;
  e.setAttribute('aria-label', [t.badge, t.name, t.prompt, t.response].filter(Boolean).join(': ').slice(0, 300));
  const head = part('head', '');
  if (t.badge) head.append(part('badge', t.badge));
  head.append(part('name', t.name));
  e.append(head);
  if (t.prompt) e.append(part('said prompt', t.prompt));
  if (t.response) e.append(part(t.prompt ? 'said response' : 'said prompt', t.response));
  if (t.rejected) e.append(part('said rejected', `Rejected: ${t.rejected}`));
  e.onclick = () => open(t.row);
  return e;
}

function pager(data, go) {
  const line = document.createElement('div');
  line.className = 'pager';
  const step = (label, to, off, name) => {
    const b = document.createElement('button');
    b.type = 'button';
    b.textContent = label;
    b.disabled = off;
    b.setAttribute('aria-label', name);
    b.onclick = () => go(to);
    return b;
  };
  line.append(
    part(
      'count',
      `${few.format(data.first)} to ${few.format(data.first + data.items.length - 1)} of ${few.format(data.n)} samples`,
    ),
    step('\u00ab', 0, data.page === 0, 'first page'),
    step('\u2039', data.page - 1, data.page === 0, 'page before'),
    part('', `page ${few.format(data.page + 1)} of ${few.format(data.pages)}`),
    step('\u203a', data.page + 1, data.page >= data.pages - 1, 'next page'),
    step('\u00bb', data.pages - 1, data.page >= data.pages - 1, 'last page'),
  );
  return line;
}

export default function (component) {
  const { data, parentElement, setTriggerValue, setStateValue } = component,
    root = parentElement.querySelector('.texts');
  const focus = root.getRootNode().activeElement?.dataset?.row;
  root.style.setProperty('--wide', `${data.wide}px`);
  root.style.setProperty('--prompt', data.lines[0]);
  root.style.setProperty('--response', data.lines[1]);
  const list = document.createElement('div');
  list.className = 'list';
  list.setAttribute('role', 'list');
  list.setAttribute('aria-label', data.alt);
  list.append(...data.items.map((t) => card(t, (row) => setTriggerValue('open', row))));
  root.replaceChildren(
    data.items.length ? list : part('none', data.none),
    ...(data.pages > 1 ? [pager(data, (to) => setStateValue('page', to))] : []),
  );
  if (focus) root.querySelector(`[data-row="${focus}"]`)?.focus({ preventScroll: true });
}
