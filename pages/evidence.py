"""How much better than random each method is on this pool, on samples that none of them could choose."""

import streamlit as st

from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.pools import holdout
from datasel_core.pools.pool import Pool
from pages._ui.data import aside
from pages._ui.evidence import results, settings
from pages._ui.kit import disk, keys, look, watch


def page(pool: Pool) -> None:
    look.title(
        "Evidence", "How much better than random each method is, tested on samples that none of them could choose."
    )
    held = holdout.held_out(pool)
    left, right = st.columns([27, 73], gap="medium")
    if held is None:
        with left, st.container(border=True):
            aside.card(pool, holdout.HOLDOUT)
        with right:
            look.empty(
                "Nothing is held out",
                "What a method saw while choosing cannot test it. Hold samples out first, on the left; selections that "
                "were kept before stay, but prove nothing on them.",
            )
        return
    with left:
        asked = settings.settings(pool, held)
    with right:
        with st.container(key="evidence-work"):
            working = watch.at_work("evidence")
        with left:
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
        said = paper.last(place(disk.home(pool), pool, held))  # a damaged one is told beside the button that mends it
        if said is not None:
            results.results(said)
        elif not working:
            look.empty(
                "Nothing compared yet",
                "Choose methods and budgets, and press Compare with random: each is chosen under every seed, and "
                "measured on the held-out samples.",
            )


if (pool := keys.pool()) is None:
    look.title("Evidence")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
