"""One photo in the browser, with what is marked on it and its parts below it. Knows nothing of pools."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.media import pictures

_HERE = Path(__file__).parent

FIGURE = st.components.v2.component(
    "datasel_figure",
    html='<div class="figure"></div>',
    css=(_HERE / "figure.css").read_text(encoding="utf-8"),
    js=pictures.script(_HERE / "figure.js"),
)
"""Trigger: lack (names of pictures)."""


def figure(
    src: str,
    alt: str,
    *,
    key: str,
    tall: int,
    boxes: Sequence[Mapping[str, Any]] = (),
    parts: Sequence[tuple[str, str, bool]] = (),
) -> None:
    """src: a data URL. tall: pixels that it is high at most. boxes: as `boxes.drawn` says. parts: of each small picture
    its data URL, its colour, and whether it is the one that is looked at.
    """
    data = {
        "picture": pictures.name(src),
        "alt": alt,
        "tall": tall,
        "boxes": list(boxes),
        "parts": [{"picture": pictures.name(small), "colour": colour, "lit": lit} for small, colour, lit in parts],
        **pictures.parcel([src, *(small for small, _, _ in parts)]),
    }
    FIGURE(key=key, data=data, on_lack_change=pictures.lacking(key))
