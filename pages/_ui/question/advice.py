"""Which method to begin with on this pool, and why; it is one click to take it."""

from typing import Any

import streamlit as st

from datasel_core.base.registry import every
from datasel_core.errors import BadInput
from datasel_core.evidence.recommendation import EVIDENCE, Facts, Recommendation, facts, recommend
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.pools import holdout
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, forms, keys, look, markdown
from pages._ui.kit.onward import onward


def recommended(pool: Pool) -> Recommendation:
    """From the evidence of this pool where there is some, else by the rule."""
    said = str(keys.get("budget") or "")
    budget = int(said) if said.isdecimal() else 0
    return recommend(disk.roles(pool), _known(pool), _table(pool), budget or None)


def card(pool: Pool, found: Recommendation, chosen: str) -> None:
    """The method and its reason. chosen: the method that is set."""
    with st.container(border=True, key="card-advice", gap=None):
        basis = "measured on this pool" if found.basis == EVIDENCE else "by what the pool looks like"
        look.section(f"Recommended: {every('method')[found.method].title}", basis)
        st.caption(markdown.plain(found.reason))
        if found.first:
            onward(
                "Compute or import features", "pages/data.py", key="advice", leads=False, **{"data.view": "features"}
            )
        if chosen != found.method:
            st.button("Take it", key="take-advice", on_click=take, args=(found,))
        if found.basis != EVIDENCE:
            st.page_link("pages/evidence.py", label="Measure it on held-out samples", icon=":material/arrow_forward:")


def take(found: Recommendation) -> None:
    """Sets the method, with the parameters that are recommended, and what it was measured with."""
    keys.put("method", found.method)
    if found.target is not None:
        keys.put("select.target", found.target)
    for role, used in found.use.items():
        keys.put(f"select.use.{role}", used)
    forms.fill(every("method")[found.method], f"method.{found.method}", found.params)


def _table(pool: Pool) -> dict[str, Any] | None:
    try:
        held = holdout.held_out(pool)
        return None if held is None else paper.last(place(disk.home(pool), pool, held))
    except BadInput:  # the evidence page says what is wrong
        return None


def _known(pool: Pool) -> Facts:
    filled = disk.roles(pool)
    made = tuple((role, one.meta["fingerprint"]) for role, one in sorted(filled.features.items()))
    return _facts(str(pool.folder), pool.table_sha256, made, disk.aside(pool), pool)


@st.cache_resource(max_entries=16, show_spinner="Looking at how much of the pool is alike")
def _facts(folder: str, table: str, made: tuple, aside: tuple[int, ...], _pool: Pool) -> Facts:
    return facts(disk.roles(_pool))
