"""The selections of a pool as a list: name, size, state and what builds on each; one of them beside it."""

import streamlit as st

from datasel_core.actions.task import parse_task, perform
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog.removal import why_not
from datasel_core.runs.catalog.shelf import Kept, shelf
from datasel_core.runs.run import State
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.kit.onward import onward

_STATES = {
    State.KEPT: "kept, whole",
    State.PREVIEW: "looked at, not kept",
    State.DAMAGED: "damaged",
    State.ASKED: "unfinished",
}
_AT = "data.kept"
_ALL_SHOWN = 12
"""Selections up to which the list is as long as they are many; a longer one scrolls."""


def draw(pool: Pool) -> None:
    previews = bool(keys.get("data.previews"))
    found = shelf(disk.home(pool), pool.fingerprint, previews)
    if not found:
        text = "A selection is kept on Select: choose a method and a budget, look, keep."
        look.empty("Nothing is kept yet", text, "Choose", "pages/select.py", key="no-selections")
        return
    size = look.size(sum(one.bytes for one in found))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="said"):
        many = look.many(len(found), "selection")
        st.markdown(f"**{many}** of {markdown.plain(pool.name)}, {size} on disk", width="content")
        keys.bound(st.toggle, "Those only looked at, too", "data.previews", False)
    left, right = st.columns([72, 28], gap="medium")
    with left:
        _table(pool, found)
    with right, st.container(key="rail"):
        _one(pool, next((one for one in found if one.key == keys.get(_AT)), found[0]))


def _table(pool: Pool, found: list[Kept]) -> None:
    columns = {
        "Name": [one.name for one in found],
        "Kept": [one.n for one in found],
        "Made": [one.created[:16].replace("T", " ") for one in found],
        "Size": [one.bytes for one in found],
        "State": [_STATES[one.state] for one in found],
        "Builds on it": [", ".join(one.builders) for one in found],
        "Note": [one.note for one in found],
    }

    def chosen() -> None:
        rows = st.session_state["selections"]["selection"]["rows"]
        if rows and rows[0] < len(found):
            keys.put(_AT, found[rows[0]].key)

    st.dataframe(
        columns,
        key="selections",
        hide_index=True,
        on_select=chosen,
        selection_mode="single-row",
        height="content" if len(found) <= _ALL_SHOWN else 420,
        column_config={
            "Kept": st.column_config.NumberColumn(help=f"How many {look.unit(pool)} it kept"),
            "Size": st.column_config.NumberColumn(format="bytes", help="Of its folder, on disk"),
        },
        alt=f"{len(found):,} selections of {pool.name}, the newest first",
    )
    st.caption("Times are UTC. Click one to see it beside the list.")


def _one(pool: Pool, one: Kept) -> None:
    st.markdown(f"**{markdown.plain(one.name)}**")
    if one.note:
        st.caption(markdown.plain(one.note))
    many = "" if one.n is None else f"{look.samples(pool, one.n)} of {pool.n:,}, "
    st.markdown(f"{many}{_STATES[one.state]}, {look.size(one.bytes)} on disk")
    if one.builders:
        st.caption(f"{markdown.plain(', '.join(one.builders))} {_verb(len(one.builders))} on it: it stays.")
    if one.state is State.KEPT:
        onward("Open", "pages/export.py", key="selection", run=one.key)
    with st.popover("Delete", key="selection-delete", icon=":material/delete:", type="tertiary"):
        _delete(pool, one)


def _verb(n: int) -> str:
    return "builds" if n == 1 else "build"


def _delete(pool: Pool, one: Kept) -> None:
    home = disk.home(pool)
    if said := why_not(home, home.run(one.key)):
        markdown.trouble(said)
        return
    st.caption("Its folder goes for good, with its record, name and note. Features and what was exported stay.")
    if not st.button("Delete for good", key="selection-delete-yes", type="primary", icon=":material/delete:"):
        return
    try:
        perform(home, parse_task({"do": "delete", "run": one.key}), Progress())
    except DataselError as error:
        markdown.trouble(error)
        return
    keys.put(_AT, None)
    if keys.get("run") == one.key:
        keys.put("run", None)
    keys.tell(f"{one.name} is deleted.", "success")
    st.rerun()
