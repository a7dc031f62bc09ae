"""Influence: which texts would teach a model what a reference asks of it, by stages, and whether it was worth it."""

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.stages.run import documents
from pages._ui.influence import asking, results
from pages._ui.kit import disk, keys, look, watch


def page(pool: Pool) -> None:
    look.title("Influence", "What the model would gain most from next, measured stage by stage against a plain run.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="influence-asked"):
        ready = asking.ready(pool)
        asked = asking.row(pool) if ready else None
        place_of_button = st.container(width="content")
    with st.container(key="influence-work"):
        working = watch.at_work("stages")
    if asked is not None:
        with place_of_button:
            st.button(
                f"Train in stages, {asking.takes(asked)}",
                key="train-stages",
                type="primary",
                disabled=working,
                help="A warm-up, then stage after stage: probes, a prediction for all, a choice, training. A plain run "
                "beside it. Stopped, it goes on; more seeds only add.",
                on_click=watch.start,
                args=("stages", "stages"),
                kwargs=asked,
            )
    st.fragment(look.told(_found), run_every=3.0 if working else None)(pool, ready)


def _found(pool: Pool, ready: bool) -> None:
    found = documents(disk.home(pool), pool.name)
    if found:
        results.results(pool, found)
    elif ready:
        look.empty(
            "Nothing trained in stages yet",
            "Name a reference, which shows what the model is to be good at, and an unused judge; then train.",
            key="no-stages",
        )


if (pool := keys.pool()) is None:
    look.title("Influence")
    look.empty("No pool is open", "Open texts, or try the demo, on the Data page.", "Go to Data", "pages/data.py")
else:
    page(pool)
