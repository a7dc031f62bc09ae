"""Room on the disk: how much the workspace takes, what of it can go, and what goes because somebody ticked it."""

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.runs.catalog import cleanup
from datasel_core.runs.catalog.cleanup import KINDS, Item, Space
from pages._ui.kit import keys, look, markdown

_MOST = 12
"""Things of a kind that are named one by one."""


def draw() -> None:
    """`Space: 1.2 GB, 300 MB can go`, which opens."""
    if not st.toggle("Space on disk", key="room-open", help="What the workspace takes, and what of it can go."):
        return
    try:
        there = cleanup.space(keys.workspace())
    except DataselError as error:
        markdown.trouble(error)
        return
    can = sum(item.bytes for item in there.items)
    st.markdown(f"Space: **{look.size(there.total)}**, {look.size(can)} can go")
    for said in there.stays:
        st.caption(markdown.plain(said))
    if not there.items:
        st.caption("Nothing can go: all of it belongs to pools, kept selections and what they name.")
        return
    ticked = [item for kind in KINDS for item in _kind(kind, there)]
    size = look.size(sum(item.bytes for item in ticked))
    label = f"Delete what is ticked, {size}"
    if st.button(label, key="room-delete", type="primary", icon=":material/delete:", disabled=not ticked):
        _remove(ticked)


def _kind(kind: str, there: Space) -> list[Item]:
    """One line that is ticked or not, and what it stands for."""
    mine = sorted((item for item in there.items if item.kind == kind), key=lambda item: -item.bytes)
    if not mine:
        return []
    about = KINDS[kind]
    tick, what = st.columns([46, 54], gap="small", vertical_alignment="center")
    with tick:
        label = f"{about.title} · {look.size(sum(item.bytes for item in mine))}"
        ticked = keys.bound(st.checkbox, label, f"room.{kind}", False)
    with what, st.expander(f"{look.many(len(mine), 'thing')} · {about.then}"):
        for item in mine[:_MOST]:
            st.caption(f"{markdown.code(item.name)} {look.size(item.bytes)} {markdown.plain(item.words)}")
        if len(mine) > _MOST:
            st.caption(f"and {len(mine) - _MOST:,} more")
    return mine if ticked else []


def _remove(ticked: list[Item]) -> None:
    try:
        done = cleanup.remove(keys.workspace(), [item.name for item in ticked])
    except DataselError as error:
        markdown.trouble(error)
        return
    for kind in KINDS:
        keys.put(f"room.{kind}", None)
    said = f"{look.many(len(done.names), 'thing')} deleted, {look.size(done.bytes)} freed."
    keys.tell(" ".join([said, *done.failed[:3]]), "warning" if done.failed else "success")
    st.rerun()
