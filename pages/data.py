"""The pool: open one, look at it, see what is wrong with it, compute what methods look at."""

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.data import aside, features, first_map, groups, health, leaks, start
from pages._ui.kit import disk, grouping, keys, look
from pages._ui.media import detail, photos
from pages._ui.review import offer
from pages._ui.space import room, selections

_ALL = "all groups"


def numbers(pool: Pool) -> None:
    sizes, copies = grouping.sizes(pool), sum(len(rows) - 1 for rows in grouping.duplicates(pool))
    facts = [(look.samples(pool), "in the pool")]
    if sizes:
        each = f"{sizes[-1][1]:,} to {sizes[0][1]:,} {look.unit(pool)} each" if len(sizes) > 1 else "holds them all"
        facts.append((look.many(len(sizes), "group"), each))
    if photos.has_photos(pool):
        width, tall = int(np.median(pool.column("width"))), int(np.median(pool.column("height")))
        facts += [
            (look.size(float(np.sum(pool.column("bytes")))), "on disk"),
            (f"{width:,} x {tall:,} pixels", "median size"),
        ]
    facts.append((look.samples(pool, copies), "exact copies of another"))
    facts.append((look.samples(pool, pool.left_out), "could not be read"))
    facts.append((look.many(len(disk.features(pool)), "feature"), "computed or imported"))
    look.facts(facts)


def samples(pool: Pool) -> None:
    """The wall at the left; at the right what comes next, the groups, and the numbers."""
    sizes = grouping.sizes(pool)
    if keys.get("data.group") not in (None, *dict(sizes)):
        keys.put("data.group", None)  # it was one of another pool
    wall, rail = st.columns([74, 26], gap="medium")
    with rail:
        first_map.offer(pool)
        offer.offer(pool)
        if sizes:
            groups.bars(pool, sizes)
        with st.expander("More numbers", key="more-numbers"):
            numbers(pool)
    with wall:
        group = keys.get("data.group", _ALL)
        rows = grouping.rows_of(pool, group) if group != _ALL else grouping.in_turn(pool)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            turn = ", one of each group in turn" if group == _ALL and sizes else ""
            everything = "All groups" if sizes else f"All {look.unit(pool)}"
            look.section(everything if group == _ALL else group, f"{len(rows):,} of {look.samples(pool)}{turn}")
            if group != _ALL:
                st.button("Show all", key="all-groups", type="tertiary", on_click=lambda: keys.put("data.group", None))
        photos.wall(pool, rows, key=f"wall-{pool.name}-{group}", height=96, on_open=detail.look_at)
    if photos.can_show(pool):
        detail.open_detail(pool, rows)


def page(pool: Pool) -> None:
    sizes = grouping.sizes(pool)
    grouped = f" in {look.many(len(sizes), 'group')}" if sizes else ""
    look.title("Data", f"{look.samples(pool)}{grouped}, {disk.origin(pool.about)}")
    views = {
        "samples": look.unit(pool).capitalize(),
        "health": "Health",
        "features": "Features",
        "aside": "Held out",
        "leaks": "Leaks",
        "kept": "Selections",
        "pools": "Other pools",
    }
    view = keys.bound(
        st.segmented_control,
        "Show",
        "data.view",
        "samples",
        options=list(views),
        format_func=views.get,
        required=True,
        label_visibility="collapsed",
    )
    if view == "samples":
        samples(pool)
    elif view == "health":
        health.health(pool)
    elif view == "features":
        features.features(pool)
    elif view == "aside":
        aside.aside(pool)
    elif view == "leaks":
        leaks.leaks(pool)
    elif view == "kept":
        selections.draw(pool)
        room.draw()
    else:
        start.pools()
        room.draw()


if (pool := keys.pool()) is None:
    start.first_page()
else:
    page(pool)
