"""The first page: what the program does in three pictures, the pools that are there, and the ways into another."""

import base64
from pathlib import Path

import streamlit as st

from pages._ui.data import recent, sources
from pages._ui.kit import disk, keys, look
from pages._ui.space import room, unfinished

_PICTURES = Path(__file__).parent / "pictures"
_DOES = (
    ("map.svg", "See what is in it", "A map of all of it: near means similar, a colour for each group."),
    ("wall.webp", "Choose what covers it", "A method and a budget. What is kept lights up, and every pick says why."),
    ("evidence.svg", "Know what it is worth", "Measured on samples held out: how many random ones would do as well."),
)
_TYPES = {".svg": "image/svg+xml", ".webp": "image/webp"}


def first_page() -> None:
    """Nobody named a pool: none is there, or there are several."""
    there = bool(disk.pools(keys.workspace()))
    look.title(
        "Choose the part of a data set worth paying for",
        "Open one of your pools, or other data." if there else "Open your data, or make the demo: no download.",
    )
    unfinished.draw()
    if not there:
        _pictures()
    pools()
    if there:
        _pictures()
        room.draw()


def pools() -> None:
    """The pools that are there, and the ways into another."""
    recent.shelf()
    sources.ways_in()


def _pictures() -> None:
    """Drawn of the demo by this program: tools/first_pictures.py."""
    cards = "".join(
        f'<figure><img alt="" src="{_source(file)}"><figcaption><b>{name}</b><p>{text}</p></figcaption></figure>'
        for file, name, text in _DOES
    )
    st.html(f'<div class="ds-does" role="group" aria-label="What it does">{cards}</div>')


@st.cache_data(show_spinner=False)
def _source(file: str) -> str:
    path = _PICTURES / file
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
