"""The next thing to do: every end of work carries a button to it."""

from typing import Any

import streamlit as st

from pages._ui.kit import drawn, keys


def onward(label: str, page: str, *, key: str, leads: bool = True, **kept: Any) -> None:
    """Opens another page, on what it is to show. page: `pages/patterns.py`. leads: whether it is the one thing to do
    next. kept: values under the names of `keys`, such as `role` of the map; names with dots as `**{"data.tab": ...}`.
    """
    kind = "primary" if leads else "tertiary"
    if st.button(label, key=f"onward-{key}", type=kind, icon=":material/arrow_forward:"):
        for name, value in kept.items():
            keys.put(name, value)
        go(page)


def go(page: str) -> None:
    """Opens another page, for good. page: its file.

    Streamlit forgets it where the browser asks for another run in this very moment: the page that was left would be
    drawn again, and whatever led away from it is over.
    """
    st.empty()  # a run that waits already comes first
    keys.put("going", (drawn.page(), page))
    st.switch_page(page)


def arrive(page: str) -> None:
    """Goes on where somebody was sent, once, if this is the page that was to be left. page: the file of the one that
    begins.
    """
    left, to = keys.get("going", ("", ""))
    keys.put("going", None)
    if to and page == left != to:
        st.switch_page(to)
