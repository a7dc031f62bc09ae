"""Browsing for data: the folders that sources may lie in, one level at a time, in a dialog."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools import browse
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import keys, markdown

_AT = "browse.at"
_MOST, _IN_A_ROW = 60, 3
"""Folders, and as many files, that are listed; a word finds the others."""


def begin(path: str | None) -> None:
    """The next `dialog` opens, where a path leads; at the first allowed folder where it leads nowhere."""
    home = keys.workspace()
    try:
        real = home.allowed(path or "")
        at = real if real.is_dir() else real.parent if real.exists() else None
    except (DataselError, OSError):
        at = None
    keys.put(_AT, str(at or _tops(home)[0]))


def dialog(take: Callable[[str], None]) -> None:
    """Draws the dialog while it is open. take: called with the folder or file that a person takes."""
    if keys.get(_AT) is not None:
        st.dialog("Browse", width="large", on_dismiss=_close)(_level)(take)


def _close() -> None:
    keys.put(_AT, None)


def _tops(home: Workspace) -> list[Path]:
    """Allowed folders, but for the workspace, where nobody's data lie."""
    return [root for root in dict.fromkeys(home.roots()) if root != home.path] or [home.path]


def _go(path: str) -> None:
    keys.put(_AT, path)
    keys.put("browse.word", None)


def _level(take: Callable[[str], None]) -> None:
    home = keys.workspace()
    if (at := keys.get(_AT)) is None:  # something was taken: the page shows it
        st.rerun()
    try:
        there = browse.level(home, at)
    except DataselError as error:
        markdown.trouble(error)
        st.button("Back to the beginning", key="browse-begin", on_click=_go, args=(str(_tops(home)[0]),))
        return
    _head(home, there)
    word = keys.bound(st.text_input, "Find", "browse.word", "", placeholder="part of a name").strip().casefold()
    folders = [name for name in there.folders if word in name.casefold()]
    files = [name for name in there.files if word in name.casefold()]
    _buttons(there, "folder", folders, _go)
    _buttons(there, "file", files, lambda path: _taken(take, path))
    if not folders and not files:
        st.caption("No folder and no table, text or array lies in it." if not word else "Nothing is called so.")
    st.button(
        f"Take {markdown.plain(there.path.name)}" + (f", {there.photos:,} photos right in it" if there.photos else ""),
        key="browse-take",
        type="primary",
        icon=":material/check:",
        on_click=_taken,
        args=(take, str(there.path)),
    )


def _taken(take: Callable[[str], None], path: str) -> None:
    _close()
    take(path)


def _head(home: Workspace, there: browse.Level) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        up = there.above
        st.button(
            "Up",
            key="browse-up",
            icon=":material/arrow_upward:",
            disabled=up is None,
            on_click=_go,
            args=(str(up),),
        )
        for at, top in enumerate(_tops(home) if up is None else []):
            if top != there.path:
                label = markdown.plain(str(top))
                st.button(label, key=f"browse-top-{at}", type="tertiary", on_click=_go, args=(str(top),))
        st.markdown(f"**{markdown.plain(str(there.path))}**")
    if not there.whole:
        st.caption("It holds so much that only its beginning is listed.")


_ICONS = {"folder": ":material/folder:", "file": ":material/description:"}


def _buttons(there: browse.Level, kind: str, names: list[str], choose: Callable[[str], None]) -> None:
    """A button for each name; callbacks, because a dialog is drawn again by itself."""
    shown = names[:_MOST]
    for begin in range(0, len(shown), _IN_A_ROW):
        for column, name in zip(st.columns(_IN_A_ROW, gap="small"), shown[begin : begin + _IN_A_ROW], strict=False):
            column.button(
                markdown.plain(name),
                key=f"browse-{kind}-{name}",
                icon=_ICONS[kind],
                width="stretch",
                on_click=choose,
                args=(str(there.path / name),),
            )
    if len(names) > len(shown):
        st.caption(f"The first {len(shown):,} of {len(names):,}: find others by a part of their name.")
