"""What an emulator is fitted to learn from: its kind, what it is told of the target, how scenarios are weighed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from datasel_core.analysis.climate.emulators.driver import DRIVERS, EMULATED, FORCING, TRUE
from datasel_core.analysis.climate.emulators.kinds import KINDS
from datasel_core.analysis.climate.forcing import HOW_TO_BRING
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from pages._ui.climate import reading
from pages._ui.kit import keys, look, markdown

_DRIVERS = {TRUE: "true GMST of the target", EMULATED: "GMST emulated from forcing", FORCING: "forcing of each agent"}
_WEIGHTINGS = {"years": "each year once", "scenarios": "scenarios alike", "scenario_years": "years of scenarios once"}
_TABLE = (
    f"{HOW_TO_BRING[:1].upper()}{HOW_TO_BRING[1:]}. It has to hold every year that is learned from or judged. Left "
    "empty, forcing.csv beside the files of the pool is taken, where there is one."
)
_SECONDS = {"pattern_scaling": 10, "gaussian_process": 20, "cnn": 30, "variability": 20}
"""On two slow cores."""


@dataclass(frozen=True)
class Fitting:
    """Fields of the task. trouble: why it cannot begin."""

    kind: str
    driver: str
    weighting: str
    forcing: str | None
    trouble: str = ""

    @property
    def given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kind", "driver", "weighting", "forcing")}

    @property
    def button(self) -> str:
        return f"Fit and judge, {look.about(_SECONDS[self.kind])}"


def told(card: Mapping[str, Any]) -> str:
    """What the emulator of a card was told of the target, in few words: no score stands without it."""
    said = card["task"]["driver"]
    return next((brief for name, brief in _DRIVERS.items() if said.startswith(DRIVERS[name])), said)


def ask(pool: Pool) -> Fitting:
    """Draws the fields: one row, and below it the table of forcing where the driver is made of it."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="climate-emulator"):
        asked = _row()
    return _with_forcing(pool, asked)


def _row() -> Fitting:
    kind = keys.bound(
        st.selectbox,
        "Emulator",
        "climate.kind",
        "pattern_scaling",
        options=list(KINDS),
        format_func=lambda one: KINDS[one].title,
        width=220,
        help="What is fitted to the kept years. Pattern scaling is hard to beat for annual means; with variability, or "
        "as a Gaussian process, it is also said how sure it is. The network takes longest.",
    )
    driver = keys.bound(
        st.selectbox,
        "Driver",
        "climate.driver",
        TRUE,
        options=list(_DRIVERS),
        format_func=_DRIVERS.get,
        width=235,
        help="What the emulator is told of the target. Its true global-mean temperature (GMST) is knowledge that an "
        "emulator in use does not have, and flatters it. The other two need a table of forcing, such as of CO2 and "
        "aerosol.",
    )
    weighs = KINDS[kind].weighs
    weighting = keys.bound(
        st.selectbox,
        "Weighting",
        "climate.weighting",
        "years",
        options=list(_WEIGHTINGS),
        format_func=_WEIGHTINGS.get,
        width=190,
        disabled=not weighs,
        help="How scenarios that are learned from count against one another. Move it where one has many more years or "
        "members than the others: each year once lets the longest count most. A Gaussian process ignores it.",
    )
    return Fitting(str(kind), str(driver), str(weighting), None)


def _with_forcing(pool: Pool, asked: Fitting) -> Fitting:
    if asked.driver == TRUE:
        return asked
    if asked.driver == FORCING and KINDS[asked.kind].runs:
        return _refused(asked, f"{KINDS[asked.kind].title} goes by the global mean; take another driver.")
    beside = reading.forcing_beside(pool)
    path = keys.bound(
        st.text_input,
        "Table of forcing",
        "climate.forcing",
        "",
        placeholder=f"{beside.name} beside the files of the pool" if beside else "/home/me/forcing.csv",
        width=440,
        help=_TABLE,
    ).strip()
    if not path and beside is None:
        return _refused(asked, f"This driver is made of forcing. Name its table: {HOW_TO_BRING}.")
    try:
        agents = reading.agents(path or str(beside))
    except (DataselError, OSError) as error:
        return _refused(asked, str(error))
    st.caption(f"Forcing of {markdown.plain(', '.join(agents))}, in W m-2.")
    return Fitting(asked.kind, asked.driver, asked.weighting, path or str(beside))


def _refused(asked: Fitting, why: str) -> Fitting:
    markdown.trouble(why)
    return Fitting(asked.kind, asked.driver, asked.weighting, None, why)
