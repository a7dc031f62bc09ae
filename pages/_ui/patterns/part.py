"""A part of a pool, such as a region of the map, made a pool of its own."""

from typing import Any

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog import lists
from pages._ui.data import recent
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.kit.onward import go

_KEY = "cut"


def make_pool(pool: Pool, rows: np.ndarray, words: str) -> None:
    """The button, and the form behind it. words: what the list of these samples is called."""
    with st.popover("Make it a pool", icon=":material/library_add:", key="make-pool"), st.form("cut", border=False):
        name = st.text_input("Call it", _proposed(pool), max_chars=64, key="cut.name")
        st.caption(
            f"A pool of exactly these {look.samples(pool, len(rows))}, under the same names. Files stay where they "
            "are. Vectors you brought go along; what was computed is computed anew, as it may depend on the others."
        )
        if st.form_submit_button(
            f"Make a pool of {look.samples(pool, len(rows))}", type="primary", icon=":material/check:"
        ):
            within = lists.keep(disk.home(pool), pool, rows, words).value
            watch.start(_KEY, "pool_cut", name=name.strip(), parent=pool.name, within=within)


def at_work() -> None:
    """How far it is, why it was refused; its end opens the new pool."""
    if said := watch.error(_KEY):
        markdown.trouble(said)
    watch.watch(watch.started(_KEY), key=_KEY, done=_made)


def _made(result: dict[str, Any]) -> None:
    recent.go(result["pool"])
    keys.tell(" ".join(result["notes"]), "success")
    go("pages/data.py")


def _proposed(pool: Pool) -> str:
    """A name that is free: `photos-part`, `photos-part-2`."""
    taken, short = {about["name"] for about in disk.pools(disk.home(pool))}, f"{pool.name[:50]}-part"
    return next(name for name in [short, *(f"{short}-{at}" for at in range(2, 1000))] if name not in taken)
