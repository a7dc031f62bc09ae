"""The cut through the scores: by dragging, as a score, as a count or as a share; all three always shown."""

import math

import streamlit as st

from datasel_core.methods.selection import granted
from datasel_core.runs.question import Question
from pages._ui.charts import histogram
from pages._ui.image_text.scores import Scored
from pages._ui.kit import keys, look, palette
from pages._ui.question import budget, encoders

_HEIGHT = 195


def widgets(choice: Question, scored: Scored) -> int:
    """Draws the histogram and the three numbers; the answer is how many are kept."""
    pool, most = choice.pool, len(scored.falling)
    n = _current(choice, most)
    cut, found = scored.cut(n), _bins(scored.key, scored)
    typed, part = float(f"{cut:.6g}"), round(100 * n / choice.n, 4)
    for key, value in (("cut.score", typed), ("cut.count", n), ("cut.share", part)):
        keys.moved(key, value)
    title, colour = choice.method.title, palette.colour_of(choice.method.id)
    said = f"{n:,} of {look.samples(pool)} kept"
    pairs = encoders.agreement(choice)
    left, right = (st.container(), None) if pairs is None else st.columns([66, 34], gap="medium")
    if right is not None:
        with right:
            encoders.chart(pairs, colour, _HEIGHT)
    with left:
        histogram.draw(
            "pairs.histogram",
            found,
            cut,
            scores=scored.key,
            name=title,
            unit=look.unit(pool),
            colour=colour,
            dropped=palette.DROPPED,
            said=said,
            log=_uneven(choice.method.id, found),
            moved=lambda value: _at_least(scored, value),
        )
    score, count, share = st.columns(3, gap="small")
    with score:
        st.number_input(
            "Cut: score at least",
            value=typed,
            step=10.0 ** -histogram.digits(found),
            format="%.6g",
            key="cut.score",
            on_change=_typed,
            args=(scored,),
            help=f"Scores go from {look.score(scored.falling[-1])} to {look.score(scored.falling[0])}.",
        )
    with count:
        st.number_input(
            f"{look.unit(pool).capitalize()} kept, 1 to {most:,}",
            1,
            most,
            n,
            step=max(1, most // 100),
            key="cut.count",
            on_change=lambda: budget.put(st.session_state["cut.count"]),
        )
    with share:
        st.number_input(
            "% of the pool kept" if choice.n == pool.n else "% of the candidates kept",
            0.0,
            100.0,
            part,
            step=1.0,
            format="%.2f",
            key="cut.share",
            on_change=lambda: budget.put(
                min(most, max(1, math.floor(st.session_state["cut.share"] * choice.n / 100 + 0.5)))
            ),
            help=f"At most {100 * most / choice.n:.4g} % can be kept.",
        )
    return n


def _uneven(method: str, found: histogram.Bins) -> bool:
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


def _current(choice: Question, most: int) -> int:
    """What was set; at first the published first stage, 30 %."""
    if keys.get("budget") is None:
        budget.put(granted("30%", choice.n))
    return budget.current(choice.pool, most)


def _at_least(scored: Scored, cut: float) -> None:
    budget.put(max(1, min(len(scored.falling), scored.above(cut))))


def _typed(scored: Scored) -> None:
    _at_least(scored, st.session_state["cut.score"])


@st.cache_resource(max_entries=24, show_spinner=False)
def _bins(key: str, _scored: Scored) -> histogram.Bins:
    return histogram.bins(_scored.falling)
