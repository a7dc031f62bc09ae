"""What can be done with samples that were found or marked: the same buttons wherever that is, and the way to what is
like one.
"""

from collections.abc import Callable

import numpy as np
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog import lists
from datasel_core.runs.find import nearest
from pages._ui.kit import disk, keys, look
from pages._ui.kit.onward import go


def choose_from(
    pool: Pool, rows: np.ndarray, words: str, key: str, keeps: bool = False, more: Callable[[], None] | None = None
) -> None:
    """Choose from these, or from all others; each is a list of ids that a choice is made within. words: what they are,
    as `of a region`, for whoever meets the list later. keeps: it can also be kept without going on. more:
    draws further buttons beside these.
    """
    these, others = look.samples(pool, len(rows)), np.setdiff1d(np.arange(pool.n), rows)
    with st.container(horizontal=True, gap="xsmall", key=f"{key}-actions"):
        label, said = "Choose from these", f"Opens Select with only these {these} to choose from."
        _button(pool, rows, label, f"{these} {words}", said, key)
        label, said = (
            "Leave these out",
            f"Opens Select with the other {look.samples(pool, len(others))} to choose from.",
        )
        _button(pool, others, label, f"all but {these} {words}", said, key)
        if keeps:
            said = f"Keeps these {these} as a list, which Select offers under Settings, and --within takes."
            kept = dict(key=f"{key}-Keep as list", icon=":material/bookmark:", help=said, disabled=not len(rows))
            st.button("Keep as list", on_click=_keep, args=(pool, rows, f"{these} {words}"), **kept)
        if more is not None:
            more()


def _button(pool: Pool, rows: np.ndarray, label: str, words: str, said: str, key: str) -> None:
    if st.button(label, key=f"{key}-{label}", icon=":material/arrow_forward:", disabled=not len(rows), help=said):
        keys.put("select.within", lists.keep(disk.home(pool), pool, rows, words).value)
        go("pages/select.py")


def _keep(pool: Pool, rows: np.ndarray, words: str) -> None:
    try:
        kept = lists.keep(disk.home(pool), pool, rows, words)
    except DataselError as error:
        keys.tell(str(error), "error")
        return
    keys.tell(f"Kept as a list: {kept.words}. In a terminal: --within {kept.value}", "success")


def has_vectors(pool: Pool) -> bool:
    """Whether something says what is alike."""
    try:
        nearest.source(pool, disk.roles(pool))
    except DataselError:
        return False
    return True


def similar_to(pool: Pool, row: int, key: str) -> None:
    """Opens Find on what is most alike a sample; nothing where nothing says what is alike."""
    if not has_vectors(pool):
        return
    said = f"Opens Find on the {look.unit(pool)} that are most alike this one."
    if st.button("Similar to this", key=f"similar-to-{key}", type="tertiary", icon=":material/search:", help=said):
        look_for_similar(pool, row)
        go("pages/find.py")


def look_for_similar(pool: Pool, row: int) -> None:
    """What Find looks for from now on."""
    keys.put("find.by", "similar")
    keys.put("find.like", str(pool.ids[row]))
    keys.put("find.open", None)
