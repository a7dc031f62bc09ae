"""The cut through the scores: by dragging, as a score, as a count or as a share; all three always shown."""

import math

import streamlit as st

from datasel_core.selection import granted
from pages._ui import budget, histogram, keys, look
from pages._ui.choosing import Choice
from pages._ui.scored import Scored


def widgets(choice: Choice, scored: Scored) -> int:
    """Draws the histogram and the three numbers; the answer is how many are kept."""
    pool, most = choice.pool, len(scored.falling)
    n = _current(choice, most)
    cut, found = scored.cut(n), _bins(scored.key, scored)
    _set("cut.score", round(cut, histogram.digits(found) + 2))
    _set("cut.count", n)
    _set("cut.share", round(100 * n / pool.n, 4))
    title = choice.method.title
    said = f"{n:,} of {look.samples(pool)} kept"
    histogram.draw("pairs.histogram", found, cut, scores=scored.key, name=title, unit=look.unit(pool), colour=look.colour_of(choice.method.id),
                   dropped=look.DROPPED, said=said, moved=lambda value: _at_least(scored, value))  # fmt: skip
    score, count, share = st.columns(3, gap="small")
    places = histogram.digits(found) + 2
    with score:
        st.number_input("Cut: score at least", step=10.0 ** -(places - 2), format=f"%.{places}f", key="cut.score", on_change=_typed, args=(scored,),
                        help=f"Scores go from {scored.falling[-1]:.{places}f} to {scored.falling[0]:.{places}f}.")  # fmt: skip
    with count:
        st.number_input(f"{look.unit(pool).capitalize()} kept, 1 to {most:,}", 1, most, step=max(1, most // 100), key="cut.count",
                        on_change=lambda: budget.put(st.session_state["cut.count"]))  # fmt: skip
    with share:
        st.number_input("% of the pool kept", 0.0, 100.0, step=1.0, format="%.2f", key="cut.share",
                        on_change=lambda: budget.put(min(most, max(1, math.floor(st.session_state["cut.share"] * pool.n / 100 + 0.5)))),
                        help=f"At most {100 * most / pool.n:.4g} % can be kept.")  # fmt: skip
    return n


def _current(choice: Choice, most: int) -> int:
    """What was set; at first the published first stage, 30 %."""
    if keys.get("budget") is None:
        budget.put(granted("30%", choice.pool.n))
    return budget.current(choice.pool, most)


def _at_least(scored: Scored, cut: float) -> None:
    budget.put(max(1, min(len(scored.falling), scored.above(cut))))


def _typed(scored: Scored) -> None:
    _at_least(scored, st.session_state["cut.score"])


def _set(key: str, value: float) -> None:
    if st.session_state.get(key) != value:
        st.session_state[key] = value


@st.cache_resource(max_entries=24, show_spinner=False)
def _bins(key: str, _scored: Scored) -> histogram.Bins:
    return histogram.bins(_scored.falling)
