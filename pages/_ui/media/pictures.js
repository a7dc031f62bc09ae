// Pictures come once: the data of a component name them, and carry only those that this page is not known to have.
// They lie on one shelf for all components of the page. What did not arrive (a drawing that was cut off is not sent at
// all) is asked for: soon, then ever more rarely, until it is there.
const SHELF = (globalThis.dataselPictures ??= new Map()),
  ROOM = 2500, // a little more than the server counts on, the least recently seen go first
  SOON = 80, // milliseconds: another component may be bringing it
  LATER = 2000,
  RAREST = 60000,
  ASKS = 60;

function put({ carried }) {
  for (const [key, src] of Object.entries(carried)) SHELF.set(key, src);
  for (const key of SHELF.keys()) {
    if (SHELF.size <= ROOM) break;
    SHELF.delete(key);
  }
}
function take(key) {
  const src = SHELF.get(key);
  if (src === undefined) return '';
  SHELF.delete(key);
  SHELF.set(key, src);
  return src;
}
// images: [[<img>, key]]. ask: called with the keys that are lacking. Returns what stops it.
function fill(images, ask) {
  let asks = 0,
    timer;
  const look = () => {
    images = images.filter(([img, key]) => {
      const src = take(key);
      if (src) img.src = src;
      return !src;
    });
    return images.length;
  };
  const again = () => {
    if (!look() || asks >= ASKS) return;
    if (!window.datasel_leaving?.()) ask([...new Set(images.map(([, key]) => key))]); // a page that is left: see drawn.py
    timer = setTimeout(again, Math.min(RAREST, LATER * 2 ** asks++));
  };
  if (look()) timer = setTimeout(again, SOON);
  return () => clearTimeout(timer);
}
