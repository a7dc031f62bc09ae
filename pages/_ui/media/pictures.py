"""Small pictures go to a browser once: a component's data name them, and carry only those that its page has not had.

Whether they arrived is not known: a drawing that is cut off may never be sent. So the browser asks for what it lacks,
and what it asks for is carried anew. A picture is named by the hash of its bytes: one that changed is another one.
"""

import functools
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.kit import keys

ROOM = 2000
"""Pictures that a page is taken to have; its shelf in pictures.js holds some more."""
_HAS, _ASKED = "pictures.has", "pictures.asked"
_SHELF = Path(__file__).with_suffix(".js")


def script(*files: Path) -> str:
    """The shelf of pictures and what draws with it, as one module."""
    return "\n".join(file.read_text(encoding="utf-8") for file in (_SHELF, *files))


@functools.lru_cache(maxsize=8192)
def name(src: str) -> str:
    """The name of a picture, given as a data URL; empty where there is none."""
    return hashlib.sha256(src.encode()).hexdigest()[:20] if src else ""


def parcel(sources: Iterable[str]) -> dict[str, Any]:
    """{"carried": name -> data URL of those that the page lacks, "asked"}: to be part of a component's data. sources:
    all that it names. asked: changes whenever the browser asked, so that it looks again.
    """
    has, carried = keys.get(_HAS), {}
    if has is None:
        keys.put(_HAS, has := {})
    for src in filter(None, sources):
        key = name(src)
        if key not in has:
            carried[key] = src
        has[key] = has.pop(key, None)  # the last of the order
    for old in list(has)[: max(0, len(has) - ROOM)]:
        del has[old]
    return {"carried": carried, "asked": int(keys.get(_ASKED, 0))}


def lacking(key: str) -> Callable[[], None]:
    """What `on_lack_change` of a component is to call. key: of the component."""

    def told() -> None:
        lacks = st.session_state[key].get("lack")
        if isinstance(lacks, list):
            has = keys.get(_HAS, {})
            for one in lacks:
                has.pop(str(one), None)
            keys.put(_ASKED, int(keys.get(_ASKED, 0)) + 1)

    return told
