"""The detail of one sample: the photo with its patterns lit, what is like it, why it was kept or why not."""

import html
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis import explain
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.method import MAY_BE_UNKNOWN, POSITIONS
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.media import boxes, lens, photos, texts
from pages._ui.media.figure import figure

_NAMED = 6
"""Boxes up to so many have their names beside them."""


def space(kept: StoredFeature) -> explain.Vectors | explain.Patterns:
    """Distances in one feature; the vectors' lengths are found once."""
    return _space(kept.key, kept.meta["fingerprint"], disk.values(kept))


def picture(pool: Pool, row: int, patterns: StoredFeature | None, pattern: int | None = None, tall: int = 300) -> None:
    """The photo, at most `tall` pixels high, with one pattern or all of them lit; below it one small picture per
    pattern. Of a text sample, what it says.
    """
    if texts.has_texts(pool):
        texts.whole(pool, row)
        return
    if not photos.has_photos(pool):
        return
    labels = None if patterns is None else lens.grid(patterns, row)
    figure(
        lens.lit(pool, patterns, row, pattern, 384),
        str(pool.ids[row]),
        key="one-picture",
        tall=tall,
        boxes=boxes.drawn(pool, row, names=_NAMED) if patterns is None else [],
        parts=[
            (lens.lit(pool, patterns, row, at, 96), lens.colour(at), at == pattern)
            for at in range(0 if labels is None else int(labels.max()) + 1)
        ],
    )
    if "text" in pool.opens:
        st.html(f'<p style="margin:0;font-size:13px">{html.escape(photos.caption(pool, row))}</p>')


def short(pool: Pool, row: int) -> str:
    """A name that fits under a small picture: the group where there is one, else the end of the id."""
    group = pool.table[pool.group_column][row].as_py() if pool.group_column else None
    return str(group or str(pool.ids[row])[-24:])


def named(pool: Pool, row: int) -> str:
    """**shirt/0012.jpg**, with its group where that says more; as Markdown."""
    group = pool.table[pool.group_column][row].as_py() if pool.group_column else None
    name = str(pool.ids[row])
    return f"**{markdown.plain(name)}**" + (
        f" · {markdown.plain(str(group))}" if group and not name.startswith(str(group)) else ""
    )


def neighbours(
    pool: Pool, found: Sequence[explain.Neighbour], key: str, *, height: int = 76, alike: bool = False
) -> None:
    """A line of neighbours: distance on each, rank where it is kept. alike: how alike they are in place of that."""
    if not found:
        st.caption("None.")
        return
    said = {one.row: f"{_place(one)}{_alike(one) if alike else f'{one.distance:.2f}'}" for one in found}
    if texts.has_texts(pool):
        texts.wall(pool, [one.row for one in found], key=key, badges=said, lines=(2, 2))
        return
    if photos.has_photos(pool):
        photos.wall(pool, [one.row for one in found], key=key, height=height, badges=said)
        return
    for at, one in enumerate(found):
        far = f"{_alike(one)} alike" if alike else f"{one.distance:.3f} away"
        words = markdown.plain(f"{_place(one)}{pool.ids[one.row]} \u00b7 {far}")
        st.button(words, key=f"{key}-{at}", type="tertiary", on_click=keys.put, args=("open_row", one.row))


def _alike(one: explain.Neighbour) -> str:
    """`62 %`: the cosine, of which less than nothing is nothing."""
    return f"{100 * max(0.0, 1 - one.distance):.0f} %"


def place(one: explain.Neighbour) -> str:
    """`#3`, or `an earlier one`: which of the kept a neighbour is."""
    return "an earlier one" if one.rank == explain.EARLIER else f"#{one.rank:,}"


def _place(one: explain.Neighbour) -> str:
    """The same, short, before a distance; nothing where it was dropped."""
    return "" if one.rank is None else "earlier · " if one.rank == explain.EARLIER else f"#{one.rank} · "


def similar(pool: Pool, kept: StoredFeature, row: int, key: str, among: np.ndarray | None = None) -> None:
    """What is nearest to a sample in this feature."""
    found = explain.similar(space(kept), row, 8, () if among is None else among)
    st.markdown(f"**Similar {look.unit(pool)}** :small[:gray[the most alike first, 100 % is the same]]")
    neighbours(pool, found, key, alike=True)


def reason(because: str, why: dict[str, Any], rank: int, first: bool = True) -> str:
    """Why a pick was made, as a sentence: the method's own words with this pick's numbers."""
    unknown = MAY_BE_UNKNOWN
    if why.get("pattern") == -1:
        unknown = unknown | {"pattern"}
        why = {name: value for name, value in why.items() if name not in unknown}
    lacking = {name for _, name, _, _ in string.Formatter().parse(because) if name and name not in why}
    if lacking - unknown:  # a record of another version of the method
        return f"the record does not say why: it has no {', '.join(sorted(lacking - unknown))}"
    if lacking and rank == 1 and first:
        return "the choice began here"
    if lacking:
        return "it fills the budget: what was left repeats what is kept"
    said = {name: value + 1 if name in POSITIONS and isinstance(value, int) else value for name, value in why.items()}
    return because.format(**said)


@st.cache_resource(max_entries=8, show_spinner=False)
def _space(key: str, fingerprint: str, _values: Any) -> explain.Vectors | explain.Patterns:
    return explain.space(_values)
