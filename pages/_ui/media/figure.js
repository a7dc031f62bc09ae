// One photo with what is marked on it; below it a small picture for each of its parts.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component,
    root = parentElement.querySelector('.figure'),
    images = [];
  put(data);
  root.style.setProperty('--tall', `${data.tall}px`);
  const image = (key, alt) => {
    const img = document.createElement('img');
    img.alt = alt;
    images.push([img, key]);
    return img;
  };
  const large = document.createElement('div');
  large.className = 'large';
  large.append(image(data.picture, data.alt));
  for (const { name, colour, box } of data.boxes) {
    const drawn = document.createElement('i');
    [drawn.style.left, drawn.style.top, drawn.style.width, drawn.style.height] = box.map((side) => side + '%');
    drawn.style.borderColor = colour;
    if (name) {
      const b = document.createElement('b');
      b.style.borderColor = colour;
      b.textContent = name;
      drawn.append(b);
    }
    large.append(drawn);
  }
  const parts = document.createElement('div');
  parts.className = 'parts';
  parts.append(
    ...data.parts.map(({ picture, colour, lit }, at) => {
      const one = document.createElement('figure'),
        dot = document.createElement('span'),
        img = image(picture, `pattern ${at + 1}`);
      if (lit) img.style.outline = `2px solid ${colour}`;
      dot.style.color = colour;
      dot.textContent = '\u25cf ';
      one.append(img, dot, `${at + 1}`);
      return one;
    }),
  );
  root.replaceChildren(large, parts);
  root.still?.();
  root.still = fill(images, (keys) => setTriggerValue('lack', keys));
  return () => root.still();
}
