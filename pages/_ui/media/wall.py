"""The photo wall in the browser: lines of photos that fill the width, thin gutters, a pager. Knows nothing of pools."""

from pathlib import Path

import streamlit as st

from pages._ui.media import pictures

_HERE = Path(__file__).parent

WALL = st.components.v2.component(
    "datasel_wall",
    html='<div class="wall"></div>',
    css=(_HERE / "wall.css").read_text(encoding="utf-8"),
    js=pictures.script(_HERE / "wall.js"),
)
"""data: {"tiles": [{"row", "picture", "ratio", "caption", "badge", "dim", "boxes"}], "height", "page", "pages",
"first", "n", and what `pictures.parcel` says}. State: page. Triggers: open (a row), lack (names of pictures).
"""
