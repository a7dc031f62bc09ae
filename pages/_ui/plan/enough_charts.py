"""Charts of what is enough: coverage, accuracy and chance, each against the number that is labelled."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.costs.enough import answer, words
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, palette

Price = Callable[[int], Mapping[str, float] | None]
_BAND = "rgba(107,122,144,0.18)"
_FIT = ("dot", "dash", "dashdot", "longdash")
_TICKS = [step * 10**power for power in range(9) for step in (1, 2, 5)]
_MONEY, _LABELS = "money", "labels"


def cost(price: Price, n: int) -> float | None:
    """What labelling so many costs, the middle of it; None where nobody knows."""
    found = price(int(n))
    return None if found is None else float(found["mid"])


def axis(pool: Pool, price: Price) -> Callable[[Sequence[float]], list[float]] | None:
    """Numbers of labels as money, where it is known and wanted; else None."""
    if cost(price, 1) is None:
        return None
    wanted = keys.bound(
        st.segmented_control,
        "Axis",
        "plan.axis",
        _LABELS,
        options=[_LABELS, _MONEY],
        format_func={_LABELS: look.unit(pool).capitalize(), _MONEY: "Money"}.get,
        required=True,
        label_visibility="collapsed",
    )
    return None if wanted == _LABELS else lambda values: [cost(price, int(n)) for n in values]


def coverage(pool: Pool, said: Mapping[str, Any], share: float, price: Price) -> None:
    """A line per method and random's band; the cheapest budget of each as a diamond, its knee as a ring."""
    figure, unit = _figure(), look.unit(pool)
    money = axis(pool, price)
    x = money or list
    random = said["random"]
    _band(figure, x(random["n"]), random, _BAND, "single random draws")
    _line(figure, x(random["n"]), random["mid"], "Random", palette.BASELINE, "dash")
    for one in said["methods"]:
        if one["n"]:
            _method(figure, one, share, x, unit)
    level = float(np.interp(round(share * said["of"]), random["n"], random["mid"]))
    _level(figure, level, f"a random {words.percent(share)} of the pool")
    most = max(round(share * said["of"]), *(one["picks"] for one in said["methods"]))
    _axes(figure, "money" if money else f"{unit} labelled", "coverage, % of labelling all")
    figure.update_xaxes(range=[x([1])[0], 1.04 * x([most])[0]])
    found = answer.cheapest(said, share)
    best = f"{found[1]['n']:,} by {found[0]['title']} are the fewest that do" if found else "no selection does yet"
    alt = f"Coverage against budget: a random {words.percent(share)} of the pool covers {words.percent(level)}; {best}."
    look.chart(figure, "Coverage against budget", alt, height=330, key="enough-coverage")
    marks = [(palette.BASELINE, "random, and 95 % of its single draws")]
    marks += [(palette.colour_of(one["method"]), one["title"]) for one in said["methods"]]
    look.legend(marks)
    st.caption("Diamond: the fewest that cover as much as the dotted line. Ring: the knee.")


def _method(figure: Any, one: Mapping[str, Any], share: float, x: Callable, unit: str) -> None:
    colour, reach = palette.colour_of(one["method"]), answer.reach_of(one, share)
    _line(figure, x(one["n"]), one["mid"], one["title"], colour)
    for symbol, n, what in (("circle-open", one["knee"], "knee"), ("diamond", reach and reach["n"], "the fewest")):
        if n is not None:
            y = float(np.interp(n, one["n"], one["mid"]))
            figure.add_scatter(
                x=x([n]),
                y=[100 * y],
                mode="markers",
                marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}},
                hovertext=f"{html.escape(one['title'])}: {what}, {n:,} {unit}",
                hoverinfo="text",
                showlegend=False,
            )


def learning(pool: Pool, said: Mapping[str, Any], wish: float, needed: float | None) -> None:
    """Points as measured, a line per family, the band of the extrapolation; what is wished, and where it is met."""
    figure, measured = _figure(), said["measured"]
    after = [at for at, n in enumerate(said["n"]) if n >= said["labels"]]
    band = {name: [said[name][at] for at in after] for name in ("low", "mid", "high")}
    x = [said["n"][at] for at in after]
    _band(figure, x, band, "rgba(47,125,225,0.16)", "extrapolation")
    _line(figure, x, band["mid"], "Extrapolation", palette.KEPT)
    for one, dash in zip(said["fits"], _FIT, strict=False):
        _line(figure, said["n"], one["values"], one["title"], palette.BASELINE, dash, 1.2)
    seeds = np.array(measured["seeds"])
    figure.add_scatter(
        x=measured["n"],
        y=[100 * value for value in measured["mid"]],
        mode="markers",
        marker={"size": 8, "color": palette.COLOURS[1]},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": (100 * (seeds.max(0) - measured["mid"])).tolist(),
            "arrayminus": (100 * (measured["mid"] - seeds.min(0))).tolist(),
            "thickness": 1.4,
            "width": 0,
        },
        hovertext=[f"{n:,} labels: {100 * y:.0f} %" for n, y in zip(measured["n"], measured["mid"], strict=True)],
        hoverinfo="text",
        showlegend=False,
    )
    _level(figure, wish, f"wished: {words.percent(wish)}")
    if needed is not None:
        figure.add_vline(x=needed, line={"width": 1, "dash": "dot", "color": palette.KEPT})
    _axes(figure, "labels learned from (log scale)", "held-out samples named rightly, %")
    ticks = [n for n in _TICKS if said["n"][0] <= n <= said["n"][-1]]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks])
    end = f"{words.percent(said['low'][-1])} to {words.percent(said['high'][-1])}"
    alt = (
        f"Learning curve: {words.percent(measured['mid'][-1])} with {said['labels']:,} labels; extrapolated to "
        f"{said['n'][-1]:,} labels: {end}."
    )
    look.chart(figure, "Accuracy against labels", alt, height=330, key="enough-learning")
    look.legend(
        [
            (palette.COLOURS[1], "measured; the bar is of 8 draws"),
            (palette.KEPT, f"extrapolation, {words.percent(said['level'])} interval"),
            (palette.BASELINE, "each family of curves"),
        ]
    )


def chances(pool: Pool, of: Any, wanted: int, n: Sequence[int], chance: Sequence[float], sure: float) -> None:
    figure = _figure()
    _line(figure, list(n), list(chance), of.name, palette.KEPT)
    _level(figure, sure, f"{words.percent(sure)} sure", "bottom left")
    _axes(figure, f"{look.unit(pool)} drawn at random", "chance, %")
    alt = f"The chance of at least {wanted} of {of.name} against how many are drawn at random, up to {n[-1]:,}."
    look.chart(figure, f"Chance of at least {wanted:,}", alt, height=300, key="enough-classes")


def _figure() -> Any:
    import plotly.graph_objects as go

    return go.Figure()


def _line(
    figure: Any, x: Sequence, y: Sequence[float], name: str, colour: str, dash: str = "solid", width: float = 2
) -> None:
    figure.add_scatter(
        x=list(x),
        y=[100 * value for value in y],
        mode="lines",
        line={"color": colour, "width": width, "dash": dash},
        hovertext=[f"{html.escape(name)}, {n:,.0f}: {100 * value:.0f} %" for n, value in zip(x, y, strict=True)],
        hoverinfo="text",
        showlegend=False,
    )


def _band(figure: Any, x: Sequence, band: Mapping[str, Sequence[float]], colour: str, name: str) -> None:
    x = list(x)
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[100 * value for value in [*band["high"], *band["low"][::-1]]],
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        hoverinfo="skip",
        name=name,
        showlegend=False,
    )


def _level(figure: Any, y: float, words: str, where: str = "top left") -> None:
    figure.add_hline(
        y=100 * y,
        line={"width": 1.2, "dash": "dot", "color": palette.DROPPED},
        annotation={"text": words, "font": {"size": 12}, "showarrow": False},
        annotation_position=where,
    )


def _axes(figure: Any, x: str, y: str) -> None:
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, range=[0, 104])
    figure.update_layout(dragmode=False)
