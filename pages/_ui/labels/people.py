"""Classes as bars, and labellers as a table."""

import html
from typing import Any

import streamlit as st

from datasel_core.labels.labellers import LEAST
from datasel_core.labels.summary import name
from datasel_core.pools.pool import Pool
from pages._ui.kit import look, palette

_MOST = 12


def classes(pool: Pool, said: dict[str, Any]) -> None:
    """How many samples have each label."""
    import plotly.graph_objects as go

    found = [(word or "nothing", n) for word, n in said["classes"].items()]
    if not found:
        return
    shown, others = found[:_MOST], sum(n for _, n in found[_MOST:])
    shown += [(f"{len(found) - _MOST:,} others", others)] if others else []
    names = [word for word, _ in shown]
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[n for _, n in shown],
            orientation="h",
            marker={"color": palette.COLOURS[0]},
            text=[f"{n:,}" for _, n in shown],
            textposition="auto",
            textangle=0,
            hovertext=[html.escape(word) for word in names],
            hovertemplate="%{hovertext}: %{x:,} " + look.unit(pool) + "<extra></extra>",
        )
    )
    ticks = {"tickmode": "array", "tickvals": names, "ticktext": [html.escape(word[:24]) for word in names]}
    figure.update_layout(
        xaxis_title=look.unit(pool),
        yaxis={"title": {"text": "label"}, "autorange": "reversed", "type": "category", **ticks},
        dragmode=False,
    )
    alt = f"Bars: {look.unit(pool)} with each of {len(found)} labels, from {found[0][1]:,} to {found[-1][1]:,}."
    look.chart(figure, "What most labellers said", alt, height=90 + 26 * len(shown), key="label-classes")


def labellers(pool: Pool, said: dict[str, Any]) -> None:
    rows = said["labellers"]
    has_gold, has_time = any(one["gold"] for one in rows), any(one["seconds"] is not None for one in rows)
    things = look.unit(pool).capitalize()
    table: dict[str, list[Any]] = {
        "Labeller": [name(one["person"]) for one in rows],
        things: [one["items"] for one in rows],
    }
    if has_time:
        table["Time"] = [None if one["seconds"] is None else f"{one['seconds']:.3g} s" for one in rows]
        table["Half within"] = [_spread(one["spread"]) for one in rows]
    if len(rows) > 1:
        table["As others"] = [
            None if one["with_others"] is None else f"{100 * one['with_others']:.0f} %" for one in rows
        ]
    if has_gold:
        table["Gold errors"] = [f"{one['errors']:,} of {one['gold']:,}" if one["gold"] else None for one in rows]
    table["To know"] = [_known(one, has_time) for one in rows]
    look.section("Labellers", f"nobody is judged by fewer than {LEAST}")
    tips = {
        "Time": "Median of one.",
        "Half within": "The middle half of the times.",
        "As others": "Share of what others said of the same that was the same.",
        "To know": "Slower, or more errors, than all others together: tests at 5 % for all labellers at once.",
    }
    st.dataframe(
        table,
        key="labellers",
        hide_index=True,
        height=min(320, 38 + 35 * len(rows)),
        alt=f"{len(rows):,} labellers with how much each labelled.",
        column_config={column: st.column_config.Column(help=tip) for column, tip in tips.items() if column in table},
    )


def _spread(spread: tuple[float, float] | None) -> str | None:
    return None if spread is None else f"{spread[0]:.3g} to {spread[1]:.3g} s"


def _known(one: dict[str, Any], has_time: bool) -> str:
    words = ["slower than the others"] * one["is_slow"] + ["more errors than the others"] * one["is_off"]
    return ", ".join(words) or ("too few to say" if one["items"] < LEAST else "")
