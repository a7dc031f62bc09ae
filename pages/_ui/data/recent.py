"""The pools of the workspace as cards: a picture, name, size, date, how many selections; one click opens."""

import base64
import html
from pathlib import Path

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.errors import BadRequest, DataselError
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog.recent import Recent, recent
from datasel_core.runs.run import runs
from datasel_core.workspace.layout import Workspace
from pages._ui.data import first_map, stripes
from pages._ui.kit import disk, grouping, keys, look, markdown, palette
from pages._ui.media import photos, texts

_CARDS, _IN_A_ROW = 8, 4
_PHOTOS, _TEXTS, _DOTS = 4, 2, 300


def shelf() -> None:
    """Every pool, the one that was used last first."""
    home = keys.workspace()
    for trouble in disk.damaged_pools(home):
        markdown.trouble(trouble)
    known = _recent(home)
    if not known:
        return
    look.section("Your pools", look.many(len(known), "pool"))
    with st.container(key="shelf"):
        for at in range(0, min(len(known), _CARDS), _IN_A_ROW):
            columns = st.columns(_IN_A_ROW, gap="small")
            for column, one in zip(columns, known[at : min(at + _IN_A_ROW, _CARDS)], strict=False):
                with column:
                    _card(home, one)
    if more := known[_CARDS:]:
        with st.expander(look.many(len(more), "more pool")):
            for one in more:
                words, button = st.columns([4, 1], vertical_alignment="center", gap="small")
                words.markdown(f"**{markdown.plain(one.about['name'])}** · {_words(one)}")
                with button:
                    _open(one)


def go(name: str) -> None:
    """Opens a pool on what is in it."""
    keys.open_pool(name)
    keys.put("data.view", None)


def _recent(home: Workspace) -> list[Recent]:
    known = [(about, _written(home, about["name"])) for about in disk.pools(home)]
    return recent(known, filter(None, map(disk.run, runs(home))))


def _written(home: Workspace, name: str) -> float:
    try:
        return disk.stamp(home.pool(name) / "pool.json") / 1e9
    except BadRequest:  # somebody wrote another name into it
        return 0.0


def _card(home: Workspace, one: Recent) -> None:
    with st.container(border=True, key=f"pool-{one.about['name']}", gap="xsmall"):
        st.html(f'<div class="ds-shelf">{_picture(home, one)}</div>')
        origin = disk.origin(one.about)
        help = f"{markdown.plain(origin[:1].upper() + origin[1:])}."
        st.markdown(f"**{markdown.plain(one.about['name'])}**", help=help)
        st.caption(_words(one))
        _open(one)


def _open(one: Recent) -> None:
    name = one.about["name"]
    here = name == keys.get("pool")
    st.button(
        "Open now" if here else "Open", key=f"open-{name}", width="stretch", disabled=here, on_click=go, args=(name,)
    )


def _words(one: Recent) -> str:
    """`929 photos · 3 selections · 14 Nov 2026`, plain."""
    kind = str(one.about["kind"])
    unknown = "" if kind in registry.every("pool kind") else f"{markdown.plain(kind)} · "
    made = f"{look.many(one.selections, 'selection')} · " if one.selections else ""
    return f"{unknown}{look.counted(kind, int(one.about['n']))} · {made}{one.used:%-d %b %Y}"


def _picture(home: Workspace, one: Recent) -> str:
    """HTML of what the pool looks like; a plain field where it cannot be opened."""
    try:
        folder = home.pool(one.about["name"])
        return _still(str(folder), disk.stamp(folder / "pool.json")) or _dots(load_pool(home, folder.name))
    except DataselError:
        return "<div></div>"


@st.cache_data(max_entries=64, show_spinner=False)
def _still(folder: str, stamp: int) -> str:
    """Some photos, the beginnings of some texts, or scenarios as strips; empty for a pool that has none of these."""
    pool = load_pool(Workspace(Path(folder).parent.parent), Path(folder).name)
    if photos.has_photos(pool):
        shown = grouping.in_turn(pool)[:_PHOTOS].tolist()
        photos.fetch(pool, shown, 192)
        return "".join(f'<img alt="" src="{photos.thumbnail(pool, row, 192)}">' for row in shown)
    if texts.has_texts(pool):
        return "".join(f"<p>{html.escape(_beginning(pool, row))}</p>" for row in grouping.in_turn(pool)[:_TEXTS])
    if pool.kind == "climate":
        return f'<img class="strips" alt="Years by scenario, coloured by temperature" src="{stripes.strips(pool)}">'
    return ""


def _beginning(pool: Pool, row: int) -> str:
    try:
        return " ".join(pool.turns(int(row))[0].text.split())[:160]
    except (DataselError, OSError):
        return "…"


def _dots(pool: Pool) -> str:
    """The map of a pool without pictures, small; nothing while there is none."""
    source = first_map.drawn(pool)
    found = None if source is None else disk.coordinates(source)
    if found is None:
        return "<p>Its map is drawn when it is opened.</p>"
    xy = found[1][np.isfinite(found[1]).all(axis=1)]
    xy = xy[np.linspace(0, len(xy) - 1, min(_DOTS, len(xy))).astype(int)]
    low, high = xy.min(axis=0), xy.max(axis=0)
    at = (xy - low) / np.maximum(high - low, 1e-9) * [188, 64] + [6, 6]
    dots = "".join(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="1.6"/>' for x, y in at)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 76" fill="{palette.KEPT}">{dots}</svg>'
    return f'<img class="map" alt="Map" src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
