"""What is to be said of a cut: one sentence with one number, and what a score means beside captions dealt anew."""

import streamlit as st

from datasel_core.analysis.agreement import Captions
from datasel_core.runs.question import Question
from pages._ui.image_text.scores import Scored
from pages._ui.kit import look, markdown
from pages._ui.question import encoders, targets


def draw(choice: Question, found: Scored, n: int) -> None:
    """**600 of 2,000 pairs** above the cut: what all of them have in common."""
    pool = choice.pool
    st.markdown(f"**{n:,} of {look.samples(pool)}** above the cut: {markdown.plain(_common(choice, found, n))}")


def more(choice: Question, found: Scored, n: int) -> None:
    """The other numbers of the cut, a line each."""
    pool, most = choice.pool, len(found.order)
    said = [f"{n:,} above the cut, {look.percent(n, pool.n)} of the pool; {most - n:,} below."]
    if pool.n > most:
        said.append(f"{pool.n - most:,} cannot be chosen.")
    low, high, cut = (look.score(one) for one in (found.falling[-1], found.falling[0], found.cut(n)))
    said.append(f"{choice.method.title} goes from {low} to {high}; the cut is at {cut}.")
    if (dealt := _dealt(choice)) is not None:
        said.append(f"{dealt.words} A caption dealt anew belongs to another picture: a wrong one.")
    st.markdown("\n".join(f"- {markdown.plain(one)}" for one in said))


def worth(choice: Question, found: Scored, row: int) -> str:
    """A score on a scale that people understand: `beats 93 %` or `beats all` of the wrong captions; `top 30 %` of all
    pairs where wrong captions have no such score.
    """
    dealt = _dealt(choice)
    if dealt is None:
        return f"top {_whole(found.place[row] / len(found.order))}"
    share = _beaten(choice, dealt, found.values[row])
    return "beats all" if share == 1 else f"beats {_whole(share)}"


def fits(choice: Question, score: float) -> str:
    """`fits better than 93 % of wrong ones`; nothing where captions dealt anew have no such score."""
    dealt = _dealt(choice)
    if dealt is None:
        return ""
    share, how = _beaten(choice, dealt, score), "better" if choice.method.keep == "high" else "worse"
    return f"fits {how} than {'every wrong one' if share == 1 else f'{_whole(share)} of wrong ones'}"


def _common(choice: Question, found: Scored, n: int) -> str:
    if told := fits(choice, found.cut(n)):
        return f"each caption {told}"
    towards = targets.said(choice.target)
    return f"the best by {choice.method.title}{f' {towards}' if towards else ''}"


def _dealt(choice: Question) -> Captions | None:
    """Captions dealt anew, where their cosines can be compared with the scores."""
    return encoders.agreement(choice) if choice.method.id == "clip_score" else None


def _beaten(choice: Question, dealt: Captions, score: float) -> float:
    return dealt.beaten(score) if choice.method.keep == "high" else 1 - dealt.beaten(-score)


def _whole(share: float) -> str:
    """`93 %`; what is not all is never said to be, nor what is little nothing."""
    return f"{100 * share:.0f} %" if 0.01 <= share <= 0.99 else "99 %" if share > 0.99 else look.percent(share, 1)
