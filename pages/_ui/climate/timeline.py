"""Every run as a line of years coloured by the global-mean temperature, with the years that are kept."""

import html
from collections.abc import Sequence
from typing import Any

from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Line, Timeline
from datasel_core.features.fields.grid import FieldGrid
from datasel_core.pools.pool import Pool
from pages._ui.climate.asking import Asked
from pages._ui.kit import look, palette

_ALL, _LEAST, _MOST = 520, 24, 64
"""Pixels of all lines, and of one at least and at most."""


def draw(shown: Timeline, asked: Asked, colour: str, grid: FieldGrid) -> None:
    """colour: of the method that chose."""
    import plotly.graph_objects as go

    lines, figure = shown.lines, go.Figure()
    first, last = min(one.year[0] for one in lines), max(one.year[-1] for one in lines)
    years, names = list(range(first, last + 1)), [_called(one, asked) for one in lines]
    figure.add_heatmap(
        x=years,
        y=list(range(len(lines))),
        z=[_row(one, first, last) for one in lines],
        zmin=shown.low,
        zmax=shown.high,
        colorscale=palette.diverging(shown.low, shown.high),
        ygap=12,
        hoverongaps=False,
        customdata=[[html.escape(one.run.replace("/", " "))] * len(years) for one in lines],
        hovertemplate="%{customdata}, %{x}: %{z:.2f} K<extra></extra>",
        colorbar={
            "title": {"text": f"GMST above<br>{html.escape(grid.baseline)} (K)", "font": {"size": 12}},
            "thickness": 12,
            "len": 1,
            "tickfont": {"size": 12},
            "outlinewidth": 0,
        },
    )
    marks = [(year, at) for at, one in enumerate(lines) for year in one.kept]
    if marks:
        figure.add_scatter(
            x=[year for year, _ in marks],
            y=[at + 0.46 for _, at in marks],
            mode="markers",
            marker={"symbol": "triangle-up", "size": 8, "color": colour, "line": {"width": 0}},
            hovertext=[f"{html.escape(lines[at].run.replace('/', ' '))}, {year}: kept" for year, at in marks],
            hoverinfo="text",
        )
    figure.update_layout(
        xaxis={"title": {"text": "year"}, "showgrid": False, "range": [first - 2, last + 3]},
        yaxis={
            "title": {"text": "scenario and member"},
            "tickvals": list(range(len(lines))),
            "ticktext": names,
            "range": [len(lines) - 0.35, -0.6],
            "showgrid": False,
        },
        dragmode=False,
        showlegend=False,
    )
    tall = min(_MOST, max(_LEAST, _ALL // len(lines)))
    title = f"Global-mean surface temperature (GMST) of {look.many(len(lines), 'run')} of {grid.model}, year by year"
    look.chart(figure, title, _alt(lines, shown), height=100 + tall * len(lines), key="climate-timeline")
    if marks:
        look.legend([(colour, f"{look.many(len(marks), 'year')} kept, marked below the line")])


def sentence(pool: Pool, shown: Timeline) -> str:
    """How many years there are, and how many of them are kept."""
    runs, of = look.many(len(shown.lines), "run"), sum(bool(one.kept) for one in shown.lines)
    if not shown.kept:
        return f"{pool.n:,} years of {runs}, from {shown.low:+.1f} to {shown.high:+.1f} K; none is kept yet."
    whole = f"bought as whole runs, {shown.simulated:,} have to be simulated"
    some = f"all {runs}" if of == len(shown.lines) else f"{of} of {runs}"
    return f"{shown.kept:,} of {pool.n:,} years are kept, of {some}; {whole}."


def _row(line: Line, first: int, last: int) -> list[float | None]:
    known = dict(zip(line.year, line.gmst, strict=True))
    found = [known.get(year) for year in range(first, last + 1)]
    return [None if one is None or one != one else round(one, 4) for one in found]


def _called(line: Line, asked: Asked) -> str:
    """`ssp585 r1i1p1f1`, and what the run is for."""
    name, what = html.escape(line.run.replace("/", " ")), ""
    if _is(line.run, asked.target):
        what = "target"
    elif _is(line.run, asked.reference):
        what = "reference"
    return f"{name} <b>{what}</b>" if what else name


def _is(run: str, said: str | None) -> bool:
    return said is not None and said in (run, scenario_of(run))


def _alt(lines: Sequence[Line], shown: Timeline) -> str:
    ends: list[Any] = [f"{one.run} {one.year[0]} to {one.year[-1]}" for one in lines]
    kept = f"; {look.many(shown.kept, 'year')} kept" if shown.kept else ""
    return f"Years by run, from {shown.low:.1f} to {shown.high:.1f} K: {', '.join(ends)}{kept}."
