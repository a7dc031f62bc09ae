"""The pool: open one, look at it, see what is wrong with it, compute what methods look at."""

import html
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.data import aside, features, health, leaks, sources
from pages._ui.kit import disk, grouping, keys, look, palette
from pages._ui.media import detail, photos

_ALL = "all groups"


def first_run() -> None:
    look.title(
        "Choose the part of a data set worth paying for",
        "Open data, see what is in it, choose what to label, leave with a list that anyone can check.",
    )
    sources.pool_list()
    sources.ways_in()
    sources.steps()


def numbers(pool: Pool) -> None:
    groups, copies = grouping.sizes(pool), sum(len(rows) - 1 for rows in disk.duplicates(pool))
    facts = [(look.samples(pool), "in the pool")]
    if groups:
        facts.append((f"{len(groups):,} groups", f"{groups[-1][1]:,} to {groups[0][1]:,} {look.unit(pool)} each"))
    if photos.has_photos(pool):
        width, tall = int(np.median(pool.column("width"))), int(np.median(pool.column("height")))
        facts += [
            (look.size(float(np.sum(pool.column("bytes")))), "on disk"),
            (f"{width:,} x {tall:,} pixels", "median size"),
        ]
    facts.append((look.samples(pool, copies), "exact copies of another"))
    facts.append((look.samples(pool, pool.left_out), "could not be read"))
    n = len(disk.features(pool))
    facts.append((f"{n:,} {'feature' if n == 1 else 'features'}", "computed or imported"))
    look.facts(facts)


def samples(pool: Pool) -> None:
    groups = grouping.sizes(pool)
    if keys.get("data.group") not in (None, *dict(groups)):
        keys.put("data.group", None)  # it was one of another pool
    wall, bars = st.columns([77, 23], gap="medium") if groups else (st.container(), None)
    if bars is not None:
        with bars:
            group_bars(pool, groups)
    with wall:
        group = keys.get("data.group", _ALL)
        rows = grouping.rows_of(pool, group) if group != _ALL else grouping.in_turn(pool)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            turn = ", one of each group in turn" if group == _ALL and groups else ""
            everything = "All groups" if groups else f"All {look.unit(pool)}"
            look.section(everything if group == _ALL else group, f"{len(rows):,} of {look.samples(pool)}{turn}")
            if group != _ALL:
                st.button("Show all", key="all-groups", type="tertiary", on_click=lambda: keys.put("data.group", None))
        photos.wall(pool, rows, key=f"wall-{pool.name}-{group}", height=104, on_open=detail.look_at)
    if photos.can_show(pool):
        detail.open_detail(pool, rows)


def group_bars(pool: Pool, groups: list[tuple[str, int]]) -> None:
    import plotly.graph_objects as go

    shown, chosen = groups[:40], keys.get("data.group")
    names = [name for name, _ in shown]
    colours = [palette.COLOURS[0] if chosen in (None, name) else palette.DROPPED for name in names]
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[n for _, n in shown],
            orientation="h",
            marker={"color": colours},
            text=[f"{n:,}" for _, n in shown],
            textposition="auto",
            textangle=0,  # else a short number in a short bar lies on its side
            hovertext=[html.escape(name) for name in names],  # Plotly takes tags of a name for its own
            hovertemplate="%{hovertext}: %{x:,} " + look.unit(pool) + "<extra></extra>",
        )
    )
    axis = {
        "title": {"text": html.escape(pool.group_column, quote=False)},
        "autorange": "reversed",
        "type": "category",
        "tickmode": "array",
        "tickvals": names,
    }
    figure.update_layout(
        xaxis_title=look.unit(pool),
        yaxis={**axis, "ticktext": [html.escape(_short(name)) for name in names]},
        dragmode=False,
    )
    more = f"; the {len(shown)} largest of {len(groups):,}" if len(groups) > len(shown) else ""
    figure.update_layout(clickmode="event+select")
    alt = f"Bars: {look.unit(pool)} in each of {len(shown)} groups, from {shown[0][1]:,} to {shown[-1][1]:,}."
    look.chart(
        figure,
        f"{look.unit(pool).capitalize()} by group{more}",
        alt,
        height=90 + 26 * len(shown),
        key="groups",
        on_select=_choose_group,
        selection_mode="points",
    )
    st.caption("Click a bar to see that group.")


def _short(name: str, most: int = 22) -> str:
    """Beside a bar: a long name keeps its beginning and its end, where names that begin alike differ."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def _choose_group() -> None:
    points: list[dict[str, Any]] = st.session_state["groups"]["selection"]["points"]
    keys.put("data.group", points[0]["y"] if points else None)


def page(pool: Pool) -> None:
    look.title("Data", f"{pool.how.title.lower()} from {pool.about['source']}")
    numbers(pool)
    views = {
        "samples": look.unit(pool).capitalize(),
        "health": "Health",
        "features": "Features",
        "aside": "Held out",
        "leaks": "Leaks",
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
    else:
        sources.pool_list()
        sources.ways_in()


if (pool := keys.pool()) is None:
    first_run()
else:
    page(pool)
