"""What a selection is called and what is noted about it, as a form: the same when it is kept and later."""

import streamlit as st

from datasel_core.runs.catalog.label import LONGEST_NAME, LONGEST_NOTE


def fields(key: str, name: str, note: str, usual: str, action: str) -> tuple[str, str] | None:
    """Draws the form; (name, note) once it is sent. usual: what it is called by default; that is no name of its own."""
    with st.form(key, border=False):
        entered = st.text_input("Name", name, max_chars=LONGEST_NAME, placeholder=usual, key=f"{key}.name").strip()
        noted = st.text_area(
            "Note",
            note,
            max_chars=LONGEST_NOTE,
            height=96,
            placeholder="What it is for, and why it was chosen so",
            key=f"{key}.note",
        )
        st.caption("Both stay in this workspace: they change nothing of the selection, and leave only if you ask.")
        sent = st.form_submit_button(action, type="primary", icon=":material/check:", key=f"{key}.send")
    return ("" if entered == usual else entered, noted.strip()) if sent else None
