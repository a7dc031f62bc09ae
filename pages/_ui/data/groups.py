"""The groups of a pool as bars: a click shows one of them alone."""

import html
from typing import Any

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, palette


def bars(pool: Pool, groups: list[tuple[str, int]]) -> None:
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
