"""One sample, large, with its place in a list and arrows to its neighbours there."""

import base64
import contextlib
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.labels import LABELS
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from pages._ui.find import onto
from pages._ui.kit import keys, look, markdown
from pages._ui.media import boxes, texts

_SIDE = 900
_SHOWN_ELSEWHERE = frozenset(
    {"width", "height", "bytes", "path", "content", "text", "prompt", "response", "messages", AS_WRITTEN, LABELS}
)


def look_at(row: int | None) -> None:
    """The next `open_detail` shows this row; None closes it."""
    keys.put("detail.row", row)
    keys.put("detail.at", None)


def open_detail(pool: Pool, rows: Sequence[int] | np.ndarray) -> None:
    """A dialog with the sample that `look_at` named, if it is one of these rows; left and right arrow keys go on to the
    next.
    """
    row = keys.get("detail.row")
    if row is None:
        return
    places = np.flatnonzero(np.asarray(rows) == int(row))
    if len(places):
        st.dialog(" ", width="large", on_dismiss=lambda: look_at(None))(_sample)(pool, np.asarray(rows), int(places[0]))


def _sample(pool: Pool, rows: np.ndarray, at: int) -> None:
    at = int(keys.get("detail.at", at))
    row = int(rows[at])
    picture, said = st.columns([5, 3], gap="medium")
    with picture:
        _large_one(pool, row)
    with said:
        st.markdown(f"**{at + 1:,} of {len(rows):,}**")
        with st.container(horizontal=True, gap="small"):
            for label, to, shortcut in (("Back", at - 1, "left"), ("Next", at + 1, "right")):
                # A callback, not st.rerun(scope="fragment"), which is an error while the whole page is being drawn.
                st.button(
                    label,
                    key=f"detail-{label}",
                    shortcut=shortcut,
                    disabled=not 0 <= to < len(rows),
                    on_click=keys.put,
                    args=("detail.at", to),
                )
        onto.similar_to(pool, row, "detail")
        for name, value in _facts(pool, row):
            st.markdown(f":gray[{name}]  \n{value}")


def _large_one(pool: Pool, row: int) -> None:
    if texts.has_texts(pool):
        texts.whole(pool, row)
        return
    try:
        with contextlib.suppress(OSError):  # a photo that is away is shown as it was, where it is still in memory
            pool.check(row)
        src = _large(pool.folder.as_posix(), pool.fingerprint, row, pool)
        st.html(boxes.over(f'<img class="ds-large" alt="" src="{src}">', pool, row))
    except DataselError as error:
        markdown.trouble(f"{pool.ids[row]} cannot be opened any more: {error}.")


def _facts(pool: Pool, row: int) -> list[tuple[str, str]]:
    elsewhere = _SHOWN_ELSEWHERE.union(pool.how.texts)
    found = {name: pool.value(name, row) for name in pool.table.column_names if name not in elsewhere}
    facts = [
        (markdown.plain(name), (markdown.code if name == "id" else markdown.plain)(str(value)))
        for name, value in found.items()
        if value not in (None, "")
    ]
    if marked := boxes.classes(pool, row):
        facts.append((LABELS, markdown.plain(marked)))
    if "width" in pool.columns:
        width, tall, size = (pool.table[name][row].as_py() for name in ("width", "height", "bytes"))
        facts += [
            ("size", f"{width:,} x {tall:,} pixels, {look.size(size)}"),
            ("file", markdown.code(str(pool.media(row)))),
        ]
    return facts


@st.cache_resource(max_entries=24, show_spinner=False)
def _large(folder: str, fingerprint: str, row: int, _pool: Pool) -> str:
    photo = _pool.open(row, at_least=_SIDE)
    photo.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
