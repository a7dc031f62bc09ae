"""What labelling will cost and when it is done, before anybody pays for it."""

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look
from pages._ui.plan import cost, pilot, rates

VIEWS = {"cost": ("Cost", cost.draw), "pilot": ("Pilot", pilot.draw), "rates": ("Rates", rates.draw)}
"""Each draws itself for a pool. One that asks what labelling n samples costs begins with `question.ask(pool)`."""


def page(pool: Pool) -> None:
    heading, picker = st.columns([58, 42], vertical_alignment="bottom", gap="medium")
    with heading:
        look.title("Plan", "What labels cost, and when they are done, before anybody pays.")
    with picker, st.container(horizontal=True, horizontal_alignment="right"):
        view = keys.bound(
            st.segmented_control,
            "View",
            "plan.view",
            "cost",
            options=list(VIEWS),
            format_func=lambda one: VIEWS[one][0],
            required=True,
            label_visibility="collapsed",
        )
    VIEWS[view][1](pool)


if (pool := keys.pool()) is None:
    look.title("Plan")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
