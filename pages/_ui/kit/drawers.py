"""A drawer of settings that closes itself once what it was opened for is done."""

from typing import Any

import streamlit as st


def drawer(label: str, key: str, **options: Any) -> Any:
    """A popover that `close` can shut; options: as `st.popover` takes them."""
    if st.session_state.pop(_asked(key), False):
        st.session_state[key] = False
    return st.popover(label, key=key, on_change="rerun", **options)


def close(key: str) -> None:
    """Shuts it at the next drawing of the page: a widget that is drawn already cannot be moved in this one."""
    st.session_state[_asked(key)] = True


def _asked(key: str) -> str:
    return f"close.{key}"
