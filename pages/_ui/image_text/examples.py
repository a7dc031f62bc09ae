"""Pairs around the cut, at both ends, where two scores disagree, and by words."""

import re

import numpy as np
import pyarrow.compute as pc
import streamlit as st

from datasel_core.runs.question import Question
from pages._ui.charts import colouring
from pages._ui.charts import map as canvas
from pages._ui.image_text import scorers, scores, sentence
from pages._ui.image_text.scores import Scored
from pages._ui.kit import disk, drawn, keys, look, palette
from pages._ui.media import cards

_MANY = 12
_SCATTER = "two-scores"


def cut(choice: Question, found: Scored, n: int) -> None:
    """What is just below the cut, and what is just above it."""
    left, right = st.columns(2, gap="medium")
    with left:
        look.section("Just below the cut", f"the best of {len(found.order) - n:,} below")
        _cards(choice, found, found.order[n : n + _MANY], n, "just-below", "Nothing is below the cut.")
    with right:
        look.section("Just above the cut", f"the lowest of {n:,} above")
        _cards(choice, found, found.order[max(0, n - _MANY) : n][::-1], n, "just-above", "Nothing is above the cut.")


def ends(choice: Question, found: Scored, n: int) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        look.section("Lowest scores", f"of {len(found.order):,}")
        _cards(choice, found, found.order[::-1][:_MANY], n, "lowest", "There are none.")
    with right:
        look.section("Highest scores", f"of {len(found.order):,}")
        _cards(choice, found, found.order[:_MANY], n, "highest", "There are none.")


def disagree(choice: Question, found: Scored, n: int) -> None:
    """Two scores against each other, by rank; the pairs on which they differ most; any region drawn around."""
    pool, known = choice.pool, scorers.every()
    others = {
        id: one.title for id, one in known.items() if id != choice.method.id and scorers.plain(pool, id) is not None
    }
    if not others:
        st.caption("There is no second score for this pool yet.")
        return
    id = next(iter(others)) if len(others) == 1 else _other(others)
    other_choice = scorers.plain(pool, id)
    other = scores.scored(other_choice) if other_choice else None
    if other is None:
        if (
            st.button(
                f"Score {look.samples(pool)} by {others[id]} too", key="score-other", icon=":material/play_arrow:"
            )
            and other_choice
        ):
            scores.start(other_choice)
            drawn.again()
        return
    both = np.flatnonzero((found.place > 0) & (other.place > 0))
    here, there = _share(found, both), _share(other, both)
    points = _points(f"{found.key}-{other.key}", both, here, there, pool.n)
    mine, theirs = choice.method.title, others[id]
    st.markdown(
        f"**{mine} against {theirs}** :small[:gray[{len(both):,} of {look.samples(pool)} by rank; the cards say both; "
        "draw around points to see them]]"
    )
    sides = ("above the cut", "below the cut")
    labels = colouring.by_kept(points, found.order[:n], palette.colour_of(choice.method.id), words=sides)
    left, right = st.columns([45, 55], gap="medium")
    with left:
        alt = f"Each pair by its rank in {mine} (right is better) and in {theirs} (up is better)."
        canvas.draw(
            _SCATTER,
            points,
            labels,
            canvas.Look(look.unit(pool), alt, height=500, hint=f"→ better by {mine}   ↑ better by {theirs}"),
        )
    inside = canvas.members(_SCATTER, points, labels)
    marked = bool(canvas.region(_SCATTER, points))
    with right:
        gap = here - there
        if marked:
            rows = points.owners[inside]
            look.section(
                f"{look.samples(pool, len(rows))} in the region", f"of {len(both):,}; those that differ most first"
            )
            order = np.argsort(-np.abs(_gap_of(rows, both, gap)), kind="stable")
            _two(choice, found, other, rows[order][: 2 * _MANY], n, "region")
            return
        look.section(f"Good by {mine}, bad by {theirs}")
        _two(choice, found, other, both[np.argsort(-gap, kind="stable")[: _MANY // 2]], n, "only-first")
        look.section(f"Bad by {mine}, good by {theirs}")
        _two(choice, found, other, both[np.argsort(gap, kind="stable")[: _MANY // 2]], n, "only-second")


def _other(others: dict[str, str]) -> str:
    return keys.bound(
        st.segmented_control,
        "Compare with",
        "pairs.other",
        next(iter(others)),
        options=list(others),
        format_func=others.get,
        required=True,
        label_visibility="collapsed",
    )


def search(choice: Question, found: Scored, n: int) -> None:
    """Pairs whose caption has words that begin so."""
    column = disk.caption_column(choice.pool)
    if column is None:
        st.caption("This pool has no captions to search.")
        return
    words = keys.bound(st.text_input, "Words in the caption", "pairs.words", "", placeholder="red bicycle").split()
    if not words:
        st.caption(
            "All of the words must be in the caption, in any order; the beginning of a word is enough: bus finds buses."
        )
        return
    rows = _matching(choice.pool.table_sha256, tuple(word.lower() for word in words), column)
    scored_rows = rows[found.place[rows] > 0]
    scored_rows = scored_rows[np.argsort(found.place[scored_rows], kind="stable")]
    above = int((found.place[scored_rows] <= n).sum())
    said = f"{above:,} above the cut, {len(scored_rows) - above:,} below; the best first"
    look.section(f"{look.samples(choice.pool, len(scored_rows))} with “{' '.join(words)}”", said)
    shown = (
        scored_rows
        if len(scored_rows) <= 4 * _MANY
        else np.concatenate([scored_rows[: 2 * _MANY], scored_rows[-2 * _MANY :]])
    )
    if len(shown) < len(scored_rows):
        st.caption(f"The best {2 * _MANY} and the last {2 * _MANY}.")
    _cards(choice, found, shown, n, "words", "None.")


def _cards(choice: Question, found: Scored, rows: np.ndarray, n: int, key: str, none: str) -> None:
    cards.cards(
        choice.pool,
        rows,
        key=f"cards-{key}",
        alt=f"{len(rows)} pairs with their scores",
        score=lambda row: f"#{found.place[row]:,}",
        more=lambda row: sentence.worth(choice, found, row),
        kept=lambda row: found.place[row] <= n,
        none=none,
    )


def _two(choice: Question, found: Scored, other: Scored, rows: np.ndarray, n: int, key: str) -> None:
    cards.cards(
        choice.pool,
        rows,
        key=f"cards-{key}",
        alt=f"{len(rows)} pairs with their places in both scores",
        score=lambda row: f"#{found.place[row]:,}",
        more=lambda row: f"#{other.place[row]:,}",
        kept=lambda row: found.place[row] <= n,
    )


def _share(found: Scored, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) 1 for the best, 0 for the last."""
    return 1 - (found.place[rows] - 1) / max(1, len(found.order) - 1)


def _gap_of(rows: np.ndarray, both: np.ndarray, gap: np.ndarray) -> np.ndarray:
    return gap[np.searchsorted(both, rows)]


@st.cache_resource(max_entries=6, show_spinner=False)
def _points(key: str, _rows: np.ndarray, _x: np.ndarray, _y: np.ndarray, n: int) -> canvas.Points:
    coordinates = np.full((n, 2), np.nan)
    coordinates[_rows, 0], coordinates[_rows, 1] = _x, _y
    return canvas.of_coordinates(key, coordinates)


@st.cache_resource(max_entries=50, show_spinner=False)
def _matching(table: str, words: tuple[str, ...], _column: object) -> np.ndarray:
    found = None
    for word in words:
        has = pc.match_substring_regex(_column, r"(^|[^\p{L}\p{N}_])" + re.escape(word), ignore_case=True)
        found = has if found is None else pc.and_(found, has)
    return np.flatnonzero(pc.fill_null(found, False).to_numpy())
