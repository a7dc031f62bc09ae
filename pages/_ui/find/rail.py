"""One thing that was found: what it shows, where the words stand in it, and what is like it."""

import html

import numpy as np
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.find import texts, words
from datasel_core.runs.find.found import MEANING, SIMILAR, WORDS, Found
from pages._ui.find import answer as answers
from pages._ui.find import onto
from pages._ui.kit import keys, markdown
from pages._ui.media import photos, reasons

_TALL = 240


def opened(answer: Found) -> int | None:
    """The row that is looked at: the address says its id; the first one until one is clicked. None where there is
    none.
    """
    pool, said = answer.pool, keys.get("find.open")
    if said is not None:
        there = np.flatnonzero(pool.ids == str(said))
        if len(there):
            return int(there[0])
    return int(answer.rows[0]) if len(answer.rows) else None


def look_at(pool: Pool, row: int) -> None:
    keys.put("find.open", str(pool.ids[row]))


def draw(answer: Found) -> None:
    row = opened(answer)
    if row is None:
        st.caption("Nothing to look at.")
        return
    pool, places = answer.pool, np.flatnonzero(answer.rows == row)
    _head(answer, int(places[0]) if len(places) else None)
    reasons.picture(pool, row, None, tall=_TALL)
    if not photos.can_show(pool):
        for name in [name for name in pool.columns if name not in ("id", "path")][:8]:
            st.markdown(f":gray[{markdown.plain(name)}]  \n{markdown.plain(str(pool.value(name, row)))}")
    st.markdown(reasons.named(pool, row))
    if len(places):
        _why(answer, row, int(places[0]))
    if answer.asked.by == SIMILAR and photos.has_photos(pool):
        _beside(answer)
    onto.similar_to(pool, row, "found")


def _head(answer: Found, at: int | None) -> None:
    """Its place among all, and the arrows."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        n = len(answer.rows)
        st.markdown("**Not among them**" if at is None else f"**{at + 1:,} of {n:,}**", width="content")
        for label, to, shortcut in (("Back", (at or 0) - 1, "left"), ("Next", -1 if at is None else at + 1, "right")):
            there = 0 <= to < n
            st.button(
                label,
                key=f"found-{label}",
                shortcut=shortcut,
                disabled=not there,
                on_click=look_at,
                args=(answer.pool, int(answer.rows[to]) if there else 0),
            )
        if at is None and n:
            st.button("First", key="found-first", type="tertiary", on_click=keys.put, args=("find.open", None))


def _why(answer: Found, row: int, at: int) -> None:
    by, score = answer.asked.by, float(answer.scores[at]) if len(answer.scores) else 0.0
    if by == SIMILAR:
        st.caption(f"{100 * max(0.0, score):.0f} % alike, by {markdown.plain(answers.space(answer))}.")
    elif by == MEANING:
        tip = f"Cosine {score:.3f} between the vector of the text and that of the picture."
        st.caption(f"Number {at + 1:,} of {answer.of:,} by {markdown.plain(answers.space(answer))}.", help=tip)
    elif by == WORDS:
        try:
            found = texts.places(answer.pool, row, words.read(answer.asked.words))
        except DataselError as error:
            markdown.trouble(error)
            return
        st.html(f'<div class="ds-found">{"".join(map(_place, found))}</div>')


def _beside(answer: Found) -> None:
    """What the others are alike to."""
    there = np.flatnonzero(answer.pool.ids == answer.asked.similar)
    st.markdown("**Like this one**")
    photos.wall(answer.pool, there, key=f"find-like-{answers.tag(answer)}", height=96)


def _place(place: texts.Place) -> str:
    """The words in the text around them."""
    parts = [
        f"<mark>{html.escape(part)}</mark>" if at % 2 else html.escape(part) for at, part in enumerate(place.parts)
    ]
    return f"<p><b>{html.escape(place.column)}</b> {''.join(parts)}</p>"


def actions(answer: Found) -> None:
    """What can be done with all that was found."""
    said = answer.saying.removeprefix(f"{len(answer.rows):,} ")
    onto.choose_from(answer.pool, answer.rows, f"({said})" if said == answer.saying else said, "found", keeps=True)
