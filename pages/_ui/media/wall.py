"""The photo wall in the browser: lines of photos that fill the width, thin gutters, a pager. Knows nothing of pools."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

WALL = st.components.v2.component(
    "datasel_wall",
    html='<div class="wall"></div>',
    css=(_HERE / "wall.css").read_text(encoding="utf-8"),
    js=(_HERE / "wall.js").read_text(encoding="utf-8"),
)
"""data: {"tiles": [{"row", "src", "ratio", "caption", "badge", "dim", "boxes"}], "height", "page", "pages", "first",
"n"}. State: page. Trigger: open (a row).
"""
