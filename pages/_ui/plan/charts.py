"""Cost against how many are labelled, with its band; coverage against cost, a line per method."""

import html
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.actions.task import titled
from datasel_core.analysis.curve import Curve
from datasel_core.costs import document
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.interval import Interval
from datasel_core.costs.plan import plan
from datasel_core.pools.pool import Pool
from datasel_core.runs.measures import HELD_OUT
from datasel_core.runs.run import Run
from pages._ui.charts import curves
from pages._ui.kit import disk, look, palette
from pages._ui.kit.onward import onward
from pages._ui.plan.question import Asked

_MARKS, _LINES, _WIDER = 48, 4, 4
"""Points of a line, lines at most, and how many times what is asked the picture shows."""


def cost(pool: Pool, asked: Asked) -> None:
    """A band and a line; the diamond is what is asked."""
    import plotly.graph_objects as go

    assert asked.campaign is not None
    n, most = asked.campaign.items, disk.n_candidates(pool)
    sizes = np.unique([*np.linspace(1, max(n, min(most, _WIDER * n)), _MARKS).round().astype(int), n])
    low, mid, high = _costs(asked.campaign, sizes)
    ends = [float(one[0]) for one in _costs(asked.campaign, np.array([most]))]
    at = int(np.searchsorted(sizes, n))
    unit, colour = html.escape(asked.unit), palette.COLOURS[0]
    figure = go.Figure()
    band = {"x": np.concatenate([sizes, sizes[::-1]]), "y": np.concatenate([high, low[::-1]])}
    name = f"{asked.campaign.level:.0%} of campaigns"
    figure.add_scatter(**band, fill="toself", fillcolor=_clear(colour), line={"width": 0}, hoverinfo="skip", name=name)
    hover = [f"{x:,}: {y:,.4g} {unit}, {a:,.4g} to {b:,.4g}" for x, y, a, b in zip(sizes, mid, low, high, strict=True)]
    line = {"color": colour, "width": 2}
    figure.add_scatter(x=sizes, y=mid, mode="lines", line=line, hovertext=hover, hoverinfo="text", name="expected")
    _mark(figure, n, mid[at], colour, hover[at])
    figure.update_xaxes(title=f"{look.unit(pool)} labelled", rangemode="tozero")
    figure.update_yaxes(title=unit, rangemode="tozero", tickformat=",")
    figure.update_layout(dragmode=False, showlegend=False)
    alt = f"Cost of labelling 1 to {sizes[-1]:,} {look.unit(pool)}; {n:,} take {mid[at]:,.4g} {asked.unit}."
    look.chart(figure, f"Cost against how many {look.unit(pool)} are labelled", alt, height=330, key="plan-cost")
    between = f"expected, and what {asked.campaign.level:.0%} of such campaigns lie between"
    whole = document.in_words(Interval(*ends), asked.unit if asked.unit != "money" else "")
    look.legend([(colour, between), ("transparent", f"all {look.samples(pool, most)}: {whole}")])


def coverage(pool: Pool, asked: Asked) -> None:
    """A line for each method that chose from this pool, its newest choice."""
    import plotly.graph_objects as go

    found = _measured(pool)
    if not found:
        st.caption("**Coverage against cost** is shown once something was chosen from this pool.")
        onward("Choose with a method", "pages/select.py", key="plan-coverage", leads=False)
        return
    assert asked.campaign is not None
    figure, n, unit = go.Figure(), asked.campaign.items, html.escape(asked.unit)
    for run, curve in found:
        id = run.manifest["method"]["id"]
        picks = _some(curve.picks)
        money, gaps = _costs(asked.campaign, picks)[1], [curve.at(int(many))[0] for many in picks]
        name = html.escape(_title(run))
        hover = [f"{name}, {many:,}: {paid:,.4g} {unit}" for many, paid in zip(picks, money, strict=True)]
        line = {"color": palette.colour_of(id), "width": 2}
        figure.add_scatter(
            x=money, y=gaps, mode="lines", line=line, hovertext=hover, hoverinfo="text", showlegend=False
        )
        if picks[-1] >= n:
            paid = _costs(asked.campaign, np.array([n]))[1][0]
            _mark(figure, paid, curve.at(n)[0], palette.colour_of(id), f"{name}, {n:,}: {paid:,.4g} {unit}")
    figure.update_xaxes(title=f"expected cost in {unit}", rangemode="tozero", tickformat=",")
    figure.update_yaxes(title="distance to the nearest kept", rangemode="tozero")
    figure.update_layout(dragmode=False)
    names = [_title(run) for run, _ in found]
    alt = f"Mean distance to the nearest kept against cost, for {', '.join(names)}: lower is better."
    look.chart(figure, "Coverage against cost: lower is better", alt, height=270, key="plan-coverage")
    look.legend(
        [(palette.colour_of(run.manifest["method"]["id"]), name) for (run, _), name in zip(found, names, strict=True)]
    )


def _title(run: Run) -> str:
    """Of the method, or of how it was made of others."""
    return titled("derivation", titled("method", run.manifest["method"]["id"]))


def _measured(pool: Pool) -> list[tuple[Run, Curve]]:
    """The longest choice of each method whose coverage was measured in the same way, the newest method first."""
    best: dict[str, tuple[Run, dict[str, Curve]]] = {}
    for run in disk.runs(pool, previews=True):
        id, there = run.manifest["method"]["id"], curves.curves(run)
        if there and run.manifest["already"] is None and (id not in best or _length(there) > _length(best[id][1])):
            best[id] = (run, there)
    kinds = [HELD_OUT, *dict.fromkeys(kind for _, there in best.values() for kind in there)]
    kind = next((one for one in kinds if any(one in there for _, there in best.values())), None)
    found = [(run, there[kind]) for run, there in best.values() if kind in there]
    return found[:_LINES]


def _length(there: dict[str, Curve]) -> int:
    return max(int(one.picks[-1]) for one in there.values())


def _some(picks: np.ndarray) -> np.ndarray:
    return picks[np.unique(np.linspace(0, len(picks) - 1, _MARKS).round().astype(int))]


def _costs(campaign: Campaign, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """low, mid, high of labelling so many."""
    return _planned(repr(sorted(campaign.plain().items(), key=str)), tuple(map(int, sizes)), campaign)


@st.cache_data(max_entries=64, show_spinner=False)
def _planned(said: str, sizes: tuple[int, ...], _campaign: Campaign) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = [plan(replace(_campaign, items=n, start=None, deadline=None)).cost for n in sizes]
    low, mid, high = (np.array([one[name] for one in found]) for name in ("low", "mid", "high"))
    return low, mid, high


def _mark(figure: Any, x: float, y: float, colour: str, text: str) -> None:
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": colour},
        hovertext=[text],
        hoverinfo="text",
        showlegend=False,
    )


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.18)"
