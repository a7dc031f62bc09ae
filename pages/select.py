"""Choosing: a method, a budget, and at once what is kept, what is dropped, and why."""

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.kit import drawn, keys, look, strip, watch
from pages._ui.kit.onward import onward
from pages._ui.question import answers, budget, settings
from pages._ui.question.answers import Answer
from pages._ui.select import parts, shown


def page(pool: Pool) -> None:
    look.title("Select", "Which are worth paying for: choose, look, keep.")
    answers.tell_kept(pool)
    choice = settings.ask(pool)
    if choice is None:
        strip.preview("Select", pool, None)
        return
    with st.container(key="at-work"):  # it lies over the page, so that nothing moves when work comes and goes
        working = [watch.at_work(name) for name in ("choose", "keep", "baseline", "yardstick")]
    st.fragment(look.told(live))(choice, any(working))


def live(choice: Question, working: bool) -> None:
    """Everything that follows the budget; only this part runs again while it is dragged."""
    if keys.get("select.started"):
        keys.put("select.started", None)
        drawn.again()
    n = budget.current(choice.pool, answers.free(choice))
    answer = answers.answer(choice, n)
    enough = answer is not None and (len(answer.rows) >= n or len(answer.longer) < asked(answer))
    same = answers.exact(choice, n)
    active = same is not None and same.key == keys.get("run")
    _controls(choice, n, answer, enough, active, working)
    found = shown.of(choice, n, answer)
    strip.preview("Select", choice.pool, None if found is None or active else shown.told(found))
    if found is None:
        if not working:
            then = (
                f": one run of {answers.longer(choice, n):,} then shows every smaller budget at once."
                if answers.longer(choice, n) > n
                else " to see what is kept."
            )
            look.empty("Nothing chosen yet", f"Press Choose {n:,}{then}", key="choose-hint")
        parts.candidates(choice)
        return
    parts.draw(found, n, enough, working)


def asked(answer: Answer) -> int:
    """How many a run was asked for; a method may keep fewer."""
    requested = str(answer.run.manifest["budget"]["requested"])
    return int(requested) if requested.isdigit() else len(answer.longer)


def _controls(choice: Question, n: int, answer: Answer | None, enough: bool, active: bool, working: bool) -> None:
    """The budget, Choose and Keep. enough: what is asked was chosen already. active: and it is the selection."""
    controls, actions = st.columns([64, 36], gap="small", vertical_alignment="bottom")
    with controls:
        budget.widgets(choice.pool, answers.free(choice), len(answer.rows) if enough and answer is not None else None)
    with actions, st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button(
            f"Choose {n:,}",
            key="choose",
            type="secondary" if enough else "primary",
            disabled=enough or working,
            help=_why_not_choose(n, enough, working) or _help(choice, n),
            on_click=_start,
            args=(choice, n),
        )
        st.button(
            "Kept" if active else "Keep selection",
            key="keep",
            type="primary" if enough and not active else "secondary",
            icon=":material/check:",
            disabled=not enough or active or working,
            help=_why_not_keep(n, enough, active, working)
            or "Makes this the selection, with a manifest that anyone can verify.",
            on_click=_keep,
            args=(choice, n),
        )
        if active:
            onward("Export", "pages/export.py", key="select")


def _why_not_choose(n: int, enough: bool, working: bool) -> str:
    if enough:
        return f"These {n:,} are chosen already: another method, budget or setting is chosen anew."
    return "Something is being worked on; this waits for it." if working else ""


def _why_not_keep(n: int, enough: bool, active: bool, working: bool) -> str:
    if active:
        return "This is the selection, and is kept."
    if not enough:
        return f"Nothing is chosen with these settings yet: press Choose {n:,} first."
    return "Something is being worked on; this waits for it." if working else ""


def _help(choice: Question, n: int) -> str:
    longer = answers.longer(choice, n)
    return (
        f"Runs {choice.method.title} for "
        f"{longer:,}{', so that every smaller budget can be shown at once' if longer > n else ''}."
    )


def _start(choice: Question, n: int) -> None:
    answers.start(choice, answers.longer(choice, n), "choose", keep=False)
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
