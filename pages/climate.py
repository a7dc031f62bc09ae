"""Climate: which simulated years are kept, what they cost, how many are enough, how reliable an emulator is."""

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.climate import asking, bought, emulator, following, rail, reading, timeline
from pages._ui.kit import disk, keys, look, palette, watch

VIEWS = {
    "timeline": "Timeline",
    "maps": "Maps",
    "bought": "Years bought",
    "next": "Which run next",
    "card": "Reliability",
}


def page(pool: Pool) -> None:
    run = disk.find_run(pool, keys.get("run"))
    heading = st.container()
    with st.container(key="climate-work"):
        working = {name: watch.at_work(name) for name in (bought.TASK, following.TASK, emulator.TASK)}
    shown = reading.lines(pool, run, asking.chosen_period())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="climate-asked"):
        asked = asking.row(shown)
    view = keys.bound(
        st.segmented_control,
        "Show",
        "climate.view",
        "timeline",
        options=list(VIEWS),
        format_func=VIEWS.get,
        required=True,
        label_visibility="collapsed",
    )
    left, right = st.columns([72, 28], gap="medium")
    place = right.container(key="rail")
    match view:
        case "timeline":
            with left:
                colour = palette.KEPT if run is None else palette.colour_of(run.manifest["method"]["id"])
                timeline.draw(shown, asked, colour, reading.grid(pool))
            with place:
                rail.draw(pool, run, shown, asked)
            answer = timeline.sentence(pool, shown)
        case "bought":
            said = None if asked.target is None else reading.years(pool, asked.target, asked.reference, asked.period)
            with left:
                bought.draw(pool, said, asked, working[bought.TASK])
            with place:
                bought.beside(said)
            answer = bought.sentence(said)
        case "next":
            with left:
                ranked = following.draw(pool, run, shown, asked, working[following.TASK])
            with place:
                following.beside(ranked)
            answer = following.sentence(ranked)
        case _:
            with left:
                card = emulator.draw(view, pool, run, shown, asked, working[emulator.TASK])
            with place:
                emulator.beside(view, pool, card)
            answer = emulator.sentence(card)
    with heading:
        look.title("Climate", answer)


if (pool := keys.pool()) is None:
    look.title("Climate")
    look.empty(
        "No pool is open",
        "Open NetCDF files of climate simulations on the Data page.",
        "Go to Data",
        "pages/data.py",
    )
else:
    page(pool)
