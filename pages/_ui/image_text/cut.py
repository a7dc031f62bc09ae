"""The cut through the scores: by dragging, as a score, as a count or as a share; all three always shown."""

import math
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from datasel_core.methods.selection import granted
from datasel_core.runs.question import Question
from pages._ui.charts import histogram
from pages._ui.image_text.scores import Scored
from pages._ui.kit import keys, look, palette
from pages._ui.question import budget

_HEIGHT = 200


def widgets(choice: Question, scored: Scored, n: int) -> None:
    """Draws the histogram, and below it the cut as a score, as a count and as a share."""
    pool, cut, found = choice.pool, scored.cut(n), _bins(scored.key, scored)
    place, columns = st.container(), st.columns([27, 27, 24, 22], gap="small", vertical_alignment="bottom")
    with columns[-1]:
        log = _by_logarithm(choice.method.id, found)
    with place:
        histogram.draw(
            "pairs.histogram",
            found,
            cut,
            scores=scored.key,
            name=choice.method.title,
            unit=look.unit(pool),
            colour=palette.colour_of(choice.method.id),
            dropped=palette.DROPPED,
            said=f"{n:,} of {look.samples(pool)} above it",
            log=log,
            moved=lambda value: _at_least(scored, value),
            height=_HEIGHT,
        )
    _numbers(choice, scored, n, columns, 10.0 ** -histogram.digits(found))


def _numbers(choice: Question, scored: Scored, n: int, columns: Sequence[DeltaGenerator], step: float) -> None:
    """The cut as numbers, one in each of three columns. step: of the score."""
    most = len(scored.falling)
    typed, part = float(f"{scored.cut(n):.6g}"), round(100 * n / choice.n, 4)
    for key, value in (("cut.score", typed), ("cut.count", n), ("cut.share", part)):
        keys.moved(key, value)
    columns[0].number_input(
        "Cut: score at least",
        value=typed,
        step=step,
        format="%.6g",
        key="cut.score",
        on_change=_typed,
        args=(scored,),
        help=f"Scores go from {look.score(scored.falling[-1])} to {look.score(scored.falling[0])}.",
    )
    columns[1].number_input(
        f"{look.unit(choice.pool).capitalize()} above it, 1 to {most:,}",
        1,
        most,
        n,
        step=max(1, most // 100),
        key="cut.count",
        on_change=lambda: budget.put(st.session_state["cut.count"]),
    )
    columns[2].number_input(
        "% of the pool" if choice.n == choice.pool.n else "% of the candidates",
        0.0,
        100.0,
        part,
        step=1.0,
        format="%.2f",
        key="cut.share",
        on_change=lambda: budget.put(
            min(most, max(1, math.floor(st.session_state["cut.share"] * choice.n / 100 + 0.5)))
        ),
        help=f"At most {100 * most / choice.n:.4g} % can be above it.",
    )


def _by_logarithm(method: str, found: histogram.Bins) -> bool:
    """Whether bars are drawn by their logarithm: by default where a few hold nearly everything and the others could not
    be seen.
    """
    high = sorted(found.counts)[-3:]
    by_default = sum(high) > 0.6 * sum(found.counts)
    return bool(
        keys.bound(
            st.toggle,
            "Bars by logarithm",
            f"cut.log.{method}",
            by_default,
            help="Makes small bars visible beside very large ones.",
        )
    )


def current(choice: Question, scored: Scored) -> int:
    """How many are above the cut: what was set; at first the published first stage, 30 %."""
    if keys.get("budget") is None:
        budget.put(granted("30%", choice.n))
    return budget.current(choice.pool, len(scored.falling))


def _at_least(scored: Scored, cut: float) -> None:
    budget.put(max(1, min(len(scored.falling), scored.above(cut))))


def _typed(scored: Scored) -> None:
    _at_least(scored, st.session_state["cut.score"])


@st.cache_resource(max_entries=24, show_spinner=False)
def _bins(key: str, _scored: Scored) -> histogram.Bins:
    return histogram.bins(_scored.falling)
