"""How everything looks: the frame of every page, colours, charts, empty states, numbers with units."""

import functools
import html
import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.declare import Declared
from datasel_core.errors import DataselError
from datasel_core.features.feature import Feature
from datasel_core.features.likely import seconds
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import read_label
from datasel_core.runs.derivations.derivation import derivation_of
from datasel_core.runs.run import Run
from datasel_core.workspace.files import size as size
from pages._ui.kit import disk, drawn, markdown, palette
from pages._ui.kit.onward import onward

FRAMED = "framed"
"""Kept once a session has seen a page in its frame."""
_UNITS = {"images": ("photo", "photos"), "vectors": ("vector", "vectors"), "pairs": ("pair", "pairs")}
_UNITS |= {"climate": ("year", "years")}


def told(draw: Callable[..., None]) -> Callable[..., None]:
    """The same page or fragment; where something that it looks at is damaged, one line says so and what to do. It is
    drawn again where the browser did not get it.
    """

    @functools.wraps(draw)
    def whole(*given: Any) -> None:
        try:
            draw(*given)
        except DataselError as error:
            markdown.trouble(error)
        drawn.mark(draw.__qualname__)

    return whole


def title(text: str, lead: str = "") -> None:
    """The heading of a page with one sentence beside it. A page that was begun without its frame begins again: while a
    fresh server looks at its first page, another tab may get one without app.py (`pages/_ui/__init__.py`).
    """
    if not st.session_state.get(FRAMED):
        st.rerun()
    st.html(f'<div class="ds-title"><h1>{html.escape(text)}</h1><p>{html.escape(lead)}</p></div>')


def section(text: str, lead: str = "") -> None:
    """The heading of a part of a page, with how many of how many beside it."""
    st.html(f'<div class="ds-section"><h2>{html.escape(text)}</h2><p>{html.escape(lead)}</p></div>')


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Numbers in one line: (number with unit, what it is)."""
    cells = "".join(
        f"<div><b>{html.escape(number)}</b><span>{html.escape(what)}</span></div>" for number, what in pairs
    )
    st.html(f'<div class="ds-facts">{cells}</div>')


def empty(
    title: str, text: str, action: str | None = None, page: str | None = None, key: str | None = None, **kept: Any
) -> bool:
    """An empty state: what is not there, and what to do next. action: label of a button (True when it was clicked);
    with `page` it leads there, on what is `kept`: see `onward`.
    """
    with st.container(border=True, key=f"empty-{key or title}", horizontal_alignment="center"):
        st.html(f'<div class="ds-empty"><h3>{html.escape(title)}</h3><p>{html.escape(text)}</p></div>')
        if action and page:
            onward(markdown.plain(action), page, key=f"empty-{key or title}", **kept)
        elif action:
            return st.button(markdown.plain(action), type="primary", key=f"empty-action-{key or title}")
    return False


def template() -> Any:
    """The Plotly template of every chart: transparent, small margins, 12 px text. Text and grid colours come from the
    theme in the browser.
    """
    import plotly.graph_objects as go

    axis = {
        "automargin": True,
        "ticks": "",
        "zeroline": False,
        "title": {"standoff": 8, "font": {"size": 12}},
        "tickfont": {"size": 12},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(palette.COLOURS),
            "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
            "title": {"font": {"size": 14}, "x": 0, "xanchor": "left", "y": 0.99, "yanchor": "top"},
            "xaxis": axis,
            "yaxis": axis,
            "bargap": 0.25,
            "hoverlabel": {"font": {"size": 12}},
            "legend": {"font": {"size": 12}},
        }
    )


def chart(figure: Any, title: str, alt: str, *, height: int = 300, key: str | None = None, **options: Any) -> Any:
    """Draws a Plotly figure: every chart has a title and a sentence for those who do not see it. options: as of
    st.plotly_chart.
    """
    figure.update_layout(
        template=template(),
        title={"text": html.escape(title, quote=False), "font": {"size": 14}, "x": 0, "y": 0.99, "yanchor": "top"},
        height=height,
    )
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 34, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 12},
    )
    config = {"displaylogo": False, "displayModeBar": False, **options.pop("config", {})}
    return st.plotly_chart(figure, key=key, height=height, alt=alt, config=config, **options)


def unit(pool: Pool, n: int = 2) -> str:
    """`photo` or `photos`: what the pool holds."""
    return _unit(pool.kind, n)


def _unit(kind: str, n: int) -> str:
    one, many = _UNITS.get(kind, ("sample", "samples"))
    return one if n == 1 else many


def counted(kind: str, n: int) -> str:
    """`929 photos`, for a kind of pool."""
    return f"{n:,} {_unit(kind, n)}"


def count(n: int) -> str:
    """`12,345`."""
    return f"{n:,}"


def samples(pool: Pool, n: int | None = None) -> str:
    """`929 photos`."""
    n = pool.n if n is None else n
    return f"{n:,} {unit(pool, n)}"


def many(n: int, word: str) -> str:
    """`1 cluster`, `12 clusters`."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def percent(part: float, whole: float) -> str:
    """`5.4 %`; enough digits that little is not shown as nothing."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 99.95 or share == 0 else f"{share:.1f} %" if share >= 0.1 else f"{share:.2g} %"


def score(value: float) -> str:
    """`0.2471`; small scores keep their digits, `-3.1e-05`."""
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.1e}"


_STEPS = (1, 2, 3, 5, 8, 10, 15, 20, 30, 45)


def about(seconds: float) -> str:
    """`about 20 s`, `about 3 min`, `about 2 h`: rounded up to what a person would say."""
    size, unit = next(((size, unit) for size, unit in ((1, "s"), (60, "min")) if seconds <= 45 * size), (3600, "h"))
    most = seconds / size
    return f"about {next((step for step in _STEPS if most <= step), math.ceil(most)):,} {unit}"


def computing(pool: Pool, *features: Feature) -> str:
    """`Compute, about 5 s for these 929`: a button that does it; without a time where nobody knows."""
    times = [seconds(one, pool.n, disk.every_feature(disk.home(pool))) for one in features]
    known = [one for one in times if one is not None]
    return f"Compute, {about(sum(known))} for these {pool.n:,}" if len(known) == len(times) > 0 else "Compute"


def kept_of(run: Run) -> str:
    """`47 kept of 929, 882 dropped`, or `50 new + 50 earlier of 929, 829 dropped`; with the share that is kept."""
    counts = manifest.counts(run.manifest)
    said = counts.words if counts.earlier else f"{counts.parts} kept of {counts.pool:,}"
    among = f", {counts.among}" if counts.among else ""
    return f"{said}, {counts.rest} ({percent(counts.kept, counts.pool)}){among}"


def chosen_by(run: Run) -> str:
    """`50 by k-center greedy, seed 0`: a selection as an option of a list."""
    return f"{manifest.counts(run.manifest).parts} by {recipe(run)}"


def legend(entries: Sequence[tuple[str, str]]) -> None:
    """What the colours of a chart mean, in one line: (colour, words)."""
    dots = "".join(
        f'<span><i class="ds-dot" style="background:{colour}"></i>{html.escape(words)}</span>'
        for colour, words in entries
    )
    st.html(f'<div class="ds-legend">{dots}</div>')


def listed(run: Run) -> str:
    """A selection among others: `final round · 50 by k-center greedy, seed 0 · 2026-05-01 09:30 UTC`."""
    given = read_label(run.folder).name
    what = f"{given} · {chosen_by(run)}" if given else f"{run.name} · {recipe(run)}"
    return f"{what} · {run.manifest['created_utc'][:16].replace('T', ' ')} UTC"


def recipe(run: Run) -> str:
    """The method with what differs from its defaults, and the seed."""
    asked = run.manifest["method"]
    if (how := derivation_of(asked)) is not None:
        return how.words()
    cls = registry.every("method").get(asked["id"])
    own = {
        name: value
        for name, value in asked["params"].items()
        if cls is None or name not in cls.model_fields or cls.model_fields[name].default != value
    }
    said = [
        cls.title if cls else asked["id"],
        *(": ".join(parameter(cls, name, value)) for name, value in own.items()),
    ]
    target = run.manifest["target"]
    towards = [f"towards {target['name']}"] if target else []
    return ", ".join([*said, *towards, f"seed {run.manifest['seed']}"])


def parameter(cls: type[Declared] | None, name: str, value: Any) -> tuple[str, str]:
    """`sampler`, `always the farthest`; of a method that this version does not know, as it was kept."""
    if cls is None or name not in cls.model_fields:
        return name.replace("_", " "), "none" if value is None else str(value)
    label = cls.label(name)
    return label[:1].lower() + label[1:], cls.word(name, value)
