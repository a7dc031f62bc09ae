"""A drawer of settings that closes itself once what it was opened for is done."""

from typing import Any

import streamlit as st


def drawer(label: str, key: str, **options: Any) -> Any:
    """A popover that `close` can shut; options: as `st.popover` takes them.

    Not by Streamlit's own state of it (`on_change`): a popover that has one asks for another run when it is drawn, and
    a page that is opened meanwhile is lost.
    """
    return st.popover(label, key=f"{key}-{st.session_state.get(_times(key), 0)}", **options)


def close(key: str) -> None:
    """Shuts it at the next drawing of the page: another one, which is closed, stands in its place then."""
    st.session_state[_times(key)] = st.session_state.get(_times(key), 0) + 1


def _times(key: str) -> str:
    return f"closed.{key}"
