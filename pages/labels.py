"""Labels that came back: how many, how far labellers agree, who labelled, and what wants a second look."""

from typing import Any

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown, strip, watch
from pages._ui.kit.onward import onward
from pages._ui.labels import bring, people, reading, second_look, sentence

_MOST = 200
"""Samples that are labelled once more at a time."""
_LEAD = "What people said of your samples, and what follows from it."


def page(pool: Pool) -> None:
    look.title("Labels", _LEAD)
    strip.preview("Labels", pool, None)
    with st.container(key="labels-work"):
        working = bring.at_work(pool)
    if not reading.stamps(pool):
        _nothing(pool, working)
        return
    run = _controls(pool, working)
    known = keys.get("labels.known") or None
    try:
        said = reading.said(pool, run, known if known in pool.columns else None)
        labels = reading.labels(pool, run)
    except DataselError as error:
        markdown.trouble(error)
        return
    again = labels.again()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="said"):
        sentence.draw(pool, said)
        with st.popover("More numbers", type="tertiary", key="more-numbers"):
            look.section("Numbers", "of these labels")
            sentence.more(said)
            _known(pool)
        _next(pool, run, len(again), working)
    main, side = st.columns([72, 28], gap="medium")
    with main:
        if again:
            second_look.wall(pool, again)
        else:
            st.caption(_agreed(said))
        people.labellers(pool, said)
    with side, st.container(key="rail"):
        second_look.opened(pool, again)
        people.classes(pool, said)


def _nothing(pool: Pool, working: bool) -> None:
    text = (
        f"Export some of the {look.samples(pool)}, have them labelled, and bring back what the tool wrote. They are "
        "found by their ids."
    )
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, key="card-labels"):
        look.section("No labels have come back yet", "a few seconds")
        st.caption(text)
        bring.labels_form(pool, _run(pool), working)
    with right, st.container(border=True, key="card-failures"):
        look.section("Or begin with what a model fails on")
        bring.failures_form(pool, working)
        _more_like(bring.targets(pool))


def _controls(pool: Pool, working: bool) -> str:
    """One row: of which samples, and what can be brought. Returns the key of a selection, or nothing for all."""
    runs = {run.key: run for run in disk.runs(pool)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="labels-controls"):
        with st.container(width=420):
            run = keys.bound(
                st.selectbox,
                "Labels of",
                "labels.of",
                "",
                options=["", *runs],
                format_func=lambda key: look.listed(runs[key]) if key else f"All {look.samples(pool)}",
            )
        times = keys.get("labels.times", 0)  # a popover whose work is done stands closed: it is another one
        with st.popover("Bring labels back", key=f"labels-popover-{times}", icon=":material/input:"):
            look.section("Bring labels back", "those that are there stay")
            bring.labels_form(pool, run, working)
        with st.popover("What a model fails on", key=f"failures-popover-{times}", icon=":material/troubleshoot:"):
            look.section("Failures as target", "then more like these are chosen")
            bring.failures_form(pool, working)
    return run


def _run(pool: Pool) -> str:
    """The selection that is active: what was exported last is what comes back, where it is of this pool."""
    return run.key if (run := disk.find_run(pool, keys.get("run"))) is not None else ""


def _known(pool: Pool) -> None:
    """Which column says what is right of the gold set."""
    if not disk.aside(pool)[-1]:
        return
    columns = [name for name in pool.columns if name not in ("id", "path", *pool.long_columns)]
    keys.bound(
        st.selectbox,
        "Right answers of the gold set",
        "labels.known",
        "",
        options=["", *columns],
        format_func=lambda name: name or "the pool's own labels",
    )


def _agreed(said: dict[str, Any]) -> str:
    if said["agreement"]["share"] is None:
        return "Nothing was labelled by two people yet: where they disagree, it will be shown here."
    return "All that several labelled is labelled alike: there is nothing to look at again."


def _next(pool: Pool, run: str, n: int, working: bool) -> None:
    """What comes after: more like what fails, and what to label once more."""
    targets = bring.targets(pool)
    with st.container(horizontal=True, gap="small", horizontal_alignment="right", key="labels-next"):
        _more_like(targets)
        made = keys.get("labels.again")
        if n and made and made == keys.get("run"):
            onward("Export these", "pages/export.py", key="labels-again", leads=not targets)
        elif n:
            st.button(
                f"Label these {min(n, _MOST):,} once more",
                key="labels-again",
                icon=":material/replay:",
                disabled=working,
                help="Makes a selection of them, to be exported.",
                on_click=_again,
                args=(pool, run, min(n, _MOST)),
            )


def _more_like(targets: list[str]) -> None:
    if targets:
        onward("More like these failures", "pages/targets.py", key="failures", **{"select.target": targets[0]})


def _again(pool: Pool, run: str, n: int) -> None:
    watch.start(bring.AGAIN, "labels_again", run=run or pool.name, n=n)


if (pool := keys.pool()) is None:
    look.title("Labels")
    look.empty("No pool is open", "Open data, or try the demo, on the Data page.", "Go to Data", "pages/data.py")
else:
    look.told(page)(pool)
