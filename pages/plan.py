"""What labelling will cost and when it is done, before anybody pays for it."""

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.climate import asking, rail, reading
from pages._ui.kit import disk, keys, look
from pages._ui.kit.onward import onward
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


def simulations(pool: Pool) -> None:
    """Simulated years have no labels: they are bought, by the rates and the Settings of the page Climate."""
    look.title("Plan", "What the kept years cost to simulate, before anybody pays.")
    run = disk.find_run(pool, keys.get("run"))
    shown = reading.lines(pool, run, asking.chosen_period())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="climate-asked"):
        asked = asking.row(shown)
    left, right = st.columns([58, 42], gap="medium")
    with left:
        rail.draw(pool, run, shown, asked)
    with right:
        look.section("Before you buy")
        st.caption("How the error falls with the years that are bought, and which run lowers it most.")
        for view, label in (("bought", "How many years are enough"), ("next", "Which run next")):
            onward(label, "pages/climate.py", key=f"plan-{view}", leads=False, **{"climate.view": view})


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
elif pool.kind == "climate":
    simulations(pool)
else:
    page(pool)
