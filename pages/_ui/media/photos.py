"""Photos on the screen: thumbnails, and a justified wall of them."""

import base64
import contextlib
import functools
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.media.pictures import ReplacedPhoto
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import writing
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import keys
from pages._ui.media import boxes, pictures, texts
from pages._ui.media.wall import WALL

_LONG = 400
A_PAGE = 60
"""Photos on one page of a wall: what a browser takes in one message without a pause."""

_BOXES = 20
"""On one small photo; there are sixty of them."""

Words = Mapping[int, str] | Callable[[int], str] | None


def thumbnail(pool: Pool, row: int, px: int = 256) -> str:
    """A data URL: the photo as a JPEG at most `px` high and twice that wide; a grey tile where it cannot be opened any
    more, or is another photo by now.
    """
    if _was_replaced(pool, row):
        return grey(px)
    return _data_url(_small(pool, row, px))


def large(pool: Pool, row: int, px: int) -> str:
    """The same for one that is looked at alone: kept on disk, not in memory."""
    data = _grey(px) if _was_replaced(pool, row) else _jpeg(_small(pool, row, px))
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def fetch(pool: Pool, rows: Sequence[int], px: int = 256) -> None:
    """Those without a thumbnail are read together: see `Pool.fetch`. What cannot be read, `thumbnail` shows."""
    missing = [row for row in rows if not _small(pool, row, px).path.exists()]
    if len(missing) > 1:
        with contextlib.suppress(DataselError, OSError):
            pool.fetch(missing)


def caption(pool: Pool, row: int, limit: int | None = _LONG) -> str:
    """What is said about one sample, several captions joined by a dot; its id where nothing is said."""
    if "text" not in pool.opens:
        return str(pool.ids[row])
    said = " · ".join(pool.text(int(row)))
    return said if limit is None or len(said) <= limit else said[:limit].rstrip() + " …"


def has_photos(pool: Pool) -> bool:
    return "image" in pool.opens


def can_show(pool: Pool) -> bool:
    """Whether a sample can be looked at: as a photo or as a text to read. Of the others there is only what is known of
    them.
    """
    return has_photos(pool) or texts.has_texts(pool)


def wall(
    pool: Pool,
    rows: Sequence[int] | np.ndarray,
    *,
    captions: Words = None,
    height: int = 132,
    key: str,
    badges: Words = None,
    dim: Collection[int] | None = None,
    on_open: Callable[[int], None] | None = None,
    most: int = A_PAGE,
) -> int | None:
    """Photos of these rows, in this order, justified, at most `most` a page. Returns the row that was just clicked;
    it is also kept as `open_row`.

    height: of one line of photos in pixels. captions, badges: row -> text (captions show on hover, the id by default; a
    badge stands in the corner).
    dim: rows shown grey. on_open: called with the clicked row. A pool of texts shows cards, one without either a table.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if texts.has_texts(pool):
        return texts.wall(pool, rows, key=key, badges=badges, dim=dim, on_open=on_open)
    if not has_photos(pool):
        return _table(pool, rows, badges, key, on_open)
    pages = max(1, -(-len(rows) // most))
    page = min(_page(key), pages - 1)
    shown = rows[page * most : (page + 1) * most].tolist()
    px = 192 if height < 160 else 384
    fetch(pool, shown, px)
    faded = (
        set(dim) & set(shown)
        if dim is not None and len(dim) < len(shown)
        else {row for row in shown if dim is not None and row in dim}
    )
    sources = [thumbnail(pool, row, px) for row in shown]
    data = {
        "tiles": [
            _tile(pool, row, captions, badges, row in faded, src) for row, src in zip(shown, sources, strict=True)
        ],
        **pictures.parcel(sources),
        "height": height,
        "page": page,
        "pages": pages,
        "first": page * most + 1,
        "n": len(rows),
    }

    def opened() -> None:
        row = st.session_state[key]["open"]
        if row is not None:
            keys.put("open_row", int(row))
            if on_open is not None:
                on_open(int(row))

    answer = WALL(
        key=key,
        data=data,
        default={"page": 0},
        on_page_change=lambda: None,
        on_open_change=opened,
        on_lack_change=pictures.lacking(key),
    )
    return None if answer.open is None else int(answer.open)


def _page(key: str) -> int:
    state = st.session_state.get(key)
    try:
        return max(0, int(state["page"]))
    except (TypeError, KeyError, ValueError):
        return 0


def _tile(pool: Pool, row: int, captions: Words, badges: Words, faded: bool, src: str) -> dict[str, Any]:
    width, tall = (pool.table[name][row].as_py() for name in ("width", "height"))
    said = _said(captions, row) or caption(pool, row)
    marked = boxes.classes(pool, row)
    ratio = round(min(3.0, max(0.4, width / max(1, tall))), 3)
    return {
        "row": int(row),
        "picture": pictures.name(src),
        "ratio": ratio,
        "caption": f"{said} · {marked}" if marked else said,
        "boxes": boxes.drawn(pool, row, ratio, _BOXES),
        "badge": _said(badges, row),
        "dim": faded,
    }


def _said(words: Words, row: int) -> str:
    if words is None:
        return ""
    return str(words(row) if callable(words) else words.get(row, ""))


def _table(pool: Pool, rows: np.ndarray, badges: Words, key: str, on_open: Callable[[int], None] | None) -> int | None:
    if not len(rows):
        return None
    shown = rows[:1000]
    table = pool.take(shown).to_pandas()
    if badges is not None:
        table.insert(0, "#", [_said(badges, int(row)) for row in shown])

    def opened() -> (
        None
    ):  # only what is chosen anew: what was chosen before stays marked, and another row may stand there by now
        picked = st.session_state[key]["selection"]["rows"]
        if picked and picked[0] < len(shown):
            keys.put("open_row", int(shown[picked[0]]))
            if on_open is not None:
                on_open(int(shown[picked[0]]))

    event = st.dataframe(
        table,
        key=key,
        height=min(420, 36 + 35 * len(shown)),
        hide_index=True,
        on_select=opened,
        selection_mode="single-row",
        alt=f"{len(shown):,} of {len(rows):,} samples",
    )
    if len(shown) < len(rows):
        st.caption(f"The first {len(shown):,} of {len(rows):,} samples.")
    picked = event["selection"]["rows"]
    return int(shown[picked[0]]) if picked and picked[0] < len(shown) else None


@dataclass(frozen=True)
class _Small:
    """A small picture; what it shows is known by its content, whichever pool and row it is opened through."""

    root: Path
    content: str
    px: int
    pool: Pool = field(compare=False)
    row: int = field(compare=False)

    @property
    def path(self) -> Path:
        return self.root / self.content[:2] / f"{self.content}-{self.px}.jpg"


def _small(pool: Pool, row: int, px: int) -> _Small:
    root = Workspace(pool.folder.parent.parent).thumbs()
    return _Small(root, pool.table["content"][row].as_py(), px, pool, row)


@functools.lru_cache(maxsize=4096)
def _data_url(small: _Small) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(_jpeg(small)).decode()


def _jpeg(small: _Small) -> bytes:
    kept, px = small.path, small.px
    with contextlib.suppress(OSError):
        return kept.read_bytes()
    try:
        photo = small.pool.open(small.row, at_least=px)
        photo.thumbnail((2 * px, px))
    except DataselError:
        return _grey(px)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=80)
    with contextlib.suppress(DataselError), writing(kept) as temporary:  # a full disk costs only the cache
        temporary.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def _was_replaced(pool: Pool, row: int) -> bool:
    """What is kept would show the photo that was there; one that is away is shown as it was."""
    try:
        pool.check(row)
    except ReplacedPhoto:
        return True
    except (DataselError, OSError):
        return False
    return False


def grey(px: int) -> str:
    """A data URL: a tile for what cannot be shown."""
    return "data:image/jpeg;base64," + base64.b64encode(_grey(px)).decode()


def _grey(px: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (px, px), (128, 128, 128)).save(buffer, "JPEG")
    return buffer.getvalue()
