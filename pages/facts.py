"""Facts: how many a model can hold, what a selection does to them, and what small models then know by heart."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.facts import asking, capacity, dropped, frequency, memorised, rail, reading, relations, warm_up
from pages._ui.facts.asking import Asked
from pages._ui.facts.reading import Counted
from pages._ui.kit import disk, keys, look, palette, watch

_TASK = "facts"
VIEWS = {
    "capacity": "Capacity",
    "often": "How often",
    "memorised": "Memorised",
    "relations": "Relations",
    "dropped": "Dropped",
    "warm_up": "Warm-up",
}
_WORK = (_TASK, rail.CALIBRATION, rail.LOSSES, memorised.TASK, warm_up.TASK)
_OF_A_SELECTION = ("memorised", "dropped")


def page(pool: Pool) -> None:
    run = disk.find_run(pool, keys.get("run"))
    there = reading.counted(pool, run)
    shown = there if there.said is not None else reading.counted(pool, None)
    heading = st.container()
    with st.container(key="facts-work"):
        working = {name: watch.at_work(name) for name in _WORK}
    if there.said is None and not working[_TASK] and keys.get("facts.counted") != there.folder.name:
        keys.put("facts.counted", there.folder.name)
        run_key = None if run is None else run.key
        watch.start(_TASK, _TASK, pool=pool.name, run=run_key)  # seconds: nobody should have to ask
        st.rerun()
    if shown.said is None:
        with heading:
            look.title("Facts", "How many facts fit into a model; they are being counted.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="facts-asked"):
        asked = asking.row(pool)
    held = reading.held(shown, asked.parameters, asked.rho, asked.bits)
    with heading:
        look.title("Facts", capacity.answer(shown.said, held, asked))
    view = keys.bound(
        st.segmented_control,
        "Show",
        "facts.view",
        "capacity",
        options=list(VIEWS),
        format_func=VIEWS.get,
        required=True,
        label_visibility="collapsed",
    )
    left, right = st.columns([72, 28], gap="medium")
    with left:
        if view == "dropped" and run is not None and there.said is None:
            look.empty("Being counted", "What this selection drops is seen in a moment.", key="facts-counting")
        else:
            _view(view, pool, run, shown, held, asked, working)
    with right, st.container(key="rail"):
        rail.draw(pool, shown.said, held, asked)


def _view(
    view: str,
    pool: Pool,
    run: Run | None,
    there: Counted,
    held: Mapping[str, Any],
    asked: Asked,
    working: Mapping[str, bool],
) -> None:
    assert there.said is not None
    if view in _OF_A_SELECTION and run is None:
        look.empty(
            "Nothing is selected yet",
            "Choose what to keep: then what it drops, and what is known by heart before and after, is seen here.",
            "Choose",
            "pages/select.py",
            key="facts-nothing",
        )
        return
    colour = palette.KEPT if run is None else palette.colour_of(run.manifest["method"]["id"])
    memory = None if run is None else reading.newest(pool, "memory", fingerprint=pool.fingerprint, run=run.key)
    match view:
        case "capacity":
            capacity.draw(there.said, held, asked)
            if asked.bits is None:
                _unseen(there.said)
        case "often":
            frequency.draw(there.said, run)
        case "memorised":
            assert run is not None
            memorised.draw(pool, run, memory, asked, colour, working[memorised.TASK])
        case "relations":
            relations.draw(there.said, memory, colour)
        case "dropped":
            dropped.draw(pool, there)
        case "warm_up":
            said = reading.newest(pool, "sensitivity", fingerprint=pool.fingerprint)
            warm_up.draw(pool, said, asked, working[warm_up.TASK])


def _unseen(said: Mapping[str, Any]) -> None:
    """A line where no estimate can be right."""
    if rare := sum(one["facts"] for one in said["relations"] if one["coverage"] < 0.5 and not one["by_digits"]):
        st.caption(
            f"Of {rare:,} facts most answers stand once: they take more bits than any count shows. Where you know how "
            "many, say so in Settings."
        )


if (pool := keys.pool()) is None:
    look.title("Facts")
    look.empty("No pool is open", "Open questions and answers on the Data page.", "Go to Data", "pages/data.py")
else:
    page(pool)
