// Pairs as cards: picture, score, caption. A click opens one.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component,
    root = parentElement.querySelector('.cards'),
    images = [];
  put(data);
  root.style.setProperty('--wide', `${data.wide}px`);
  root.style.setProperty('--tall', `${data.tall}px`);
  root.setAttribute('aria-label', data.alt);
  const part = (name, text) => {
    const e = document.createElement('span');
    e.className = name;
    e.textContent = text;
    return e;
  };
  root.replaceChildren(
    ...data.cards.map((card) => {
      const e = document.createElement('button');
      e.type = 'button';
      e.className = `card${card.kept ? '' : ' dropped'}`;
      e.dataset.row = card.row;
      e.setAttribute('aria-label', `${card.score} ${card.more}: ${card.text}`);
      if (card.picture) {
        const img = document.createElement('img');
        images.push([img, card.picture]);
        img.alt = '';
        img.draggable = false;
        e.append(img);
      }
      const score = part('score', '');
      score.append(part('', card.score), part('more', card.more));
      e.append(score);
      const text = part('text', card.text);
      text.title = card.text;
      e.append(text);
      e.onclick = () => setTriggerValue('open', card.row);
      return e;
    }),
  );
  root.still?.();
  root.still = fill(images, (keys) => setTriggerValue('lack', keys));
  if (!data.cards.length) root.replaceChildren(part('none', data.none));
  return () => root.still();
}
