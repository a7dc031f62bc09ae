"""What labellers disagree on: a wall, each with what was said of it."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from datasel_core.labels.consensus import Item
from datasel_core.labels.summary import name
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown
from pages._ui.media import detail, photos

_LETTERS = 26


def wall(pool: Pool, items: Sequence[Item]) -> None:
    of = {item.row: item for item in items}
    rows = np.array(list(of), dtype=np.int64)
    lead = f"{look.samples(pool, len(rows))} on which labellers disagree, the most first"
    look.section("Worth a second look", lead)
    photos.wall(
        pool,
        rows,
        captions=lambda row: f"{pool.ids[row]} · {_words(of[row])}",
        badges=lambda row: _short(of[row]),
        height=104,
        key="second-look",
        on_open=detail.look_at,
    )
    detail.open_detail(pool, rows)


def opened(pool: Pool, items: Sequence[Item]) -> None:
    """The one that was clicked last: who said what."""
    item = next((item for item in items if item.row == keys.get("open_row")), None)
    if item is None:
        return
    look.section("Who said what", str(pool.ids[item.row]))
    st.markdown("\n".join(f"- {markdown.plain(line)}" for line in _lines(item)))


def _lines(item: Item) -> list[str]:
    return [f"{name(one.person)}: {one.value or 'nothing'}{_boxes(one.boxes)}" for one in item.own]


def _boxes(boxes: Sequence[object] | None) -> str:
    return "" if not boxes else f" ({look.many(len(boxes), 'box') if len(boxes) == 1 else f'{len(boxes):,} boxes'})"


def _words(item: Item) -> str:
    return "; ".join(_lines(item))


def _short(item: Item) -> str:
    """`cat / dog`; where all named the same classes, how much of the boxes fits."""
    said = list(dict.fromkeys(one.value or "nothing" for one in item.own))
    text = " / ".join(said) if len(said) > 1 else f"boxes {100 * (item.agreement or 0):.0f} %"
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
