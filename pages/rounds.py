"""Label a part, come back, and go on only while it pays."""

import streamlit as st

from datasel_core.actions.task import parse_task
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.pools.persistence import pool_names
from datasel_core.pools.pool import Pool
from datasel_core.rounds.project import Project, of_pool
from datasel_core.rounds.proposal import propose, stops
from pages._ui.kit import disk, forms, keys, look, markdown, watch
from pages._ui.kit.onward import onward
from pages._ui.rounds import drawer, rail, table

_DONE = "rounds-done"


def page(pool: Pool) -> None:
    look.title("Rounds", "Label a part, come back, and go on only while it pays.")
    found = {one.plan.name: one for one in of_pool(disk.home(pool), pool)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="rounds-controls"):
        project = _which(found)
        with forms.drawer("New project", drawer.KEY, icon=":material/add:"):
            drawer.draw(pool)
        place = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    if (error := keys.get("error.rounds")) is not None:
        markdown.trouble(error)
    working = watch.at_work("rounds_next")
    if project is None:
        look.empty(
            "No project yet",
            f"A project splits a budget of {look.unit(pool)} over rounds; each follows what failed before. Open New "
            "project, and press Start.",
        )
        return
    with place:
        _next(project, working)
    st.markdown(table.sentence(project, pool))
    for reason in stops(project):
        markdown.say(f"Time to stop: {reason}", "warning")
    left, right = st.columns([72, 28], gap="medium")
    with left:
        table.draw(project, pool)
        table.chart(project)
        look.told(table.wall)(project, pool)
    with right:
        rail.draw(project)


def _which(found: dict[str, Project]) -> Project | None:
    if not found:
        return None
    names = list(found)
    usual = names[-1]
    name = keys.bound(st.selectbox, "Project", "rounds.project", usual, options=names, format_func=markdown.plain,
                       width=220)  # fmt: skip
    return found[name]


def _next(project: Project, working: bool) -> None:
    """The one button for the next step: choose a round, or say that it is done."""
    if project.is_open:
        one = project.rounds[-1]
        with forms.drawer(f"Round {one.at} is done", _DONE, icon=":material/check:", type="primary"):
            _done(project)
        onward("Export it", "pages/export.py", key="rounds", leads=False, run=one.run)
        return
    found = propose(project)
    if found is None:
        return
    st.button(
        f"Choose round {found.at}",
        key="rounds-next",
        type="primary",
        disabled=working,
        help=markdown.plain(found.words()),
        on_click=watch.start,
        args=("rounds_next", "rounds_next"),
        kwargs={"name": project.plan.name},
    )


def _done(project: Project) -> None:
    """What the round took, and what fails now."""
    one, home = project.rounds[-1], project.workspace
    items = st.number_input("Labelled", 0, value=one.planned.items, key="rounds-items")
    hours = st.number_input("Hours", 0.0, value=one.planned.hours or 0.0, step=0.5, key="rounds-hours")
    names = ["", *(name for name in pool_names(home) if name != project.plan.pool)]
    failures = st.selectbox(
        "What fails now", names, key="rounds-failures", format_func=lambda name: markdown.plain(name) or "nobody said",
        help="A pool of failures, which the next round follows: make one on the page Targets.",
    )  # fmt: skip
    disputed = st.number_input("Labellers disagree on, % of these", 0.0, 100.0, 0.0, key="rounds-disputed")
    accuracy = None
    if project.plan.stop.measure == "accuracy":
        accuracy = st.number_input("The model names rightly, %", 0.0, 100.0, 0.0, key="rounds-accuracy")
    if st.button("Done", key="rounds-close", type="primary"):
        given = {"items": items, "hours": hours, "failures": failures or None, "accuracy": accuracy}
        _close(project, {**given, "disputed": disputed if failures else None})


def _close(project: Project, given: dict) -> None:
    try:
        parse_task({"do": "rounds_done", "name": project.plan.name, **given}).prepare(project.workspace).run(Progress())
        keys.put("error.rounds", None)
    except DataselError as error:
        keys.put("error.rounds", str(error))
    forms.close(_DONE)
    st.rerun()


if (pool := keys.pool()) is None:
    look.title("Rounds")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
