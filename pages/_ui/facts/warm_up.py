"""What pruning by the loss hangs on: how long the warm-up was, and which part of the capacity is filled."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.evidence.facts.counts import loss_of
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.pools.pool import Pool
from pages._ui.facts.asking import Asked
from pages._ui.kit import disk, look, palette, watch

TASK = "sensitivity"
_LINES = {
    "overlap": ("same facts kept as after the longest", palette.COLOURS[0]),
    "spearman": ("same order of losses as after the longest (Spearman)", palette.COLOURS[4]),
    "with_frequency": (
        "loss against how often a fact is stated (Spearman): below 0, frequent facts are learned first",
        palette.COLOURS[1],
    ),
}


def draw(pool: Pool, said: Mapping[str, Any] | None, asked: Asked, working: bool) -> None:
    """said: the newest answer for this pool."""
    roles = disk.roles(pool)
    loss = loss_of(roles)
    if loss is None and LOSS_TRAJECTORY.name not in roles.features:
        look.empty(
            "No losses yet",
            "A small model learns the pool, and its losses are measured on the way.",
            "Measure losses",
            "pages/trajectories.py",
            key="facts-no-losses",
        )
        return
    given = _given(pool, asked)
    if said is None:
        if not working and look.empty(
            "Not looked at yet",
            "Which facts would be kept after shorter and longer warm-ups, and when less or more of it is filled.",
            "Look, about 5 s",
            key="facts-warm-up",
        ):
            watch.start(TASK, TASK, **given)
            st.rerun()
        return
    _lengths(said)
    _betas(said)
    moved = abs(said["capacity_bits"] - asked.parameters * asked.rho) > 0.5
    if not working and (moved or (loss is not None and loss.key != said["loss"])):
        st.button(
            f"Look again at {asked.parameters * asked.rho:,.0f} bits",
            key="facts-look-again",
            help=f"What is shown was looked at with {said['capacity_bits']:,.0f} bits"
            + ("." if moved else ", and with losses that are no longer the newest."),
            on_click=watch.start,
            args=(TASK, TASK),
            kwargs=given,
        )


def _given(pool: Pool, asked: Asked) -> dict[str, Any]:
    return {"pool": pool.name, "parameters": asked.parameters, "rho": asked.rho, "bits_per_fact": asked.bits}


def _lengths(said: Mapping[str, Any]) -> None:
    import plotly.graph_objects as go

    rows, figure, shown = said["warm_ups"], go.Figure(), []
    if len(rows) < 2:
        st.caption(
            "Losses were measured after one warm-up alone. Measured after more and fewer steps too, they are compared "
            "here; loss trajectories have several by themselves."
        )
        return
    for name, (words, colour) in _LINES.items():
        if any(one[name] is None for one in rows):
            continue
        shown.append((colour, words))
        figure.add_scatter(
            x=[one["steps"] for one in rows],
            y=[one[name] for one in rows],
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 8},
            hovertemplate=f"%{{x:,}} steps: {words} %{{y:.2f}}<extra></extra>",
        )
    figure.add_hline(y=0, line={"width": 1, "color": palette.BASELINE})
    low = min(one[name] for one in rows for name in _LINES if one[name] is not None)
    figure.update_layout(
        xaxis={"title": {"text": "length of the warm-up (training steps)"}, "rangemode": "tozero", "tickformat": ","},
        yaxis={"title": {"text": "share, or rank correlation"}, "range": [min(-0.05, low - 0.08), 1.05]},
        dragmode=False,
        showlegend=False,
    )
    first = rows[0]
    alt = f"After {first['steps']:,} steps {first['overlap']:.0%} of the facts are kept as after the longest."
    look.chart(figure, "How much hangs on the length of the warm-up", alt, height=300, key="facts-warm-up")
    look.legend(shown)
    is_whole = said.get("lengths", {}).get("whole_answers", False)
    st.caption(
        "Losses of whole answers, each measured after a training of its own."
        if is_whole
        else "Losses on the way of one training: means over the parts of an answer, which flatter long ones."
    )


def _betas(said: Mapping[str, Any]) -> None:
    import plotly.graph_objects as go

    rows, figure = said["betas"], go.Figure()
    figure.add_scatter(
        x=[one["beta"] for one in rows],
        y=[one["facts"] for one in rows],
        mode="lines+markers",
        line={"color": palette.COLOURS[0], "width": 2},
        marker={"size": 8},
        hovertext=[
            f"{one['beta']:g}: {one['facts']:,} facts, {one['overlap']:.0%} of the samples as at 1" for one in rows
        ],
        hoverinfo="text",
    )
    figure.add_vline(x=1, line={"width": 1, "dash": "dot", "color": palette.BASELINE})
    figure.update_layout(
        xaxis={"title": {"text": "beta: part of the capacity that is filled"}, "rangemode": "tozero"},
        yaxis={"title": {"text": "facts kept"}, "rangemode": "tozero", "tickformat": ","},
        dragmode=False,
        showlegend=False,
    )
    alt = ", ".join(f"{one['facts']:,} at {one['beta']:g}" for one in rows)
    title = f"How many facts are kept when less or more than {said['capacity_bits']:,.0f} bits are filled"
    look.chart(figure, title, f"Facts kept: {alt}.", height=250, key="facts-beta")
