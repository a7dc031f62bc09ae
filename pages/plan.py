"""What labelling will cost and when it is done, before anybody pays for it."""

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look
from pages._ui.plan import cost, enough, pilot, question, rates


def how_many(pool: Pool) -> None:
    """Where no wage is said, nothing has a price."""
    asked = question.ask(pool)
    enough.draw(pool, lambda n: None if asked.unit == "hours" else asked.price(n))


VIEWS = {
    "cost": ("Cost", cost.draw),
    "enough": ("How many are enough", how_many),
    "pilot": ("Pilot", pilot.draw),
    "rates": ("Rates", rates.draw),
}
"""Each draws itself for a pool. One that asks what labelling n samples costs begins with `question.ask(pool)`."""


def page(pool: Pool) -> None:
    heading, picker = st.columns([50, 50], vertical_alignment="bottom", gap="medium")
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
