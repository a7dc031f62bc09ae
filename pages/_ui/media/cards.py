"""Pairs as cards: picture, score, caption."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import keys
from pages._ui.media import photos, pictures

_HERE = Path(__file__).parent

CARDS = st.components.v2.component(
    "datasel_cards",
    html='<div class="cards" role="list"></div>',
    css=(_HERE / "cards.css").read_text(encoding="utf-8"),
    js=pictures.script(_HERE / "cards.js"),
)
"""Triggers: open (a row), lack (names of pictures)."""


def cards(
    pool: Pool,
    rows: Sequence[int] | np.ndarray,
    *,
    key: str,
    alt: str,
    score: Callable[[int], str],
    more: Callable[[int], str] = lambda row: "",
    kept: Callable[[int], bool] = lambda row: True,
    wide: int = 124,
    tall: int = 96,
    none: str = "None.",
) -> None:
    """rows: in this order. score, more: row -> what stands bold and pale above the caption. kept: dropped ones are
    paler. A click keeps the row as `open_row`.
    """
    seen, rows = photos.has_photos(pool), [int(row) for row in rows]
    if seen:
        photos.fetch(pool, rows, 192)
    sources = [photos.thumbnail(pool, row, 192) if seen else "" for row in rows]
    data = {
        "cards": [
            {
                "row": row,
                "picture": pictures.name(src),
                "score": score(row),
                "more": more(row),
                "text": photos.caption(pool, row),
                "kept": bool(kept(row)),
            }
            for row, src in zip(rows, sources, strict=True)
        ],
        **pictures.parcel(sources),
        "wide": wide if seen else 230,
        "tall": tall,
        "alt": alt,
        "none": none,
    }

    def opened() -> None:
        row = st.session_state[key].get("open")
        if isinstance(row, int):
            keys.put("open_row", row)

    CARDS(key=key, data=data, on_open_change=opened, on_lack_change=pictures.lacking(key))
