"""The meter: what the facts take beside what a model holds, and the most that anybody could then answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.capacity import PUBLISHED, RANGE, rho
from pages._ui.facts import reading
from pages._ui.facts.asking import ENDLESS, Asked, in_words
from pages._ui.kit import look, palette

ESTIMATES = {
    "plug_in": "as counted",
    "miller_madow": "corrected, Miller-Madow",
    "chao_shen": "corrected, coverage",
    "known": "as set",
    "digits": "digit by digit",
}
_FACTS, _MODEL = palette.COLOURS[1], palette.COLOURS[0]


def draw(said: Mapping[str, Any], held: Mapping[str, Any], asked: Asked) -> None:
    _meter(said, held, asked)
    _bound(said, held)


def answer(said: Mapping[str, Any], held: Mapping[str, Any], asked: Asked) -> str:
    """What the page says at once, in a sentence."""
    bits = reading.bits(said, asked.bits).values()
    low, high, facts = min(bits), max(bits), f"{said['facts']:,}"
    take = f"{low:,.0f} to {high:,.0f} bits" if round(high - low) else f"{low:,.0f} bits"
    both = f"they take {take}, and {asked.parameters:,} parameters hold about {held['capacity_bits']:,.0f}"
    match held["verdict"]:
        case meter.FITS:
            return f"All {facts} facts fit: {both}. Pruning would only lose some."
        case meter.NEAR:
            return f"Whether all {facts} facts fit hangs on the estimate: {both}."
    right = look.percent(held["accuracy"], 1)
    return f"About {held['fitting']:,} of {facts} facts fit: {both}. At most {right} of all can be right."


def called(estimator: str) -> str:
    return ESTIMATES.get(estimator, estimator.replace("_", " "))


def _meter(said: Mapping[str, Any], held: Mapping[str, Any], asked: Asked) -> None:
    """A bar for each estimate of what the facts take, and one for what the model holds, with the range published."""
    import plotly.graph_objects as go

    bits = reading.bits(said, asked.bits)
    low, high = (one["capacity_bits"] for one in held["range"])
    if asked.measured is not None and asked.measured["low"] is not None:
        low, high = (asked.parameters * asked.measured[end] for end in ("low", "high"))
    room, figure = held["capacity_bits"], go.Figure()
    figure.add_bar(
        y=[f"facts, {called(name)}" for name in bits],
        x=list(bits.values()),
        orientation="h",
        marker={"color": _FACTS},
        hovertemplate="%{y}: %{x:,.0f} bits<extra></extra>",
    )
    figure.add_bar(
        y=["the model holds"],
        x=[room],
        orientation="h",
        marker={"color": _MODEL},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(high - room, 0)],
            "arrayminus": [max(room - low, 0)],
            "color": palette.DROPPED,
            "thickness": 3,
        },
        hovertext=[f"{room:,.0f} bits, {low:,.0f} to {high:,.0f}"],
        hoverinfo="text",
    )
    figure.add_vline(x=room, line={"width": 1, "dash": "dot", "color": _MODEL})
    figure.update_layout(
        xaxis={"title": {"text": "bits"}, "rangemode": "tozero", "tickformat": "~s"},
        yaxis={"title": {"text": ""}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    known = ", ".join(f"{called(name)} {value:,.0f}" for name, value in bits.items())
    alt = f"Bits of the facts: {known}. The model holds {room:,.0f}, {low:,.0f} to {high:,.0f}."
    of = "the interval measured" if asked.measured is not None else f"{RANGE[0]:g} to {RANGE[1]:g} bits a parameter"
    title = f"What the facts take, and what {asked.parameters:,} parameters hold; the whisker is {of}"
    look.chart(figure, title, alt, height=110 + 28 * len(bits), key="facts-meter")


def _bound(said: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    """The highest share that can be right, over how many facts are kept; with it how many that are."""
    import plotly.graph_objects as go

    curve, fits = held["curve"], held["fitting"]
    x = [one["facts"] for one in curve]
    figure = go.Figure()
    figure.add_scatter(
        x=x,
        y=[one["accuracy"] for one in curve],
        mode="lines",
        line={"color": _MODEL, "width": 2},
        hovertext=[f"of {one['facts']:,} at most {one['accuracy']:.1%}, {one['right']:,.0f}" for one in curve],
        hoverinfo="text",
    )
    if 0 < fits < said["facts"]:
        figure.add_vline(x=fits, line={"width": 1, "dash": "dot", "color": _MODEL})
        figure.add_annotation(
            x=fits, y=0.04, xanchor="left", text=f"{fits:,} fit whole", showarrow=False, font={"size": 12}, xshift=6
        )
    figure.add_hline(y=held["guess"], line={"width": 1, "color": palette.BASELINE})
    figure.update_layout(
        xaxis={"title": {"text": "facts kept"}, "rangemode": "tozero", "tickformat": ","},
        yaxis={"title": {"text": "share that can be right"}, "range": [0, 1.03], "tickformat": ".0%"},
        dragmode=False,
        showlegend=False,
    )
    alt = f"Of all {x[-1]:,} facts at most {held['accuracy']:.1%} can be right; {held['guess']:.1%} by guessing."
    look.chart(figure, "The most that any model of this size can answer", alt, height=300, key="facts-bound")
    guess = f"{look.percent(held['guess'], 1)} by guessing" if held["guess"] > 1e-5 else "by guessing, next to nothing"
    look.legend([(_MODEL, "at most right of what is kept, whatever the training"), (palette.BASELINE, guess)])


def exposures(asked: Asked) -> None:
    """Bits a parameter over how often a fact is seen, with what was published and where we are."""
    import plotly.graph_objects as go

    at = np.geomspace(50, 2000, 30)
    figure = go.Figure()
    figure.add_scatter(
        x=at.tolist(), y=[rho(one) for one in at], mode="lines", line={"color": _MODEL, "width": 2}, hoverinfo="skip"
    )
    known = [one for one in PUBLISHED if one.exposures is not None]
    figure.add_scatter(
        x=[one.exposures for one in known],
        y=[one.rho for one in known],
        mode="markers",
        marker={"color": _MODEL, "size": 8},
        hovertemplate="%{y:g} bits at %{x:,} times, published<extra></extra>",
    )
    figure.add_hline(y=RANGE[1], line={"width": 1, "dash": "dot", "color": palette.BASELINE})
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=RANGE[1], yanchor="top", text="random text, the most", showarrow=False
    )
    x = 2000.0 if asked.exposures == ENDLESS else float(asked.exposures)
    error = {}
    if asked.measured is not None and asked.measured["low"] is not None:
        spread = asked.measured["high"] - asked.rho
        error = {"error_y": {"type": "data", "array": [spread], "color": palette.COLOURS[1]}}
    figure.add_scatter(
        x=[x],
        y=[asked.rho],
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": palette.COLOURS[1]},
        hovertemplate="%{y:.2f} bits, asked here<extra></extra>",
        **error,
    )
    ticks = [50, 100, 300, 1000]
    figure.update_layout(
        xaxis={
            "title": {"text": "times that a fact is seen"},
            "type": "log",
            "tickvals": ticks,
            "ticktext": [f"{one:,}" for one in ticks],
        },
        yaxis={"title": {"text": "bits a parameter"}, "range": [0, max(4.0, 1.1 * asked.rho)], "dtick": 1},
        dragmode=False,
        showlegend=False,
    )
    alt = f"Bits a parameter: 1 at 100 times, 2 at 1,000; here {asked.rho:.2f}, {in_words(asked.exposures)}."
    look.chart(figure, "Bits a parameter", alt, height=210, key="facts-exposures")
