"""Text that others wrote, such as names, paths and the errors that quote them, where Streamlit reads Markdown."""

import re

import streamlit as st

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!~:$|])")


def plain(text: str) -> str:
    """Text of a stranger, as it is, where Markdown is read: else it could dress up the page, or have the browser fetch
    a picture from elsewhere.
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """The same as a name: in the letters of code, whatever stands in it."""
    text = " ".join(text.split())
    return f"`{text}`" if text and "`" not in text else plain(text)


def trouble(said: object) -> None:
    """What went wrong, in a box. Its words may quote a name of a file or what a person typed, so they are plain."""
    st.error(plain(str(said)), icon=":material/error:")
