"""How much better than random each method is on this pool, on samples that none of them could choose."""

import streamlit as st

from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.pools import holdout
from datasel_core.pools.pool import Pool
from pages._ui.data import aside
from pages._ui.evidence import results, settings
from pages._ui.evidence.names import Names
from pages._ui.kit import disk, keys, look, watch


def page(pool: Pool) -> None:
    held = holdout.held_out(pool)
    which = look.samples(pool, len(held.rows(pool))) if held else f"{look.unit(pool)} held out"
    look.title("Evidence", f"How much better than random each method is, on {which} that none of them could choose.")
    if held is None:
        _none_held_out(pool)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="evidence-asked"):
        asked = settings.settings(pool, held)
        place_of_button = st.container(width="content")
    with st.container(key="evidence-work"):
        working = watch.at_work("evidence")
    with place_of_button:
        st.button(
            "Compare with random",
            key="compare",
            type="primary",
            disabled=working or asked is None,
            help="What was measured before is kept: more methods, budgets or seeds cost only what is new.",
            on_click=watch.start,
            args=("evidence", "evidence"),
            kwargs=asked or {},
        )
    said = paper.last(place(disk.home(pool), pool, held))
    if said is not None:
        results.results(said, Names(disk.features(pool)))
    elif not working:
        look.empty(
            "Nothing compared yet",
            "Press Compare with random: each method is chosen under every seed, and measured on the held-out samples.",
        )


def _none_held_out(pool: Pool) -> None:
    left, right = st.columns([58, 42], gap="medium")
    with left, st.container(border=True):
        aside.card(pool, holdout.HOLDOUT)
    with right:
        look.empty(
            "Nothing is held out",
            "What a method saw while choosing cannot test it. Hold samples out first; selections that were kept before "
            "stay, but prove nothing on them.",
        )


if (pool := keys.pool()) is None:
    look.title("Evidence")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
