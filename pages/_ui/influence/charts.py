"""Charts of a run in stages: losses with bands, what is known of influence at each stage, and what it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from datasel_core.features.flops import said as flops_said
from pages._ui.kit import keys, look, markdown, palette

ARMS = {
    "staged": ("influence measured anew", palette.COLOURS[0]),
    "static": ("influence measured once", palette.COLOURS[1]),
    "random": ("plain run, at random", palette.BASELINE),
}
_AXES = {"tokens": "tokens learned", "flops": "operations (FLOPs), probes included"}
_PARTS = {
    "train": ("training", palette.COLOURS[0]),
    "probe": ("probes", palette.COLOURS[1]),
    "fit": ("learning to predict", palette.COLOURS[2]),
    "predict": ("predicting", palette.COLOURS[3]),
}


def loss(said: Mapping[str, Any]) -> None:
    """Loss of a judge after each stage, of every arm."""
    import plotly.graph_objects as go

    names = {one["what"]: one["name"] for one in said["judges"]}
    with st.container(horizontal=True, gap="small", key="influence-axes"):
        what = keys.bound(
            st.segmented_control,
            "Measured on",
            "influence.on",
            "judge" if "judge" in names else "reference",
            options=list(names),
            format_func=lambda one: f"{one.capitalize()} {markdown.plain(names[one])}",
            required=True,
            label_visibility="collapsed",
        )
        axis = keys.bound(
            st.segmented_control,
            "Against",
            "influence.axis",
            "tokens",
            options=list(_AXES),
            format_func={"tokens": "by tokens", "flops": "by operations"}.get,
            required=True,
            label_visibility="collapsed",
        )
    figure, ends = go.Figure(), []
    for arm, points in said["curves"].items():
        words, colour = ARMS[arm]
        steady = [one for one in points if not one["falls"]]
        _band(figure, steady, what, axis, colour)
        _line(figure, steady, what, axis, colour, words, "solid")
        _line(figure, points[len(steady) - 1 :] if len(points) > len(steady) else [], what, axis, colour, words, "dot")
        ends += [f"{words} {points[-1]['losses'][what]['mid']:.3f}"] if points else []
    figure.update_layout(
        xaxis={"title": {"text": _AXES[axis]}},
        yaxis={"title": {"text": "mean loss of a text (nats a token)"}},
        dragmode=False,
        showlegend=False,
    )
    shown = look.many(said["asked"]["seeds"], "seed")
    alt = f"Loss on the {what} after each stage, {shown}: {', '.join(ends) or 'nothing yet'}."
    title = f"Loss on the {what} {names[what]}: bands are a standard error over {shown}; dotted, while the rate falls"
    look.chart(figure, title, alt, height=430, key="influence-loss")
    look.legend([(colour, words) for arm, (words, colour) in ARMS.items() if arm in said["curves"]])


def _line(figure: Any, points: Sequence[Any], what: str, axis: str, colour: str, words: str, dash: str) -> None:
    figure.add_scatter(
        x=[one[axis] for one in points],
        y=[one["losses"][what]["mid"] for one in points],
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": dash},
        marker={"size": 7},
        hovertext=[f"{words}: {one['losses'][what]['mid']:.3f}" for one in points],
        hoverinfo="text",
    )


def _band(figure: Any, points: Sequence[Any], what: str, axis: str, colour: str) -> None:
    along = [one[axis] for one in points]
    bands = [one["losses"][what] for one in points]
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    figure.add_scatter(
        x=[*along, *along[::-1]],
        y=[*(one["high"] for one in bands), *(one["low"] for one in bands[::-1])],
        fill="toself",
        mode="none",
        fillcolor=f"rgba({red},{green},{blue},0.15)",
        hoverinfo="skip",
    )


def drift(said: Mapping[str, Any]) -> None:
    """How well each stage's prediction ranks, and how like it is to that of the stage before."""
    import plotly.graph_objects as go

    rows = said["stages"]
    if not rows:
        look.empty("No influence measured yet", "It comes with the first stage.", key="no-drift")
        return
    where = [
        f"stage {one['stage']}" + (f", seed {one['seed'] + 1}" if said["asked"]["seeds"] > 1 else "") for one in rows
    ]
    ranks, figure = [one["spearman"] for one in rows], go.Figure()
    figure.add_scatter(
        x=where,
        y=[one["mid"] for one in ranks],
        mode="markers",
        marker={"color": palette.COLOURS[0], "size": 10},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one["high"] - one["mid"] for one in ranks],
            "arrayminus": [one["mid"] - one["low"] for one in ranks],
        },
        hovertemplate="%{x}: %{y:.2f}<extra></extra>",
    )
    later = [(at, one) for at, one in zip(where, rows, strict=True) if one["drift"] is not None]
    figure.add_scatter(
        x=[at for at, _ in later],
        y=[one["drift"] for _, one in later],
        mode="markers",
        marker={"color": palette.COLOURS[1], "size": 10, "symbol": "diamond"},
        hovertemplate="%{x}: as the stage before %{y:.2f}<extra></extra>",
    )
    figure.add_hline(y=0, line={"width": 1, "color": palette.BASELINE})
    figure.update_layout(
        xaxis={"title": {"text": "stage"}},
        yaxis={"title": {"text": "Spearman, 1 is the same order"}, "range": [-1.05, 1.05]},
        dragmode=False,
        showlegend=False,
    )
    words = ", ".join(f"{at} {one['mid']:.2f}" for at, one in zip(where, ranks, strict=True))
    alt = f"Rank correlation of predicted and measured influence: {words}."
    look.chart(
        figure, "How well influence is predicted, and how fast it changes", alt, height=400, key="influence-drift"
    )
    look.legend(
        [
            (palette.COLOURS[0], "predicted with measured, 95 % interval"),
            (palette.COLOURS[1], "prediction with that of the stage before"),
        ]
    )
    overlap = [
        f"{at}: {one['overlap']['static']:.0%}"
        for at, one in zip(where, rows, strict=True)
        if one["overlap"].get("static")
    ]
    if overlap:
        st.caption(
            markdown.plain(f"Of all chosen until then, measured once would have chosen the same: {', '.join(overlap)}.")
        )


def cost(said: Mapping[str, Any]) -> None:
    """Operations of each part, of every arm, and seconds."""
    import plotly.graph_objects as go

    figure, arms = go.Figure(), list(said["cost"])
    for part, (words, colour) in _PARTS.items():
        values = [said["cost"][arm]["flops"][part] for arm in arms]
        figure.add_bar(
            y=[ARMS[arm][0] for arm in arms],
            x=values,
            orientation="h",
            marker={"color": colour},
            hovertext=[f"{words}: {flops_said(one)}" for one in values],
            hoverinfo="text",
        )
    figure.update_layout(
        barmode="stack",
        xaxis={"title": {"text": "operations (FLOPs), the mean over seeds"}},
        yaxis={"title": {"text": ""}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    whole = {arm: sum(said["cost"][arm]["flops"].values()) for arm in arms}
    alt = f"Operations: {', '.join(f'{ARMS[arm][0]} {flops_said(n)}' for arm, n in whole.items())}."
    look.chart(figure, "What each costs", alt, height=90 + 70 * len(arms), key="influence-cost")
    look.legend([(colour, words) for words, colour in _PARTS.values()])
    seconds = [f"{ARMS[arm][0]} {look.about(sum(one['seconds'].values()))}" for arm, one in said["cost"].items()]
    st.caption(f"A seed took: {', '.join(seconds)}; what arms share counts for each.")
