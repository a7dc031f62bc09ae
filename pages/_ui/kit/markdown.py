"""Text that others wrote, such as names, paths and the errors that quote them, where Streamlit reads Markdown: in
boxes, captions, labels, options and tips alike.
"""

import re
from collections.abc import Iterable
from typing import Literal

import streamlit as st

Kind = Literal["success", "info", "warning", "error"]

_MARKDOWN = re.compile(r"[\\`*_\[\]<>#!~:$|&]")
_BEGIN = re.compile(r"^(?:\d+(?=[.)])|(?=[-+=]))")
"""What would make a list, a rule or a heading of a line."""
_ICONS = {"success": "check", "info": "info", "warning": "info", "error": "error"}


def plain(text: str) -> str:
    """Text of a stranger, as it is, where Markdown is read: else it could dress up the page, or have the browser fetch
    a picture from elsewhere.
    """
    return _BEGIN.sub(r"\g<0>\\", _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split())))


def code(text: str) -> str:
    """The same as a name: in the letters of code, whatever stands in it."""
    text = " ".join(text.split())
    return f"`{text}`" if text and "`" not in text else plain(text)


def trouble(said: object) -> None:
    """What went wrong, in a box. Its words may quote a name of a file or what a person typed, so they are plain."""
    say(str(said), "error")


def warning(said: str) -> None:
    say(said, "warning")


def say(text: str, kind: Kind) -> None:
    """Words in a box, plain: the only way to one."""
    box = {"success": st.success, "info": st.info, "warning": st.warning, "error": st.error}[kind]
    box(plain(text), icon=f":material/{_ICONS[kind]}:")


def under(roots: Iterable[object]) -> str:
    """Where a path must lie, as a tip."""
    return f"It must lie under {', '.join(plain(str(root)) for root in roots)}."
