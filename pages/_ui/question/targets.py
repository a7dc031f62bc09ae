"""The target of a choice: another pool, of examples of what one wants to be good at."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from datasel_core.base.role import GROUP
from datasel_core.errors import DataselError
from datasel_core.methods.method import Method
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.target import Target, find_target
from pages._ui.kit import disk, keys, look, markdown

WHICH = "Towards which examples?"


def possible(pool: Pool, cls: type[Method], use: Mapping[str, str] | None = None) -> list[str]:
    """Names of the other pools that have what this method needs of a target, from the same encoders. use: role ->
    feature, where it is not the newest.
    """
    if any(role not in {one.role for one in disk.features(pool)} for role in cls.needs if role != GROUP.name):
        return []
    home = disk.home(pool)
    return [
        about["name"]
        for about in disk.pools(home)
        if about.get("name") not in (None, pool.name) and _fits(pool, cls, about["name"], use or {})
    ]


def choose(
    pool: Pool,
    cls: type[Method],
    kept_as: str = "select.target",
    use: Mapping[str, str] | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> str | None:
    """Draws the choice of a target, kept under `kept_as`; None while nobody chose one. use: as in `possible`."""
    names = possible(pool, cls, use)
    if not names:
        st.caption(
            "There is no other pool with the same features; open one on the Data page, and compute the same there."
        )
        return None
    sizes = {about["name"]: about["n"] for about in disk.pools(disk.home(pool))}
    return keys.bound(
        st.selectbox,
        "Target",
        kept_as,
        None,
        options=names,
        format_func=lambda name: f"{name} · {sizes[name]:,}",
        placeholder=WHICH,
        width=width,
        help="A pool of examples of what you want to be good at.",
    )


def _fits(pool: Pool, cls: type[Method], name: str, use: Mapping[str, str]) -> bool:
    home = disk.home(pool)
    stamps = tuple((one.key, 0) for one in disk.features(pool)), disk.stamps(home)
    return _known(str(home.path), pool.table_sha256, cls.id, name, tuple(sorted(use.items())), stamps, pool, cls)


@st.cache_resource(max_entries=500, show_spinner=False)
def _known(
    home: str,
    table: str,
    method: str,
    name: str,
    use: tuple[tuple[str, str], ...],
    stamps: object,
    _pool: Pool,
    _cls: type[Method],
) -> bool:
    try:
        load_pool(disk.home(_pool), name)
        return find_target(disk.home(_pool), _cls(), disk.roles(_pool, dict(use)), name, {}) is not None
    except DataselError:
        return False


def ask(pool: Pool, why: str, suit: Sequence[str], others: Sequence[str] = ()) -> None:
    """In place of what needs a target, while none is named: pools that suit, a click each. others: those that lack
    vectors in the same space. why: one line.
    """
    sizes = {about["name"]: about["n"] for about in disk.pools(disk.home(pool))}
    look.empty(WHICH, why, key="which-target")
    for names, kind, lead in ((suit, "primary", ""), (others, "secondary", "Not in the same space yet:")):
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", gap="small"):
            if names and lead:
                st.caption(lead, width="content")
            for name in names:
                said = f"{markdown.plain(name)} · {sizes[name]:,}"
                st.button(said, key=f"target-{name}", type=kind, on_click=keys.put, args=("select.target", name))


def missing(pool: Pool, cls: type[Method], suit: Sequence[str]) -> None:
    """In place of what a method needs a target for, while none is named: pools that suit, or what to do where none
    does.
    """
    if suit:
        ask(pool, f"{cls.title} keeps what stands for a few examples: another pool of them.", suit)
        return
    what = " and ".join(f"the feature {role.replace('_', ' ')}" for role in cls.needs_target)
    said = (
        f"{cls.title} needs a target: open another pool of examples on the Data page, and compute {what} there "
        "with the same encoder."
    )
    look.empty("No target yet", said, "Go to Data", "pages/data.py", key="no-target", **{"data.view": "pools"})


def on_trust(one: Target | None) -> None:
    """Draws what is to be known of a target that is taken as it is."""
    for note in one.notes if one else ():
        st.caption(f":material/info: {markdown.plain(note)}")


def said(one: Target | None) -> str:
    """`towards holiday photos, 120 photos of which 24 held out`, or nothing."""
    if one is None:
        return ""
    held = f" of which {len(one.held_out):,} held out" if one.aside is not None else ""
    return f"towards {one.pool.name}, {look.samples(one.pool)}{held}"
