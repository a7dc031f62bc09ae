"""Finding samples: by words, by what is like one of them, by what a text says of a picture; and going on with them."""

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.filters.counting import Counting
from datasel_core.runs.find.found import SIMILAR, Found
from pages._ui.find import answer as answers
from pages._ui.find import asked, onto, rail
from pages._ui.find.asked import Request
from pages._ui.kit import drawn, grouping, keys, look, markdown
from pages._ui.media import photos

_HEIGHT, _MOST = 96, 60


def page(pool: Pool) -> None:
    look.title("Find", "By words, by what is similar, by what a picture shows; then choose among what was found.")
    request = asked.draw(pool)
    if request.trouble is not None:
        markdown.trouble(request.trouble)
        return
    if request.counting is not None:
        look.empty("Counting what the filter matches", "The answer waits for it.", key="find-counting")
        st.fragment(_wait, run_every=0.5)(request.counting)
        return
    if request.asked is None:
        _nothing_asked(pool, request)
        return
    answer = answers.of(pool, request)
    if answer is not None:
        _found(answer)


def _wait(counting: Counting) -> None:
    if counting.is_left or counting.wait(0):
        drawn.again()


def _nothing_asked(pool: Pool, request: Request) -> None:
    """What there is, so that there is something to begin with."""
    said = "Click one to see what is like it" if request.by == SIMILAR else "Write what to look for"
    st.markdown(f"**{said}**; these are some of {look.samples(pool)}.")
    rows = grouping.in_turn(pool)
    photos.wall(pool, rows, key=f"find-all-{request.by}", height=_HEIGHT, most=_MOST, on_open=_opener(pool, request.by))


def _opener(pool: Pool, by: str):
    def opened(row: int) -> None:
        if by == SIMILAR:
            onto.look_for_similar(pool, row)
        else:
            rail.look_at(pool, row)

    return opened


def _found(answer: Found) -> None:
    pool = answer.pool
    for note in answer.notes:
        markdown.warning(note)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="said"):
        st.markdown(answers.saying(answer), help=answers.order(answer), width="content")
        if len(answer.rows):
            rail.actions(answer)
    if not len(answer.rows):
        look.empty("Nothing was found", answers.hint(answer), key="found-none")
        return
    left, right = st.columns([72, 28], gap="medium")
    with left:
        badges = {int(row): answers.badge(answer, at) for at, row in enumerate(answer.rows.tolist())}
        key = f"wall-found-{answers.tag(answer)}"
        photos.wall(pool, answer.rows, key=key, height=_HEIGHT, most=_MOST, badges=badges, on_open=_opener(pool, ""))
    with right, st.container(key="rail"):
        rail.draw(answer)


if (pool := keys.pool()) is None:
    look.title("Find")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
