"""The parts of the page below the budget: the sentence, the wall, and at its right where the kept lie and why."""

import html

import streamlit as st

from datasel_core.runs.question import Question
from pages._ui.kit import keys, look
from pages._ui.media import photos
from pages._ui.question import answers
from pages._ui.question.answers import Answer
from pages._ui.select import pick, preview, sentence, shown, worth
from pages._ui.select.shown import Shown

_STAYS = """[data-testid="stColumn"]:has([class*="st-key-rail"]) > div { height: 100%; }
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-rail"]) { position: sticky; top: 52px; }"""
"""The rail stays in view while the wall beside it is scrolled."""
_RAIL = {"map": "Map", "curve": "Curve"}


def draw(found: Shown, n: int, enough: bool, working: bool) -> None:
    """n: the budget that is asked. enough: the answer is of that many."""
    choice, answer = found.choice, found.answer
    random = preview.baseline(choice, len(answer.rows))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="said"):
        if found.is_earlier:
            _line(f"{shown.words(found)}; press Choose {n:,}")
        elif not enough:
            _line(f"{len(answer.longer):,} are chosen so far; press Choose {n:,} to go on")
        else:
            sentence.draw(choice, answer, random)
            _compare(choice, answer, random, working)
        with st.popover("More numbers", type="tertiary", key="more-numbers"):
            look.section("Numbers", choice.method.title)
            sentence.more(choice, answer, random)
            worth.lacking(choice, answer)
        view, side = _view(choice, answer), _side()
    wall, rail = st.columns([72, 28], gap="medium")
    with wall, st.container(key="wall-outdated" if found.is_earlier else "wall-as-asked"):
        preview.wall(choice, answer, view)
    with rail, st.container(key="rail-outdated" if found.is_earlier else "rail"):
        st.html(f"<style>{_STAYS}</style>")
        if side == "map":
            st.fragment(look.told(preview.map_of))(choice, answer)
        else:
            other = None if random is None else preview.curve_of(choice, random)
            worth.curve(choice, answer, preview.curve_of(choice, answer), other, preview.colour(choice))
        pick.detail(choice, answer)


def candidates(choice: Question) -> None:
    """Some of what may be chosen, while nothing is: evenly from the whole pool, which may be sorted."""
    free = choice.candidates.free
    some = free[:: max(1, -(-len(free) // photos.A_PAGE))]
    if photos.can_show(choice.pool) and len(some):
        st.caption(f"{len(some):,} of the {look.samples(choice.pool, len(free))} that can be chosen")
        photos.wall(choice.pool, some, key="wall-candidates", height=preview.TALL)


def _line(text: str) -> None:
    st.html(f'<p class="ds-line" role="status">{html.escape(text)}</p>', width="content")


def _compare(choice: Question, answer: Answer, random: Answer | None, working: bool) -> None:
    """What would tell how good the choice is, where that is not known yet."""
    if worth.lacks(choice, answer):
        st.button(
            "Measure random choices",
            key="yardstick",
            type="tertiary",
            icon=":material/straighten:",
            disabled=working,
            help="Once, up to a minute: then every selection says how many random ones it is worth.",
            on_click=worth.measure,
            args=(choice,),
        )
    elif random is None and choice.method.id != "random" and worth.of(choice, answer) is None:
        st.button(
            "Compare with random",
            key="baseline",
            type="tertiary",
            icon=":material/casino:",
            disabled=working,
            help="Chooses as many at random, to see how much nearer these are.",
            on_click=_baseline,
            args=(choice, len(answer.rows)),
        )


def _baseline(choice: Question, n: int) -> None:
    answers.start(answers.by(choice, "random"), answers.longer(choice, n), "baseline", keep=False)
    keys.put("select.started", True)


def _view(choice: Question, answer: Answer) -> str:
    views = preview.views(choice, answer)
    return keys.bound(
        st.segmented_control,
        "Show",
        "select.show",
        "kept",
        options=list(views),
        format_func=views.get,
        required=True,
        label_visibility="collapsed",
    )


def _side() -> str:
    """What the rail shows of where the kept lie."""
    return keys.bound(
        st.segmented_control,
        "At the right",
        "select.rail",
        "map",
        options=list(_RAIL),
        format_func=_RAIL.get,
        required=True,
        label_visibility="collapsed",
    )
