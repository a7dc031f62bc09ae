"""Which sub-folders of a folder of photos are to be in the pool: a list to tick, with a picture of each."""

import html
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from datasel_core.errors import BadRequest
from datasel_core.pools.readers.photo_folder import HERE, join_names
from datasel_core.pools.readers.photo_survey import SubFolder, survey
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import keys, look, markdown
from pages._ui.media.sketch import sketch

_SHOWN = 24
_IN_A_ROW = 4
_SECONDS = 60
_LONG = 18
"""Letters of a name that stand beside a tick."""


def tick_list(path: str) -> tuple[str | None, bool]:
    """Draws the list, where there is more than one sub-folder. Returns (what to leave out, as the option takes it, or
    None for nothing; whether anything is left).
    """
    found = _survey(path)
    if len(found) < 2:
        return None, True
    usual = not all(one.masks for one in found)
    shown = _most_telling(found)
    with st.container(key="subfolders"):
        _summary(found, path, usual)
        taken = {}
        for at in range(0, len(shown), _IN_A_ROW):
            for column, one in zip(st.columns(_IN_A_ROW, gap="small"), shown[at : at + _IN_A_ROW], strict=False):
                with column:
                    taken[one.name] = _tick(one, path, usual)
        if more := [one for one in found if one.name not in taken]:
            st.caption(
                f"{look.many(len(more), 'more folder')} with {sum(one.n for one in more):,} photos: all are taken."
            )
    out = [one.name for one in found if not taken.get(one.name, True)]
    if len(out) == len(found):
        st.caption("Tick at least one folder.")
    return join_names(out) or None, len(out) < len(found)


def _summary(found: Sequence[SubFolder], path: str, usual: bool) -> None:
    """How much there is; masks are left out, or taken, with one click."""
    masks = [one for one in found if one.masks]
    n, total = sum(one.n for one in masks), sum(one.n for one in found)
    said = f"{total:,} photos in {look.many(len(found), 'folder')}; untick what is not wanted."
    if not masks or not usual:
        st.caption(said)
        return
    are_in = [keys.get(_key(path, one), False) for one in masks]
    left, right = st.columns([3, 2], gap="small", vertical_alignment="center")
    left.caption(f"{said} {n:,} of them look like label masks.")
    right.button(
        f"Leave these {n:,} out" if any(are_in) else f"Take these {n:,}, too",
        key="masks-in-or-out",
        width="stretch",
        on_click=_put_all,
        args=(path, masks, not any(are_in)),
    )


def _put_all(path: str, folders: Sequence[SubFolder], taken: bool) -> None:
    for one in folders:
        keys.put(_key(path, one), taken)


def _tick(one: SubFolder, path: str, usual: bool) -> bool:
    name = "in no sub-folder" if one.name == HERE else one.name
    source = sketch(one.example, stretched=one.masks)
    st.html(f'<img class="ds-sketch" alt="A picture of {html.escape(name)}" src="{source}">')
    short = name if len(name) <= _LONG else f"…{name[-_LONG + 1 :]}"
    with st.container(gap=None):
        taken = keys.bound(
            st.checkbox,
            markdown.plain(short),
            _key(path, one),
            not (one.masks and usual),
            help=None if short == name else markdown.plain(name),
        )
        st.caption(look.many(one.n, "label mask" if one.masks else "photo"))
    return taken


def _key(path: str, one: SubFolder) -> str:
    return f"new.take.{path}.{one.name}"


def _most_telling(found: Sequence[SubFolder]) -> list[SubFolder]:
    """Masks, then the largest; by name."""
    first = sorted(found, key=lambda one: (not one.masks, -one.n))[:_SHOWN]
    return sorted(first, key=lambda one: one.name)


def _survey(path: str) -> Sequence[SubFolder]:
    home = keys.workspace()
    try:
        real = home.allowed(path.strip())
        return _surveyed(str(real), str(home.path), tuple(map(str, home.roots()))) if real.is_dir() else ()
    except (BadRequest, OSError):  # opening it says why
        return ()


@st.cache_data(ttl=_SECONDS, max_entries=8, show_spinner="looking at the folder")
def _surveyed(path: str, home: str, roots: Sequence[str]) -> list[SubFolder]:
    """roots: another set of allowed folders gives another answer."""
    return survey(Path(path), Workspace(Path(home)))
