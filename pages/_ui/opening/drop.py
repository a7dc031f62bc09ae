"""Dropping files or a folder into the browser: they are copied below the workspace, and opened there like any other."""

from collections.abc import Callable

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.workspace.uploads import MOST, Dropped, receive
from pages._ui.kit import keys, markdown, watch

_TURN = "drop.turn"


def ask(take: Callable[[str], None]) -> None:
    """Draws both places to drop. take: called with the path of the copies, once."""
    turn, most = int(keys.get(_TURN, 0)), MOST // 10**6
    with st.container(key="drop"):
        left, right = st.columns(2, gap="small")
        with left:
            files = st.file_uploader(
                "Or drop files", accept_multiple_files=True, key=f"drop-files-{turn}", max_upload_size=most
            )
        with right:
            folder = st.file_uploader(
                "Or drop a folder", accept_multiple_files="directory", key=f"drop-folder-{turn}", max_upload_size=most
            )
    st.caption(f"What is dropped is copied into the workspace, at most {most / 1000:g} GB together.")
    if said := watch.error("drop"):
        markdown.trouble(said)
    if found := [*files, *folder]:
        keys.put("error.drop", None)
        try:
            with st.spinner("Copying it into the workspace..."):
                take(str(receive(keys.workspace(), [Dropped(one.name, one.getbuffer()) for one in found])))
        except DataselError as error:
            keys.put("error.drop", str(error))
        keys.put(_TURN, turn + 1)  # two empty places: what was handed over need not stay in memory
        st.rerun()
