"""Choosing: a method, a budget, and at once what is kept, what is dropped, and why."""

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.kit import keys, look, markdown, watch
from pages._ui.question import answers, budget, methods, where
from pages._ui.select import pick, preview, worth

_STAYS = """[data-testid="stColumn"]:has(.st-key-why) > div { height: 100%; }
[data-testid="stLayoutWrapper"]:has(> .st-key-why) { position: sticky; top: 52px; }"""
"""The detail stays in view while the wall beside it is scrolled."""


def page(pool: Pool) -> None:
    look.title("Select", "Choose a method and a budget; see what is kept and why; keep the selection when it is right.")
    answers.tell_kept(pool)
    left, right = st.columns([27, 73], gap="medium")
    with left:
        choice = methods.settings(pool)
    with right:
        if choice is None:
            if where.instead(pool):
                return
            look.empty(
                "No method can be used yet",
                "Mend what is marked on the left, or compute a feature on the Data page.",
                "Go to Data",
                "pages/data.py",
                **{"data.view": "features"},
            )
            return
        with st.container(key="at-work"):  # a place of its own, so that nothing below moves when work comes and goes
            working = [watch.at_work(name) for name in ("choose", "keep", "baseline", "yardstick")]
        st.fragment(look.told(live))(choice, any(working))


def live(choice: Question, working: bool) -> None:
    """Everything that follows the budget; only this part runs again while it is dragged."""
    if keys.get("select.started"):
        keys.put("select.started", None)
        st.rerun(scope="app")
    pool = choice.pool
    controls, actions = st.columns([66, 34], gap="small", vertical_alignment="bottom")
    with controls:
        n = budget.widgets(pool, answers.free(choice))
    answer = answers.answer(choice, n)
    enough = answer is not None and (len(answer.rows) >= n or len(answer.longer) < _asked(answer))
    with actions, st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button(
            f"Choose {n:,}",
            key="choose",
            type="secondary" if enough else "primary",
            disabled=enough or working,
            help=_help(choice, n),
            on_click=_start,
            args=(choice, n),
        )
        same = answers.exact(choice, n)
        active = same is not None and same.key == keys.get("run")
        st.button(
            "Kept" if active else "Keep selection",
            key="keep",
            type="primary" if enough and not active else "secondary",
            icon=":material/check:",
            disabled=not enough or active or working,
            help="Makes this the selection, with a manifest that anyone can verify.",
            on_click=_keep,
            args=(choice, n),
        )
    if answer is None:
        if not working:
            then = (
                f": one run of {answers.longer(choice, n):,} then shows every smaller budget at once."
                if answers.longer(choice, n) > n
                else " to see what is kept."
            )
            look.empty("Nothing chosen yet", f"Press Choose {n:,}{then}", key="choose-hint")
        return
    if not enough:
        markdown.say(f"{len(answer.longer):,} are chosen so far; press Choose {n:,} to go on.", "warning")
    elif len(answer.rows) < n:
        markdown.say(f"This method keeps {len(answer.rows):,} and no more: it asked for nothing else.", "info")
    random = preview.baseline(choice, len(answer.rows))
    preview.sentence(choice, answer, random)
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
    curve, strip = st.columns(2, gap="medium")
    with curve:
        other = preview.curve_of(choice, random) if random is not None else None
        held_out = worth.curve(choice, answer, preview.curve_of(choice, answer), other, preview.colour(choice))
        if random is None and choice.method.id != "random" and not held_out:
            st.button(
                "Compare with random",
                key="baseline",
                type="tertiary",
                icon=":material/casino:",
                disabled=working,
                on_click=_baseline,
                args=(choice, n),
            )
    with strip:
        st.fragment(look.told(preview.strip))(choice, answer)
    wall, detail = st.columns([62, 38], gap="medium")
    with wall:
        views = preview.views(choice, answer)
        show = keys.bound(
            st.segmented_control,
            "Show",
            "select.show",
            "kept",
            options=list(views),
            format_func=views.get,
            required=True,
            label_visibility="collapsed",
        )
        preview.wall(choice, answer, show)
    with detail, st.container(key="why"):
        st.html(f"<style>{_STAYS}</style>")
        pick.detail(choice, answer)


def _asked(answer: answers.Answer) -> int:
    return (
        int(answer.run.manifest["budget"]["requested"])
        if str(answer.run.manifest["budget"]["requested"]).isdigit()
        else len(answer.longer)
    )


def _help(choice: Question, n: int) -> str:
    longer = answers.longer(choice, n)
    return (
        f"Runs {choice.method.title} for "
        f"{longer:,}{', so that every smaller budget can be shown at once' if longer > n else ''}."
    )


def _start(choice: Question, n: int) -> None:
    answers.start(choice, answers.longer(choice, n), "choose", keep=False)
    keys.put("select.started", True)


def _baseline(choice: Question, n: int) -> None:
    answers.start(answers.by(choice, "random"), answers.longer(choice, n), "baseline", keep=False)
    keys.put("select.started", True)


def _keep(choice: Question, n: int) -> None:
    answers.keep(choice, n)
    keys.put("select.started", True)


if (pool := keys.pool()) is None:
    look.title("Select")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
