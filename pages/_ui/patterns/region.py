"""The samples of a region that was drawn on the map, beside it, and what can be done with them."""

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.charts import colouring, composition, map_link
from pages._ui.charts import map as canvas
from pages._ui.find import onto
from pages._ui.kit import grouping, keys, look, palette
from pages._ui.media import photos
from pages._ui.patterns import kept, part

SHOWN, HEIGHT = 40, 70
"""Photos beside the map at once, and how high a line of them is in pixels, so that all of them are in view."""


def rail(map: str, pool: Pool, points: canvas.Points, labels: canvas.Labels) -> None:
    """map: the key of the map that the region was drawn on."""
    inside = canvas.members(map, points, labels)
    rows = np.unique(points.owners[inside])
    said = f"**{len(rows):,} of {look.samples(pool)}**"
    if points.offsets is not None:
        said += f", {len(inside):,} of {points.n_points:,} patterns,"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{said} in the region", width="content")
        st.button(
            "Clear",
            key="clear-region",
            type="tertiary",
            on_click=canvas.clear,
            args=(map,),
            help="Forget the region; Esc on the map does the same.",
        )
    if not len(rows):
        st.caption("No point lies in it: draw it anew, or show again what the legend hides.")
        return
    _made_of(pool, points, labels, inside, rows)
    onto.choose_from(pool, rows, "of a region", "region", more=lambda: _more(pool, rows))
    kept.at_work(pool, rows, "region of the map")
    part.at_work()
    text = str(keys.get(map_link.name(map, "region")))
    key = f"wall-region-{map_link.tag(text, labels.key, str(len(rows)))}"
    photos.wall(pool, grouping.in_turn(pool, rows), key=key, height=HEIGHT, most=SHOWN)


def _more(pool: Pool, rows: np.ndarray) -> None:
    kept.button(pool, rows)
    part.make_pool(pool, rows, f"{look.samples(pool, len(rows))} of a region")


def _made_of(pool: Pool, points: canvas.Points, labels: canvas.Labels, inside: np.ndarray, rows: np.ndarray) -> None:
    groups = grouping.codes(pool)
    if groups is None:
        counts = np.bincount(labels.of[inside], minlength=256)
        lines = zip(labels.names, counts[: len(labels.names)].tolist(), labels.sizes, labels.colours, strict=True)
        composition.strip(list(lines), "points in the region")
        return
    names, of = groups
    there, whole = (np.bincount(part, minlength=len(names)).tolist() for part in (of[rows], of))
    column = colouring.by_column(points, str(pool.group_column), pool.column(str(pool.group_column)))
    colours = dict(zip(column.names, column.colours, strict=True))
    lines = [(name, there[at], whole[at], colours.get(name, palette.DROPPED)) for at, name in enumerate(names)]
    composition.strip(lines, f"{look.unit(pool)} in the region")
