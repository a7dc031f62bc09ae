"""What is asked of simulations: which scenario judges, which one choices may go by, and a drawer with the rest."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from datasel_core.actions.simulations import EXAMPLE
from datasel_core.actions.years import period
from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Timeline, likely_target
from datasel_core.errors import DataselError
from pages._ui.kit import keys, look

BUDGETS = "5,10,20,40,80,all"
_PURCHASES = {
    "run": "whole runs, from where they branch",
    "time_slice": "slices of time",
    "archive": "years of an archive, one by one",
}


@dataclass(frozen=True)
class Asked:
    """target: a scenario, or a run as scenario/member; None where none has the years that are judged. reference: the
    same, or None. rates: fields of the task that prices. draws, budgets: of comparing years.
    """

    target: str | None
    reference: str | None
    period: tuple[int, int]
    rates: dict[str, Any]
    purchase: dict[str, Any]
    draws: int
    budgets: str

    @property
    def scenario(self) -> str | None:
        """Of the target."""
        return self.target and scenario_of(self.target)

    @property
    def when(self) -> str:
        return f"{self.period[0]}-{self.period[1]}"


def chosen_period() -> tuple[int, int] | None:
    """As typed; None where it is none, which is said beside the field."""
    try:
        return period(str(keys.get("climate.period", "")))
    except DataselError:
        return None


def row(shown: Timeline) -> Asked:
    """Draws one row."""
    used = [one.run for one in shown.lines if one.kept]
    usual = likely_target(shown.judges, used)
    target = keys.bound(
        st.selectbox,
        "Target",
        "climate.target",
        usual,
        options=list(shown.judges),
        format_func=_called,
        placeholder="None has these years",
        width=210,
        help="The scenario that the emulator is for: it judges, and nothing that is chosen or learned may see it. "
        "Choose the future that you will ask about. A single run counts its own weather; a scenario all of its runs.",
    )
    mine = target and scenario_of(target)
    others = [one for one in shown.judges if scenario_of(one) != mine]
    reference = keys.bound(
        st.selectbox,
        "Reference",
        "climate.reference",
        "",
        options=["", *others],
        format_func=lambda one: _called(one) if one else "None",
        width=210,
        help="The scenario or run by whose error influence chooses years; it is not learned from. Name one to see what "
        "influence would buy. Another run of a scenario that is learned from is the mildest choice.",
    )
    with st.popover("Settings", icon=":material/tune:", key="climate-settings"):
        draws, budgets = _judged(shown)
        rates, purchase = _bought()
    return Asked(target, reference or None, shown.period, rates, purchase, draws, budgets)


def _called(one: str) -> str:
    return one.replace("/", " ")


def _judged(shown: Timeline) -> tuple[int, str]:
    look.section("What is judged")
    left, right = st.columns(2, gap="medium")
    with left:
        said = _text("Period", "period", f"{shown.period[0]}-{shown.period[1]}", _PERIOD)
        if said and chosen_period() is None:
            st.caption("Write two years, the first one first, as in 2080-2100.")
    with right:
        draws = keys.bound(
            st.number_input,
            "Random choices",
            "climate.draws",
            200,
            min_value=20,
            max_value=5000,
            step=20,
            help="How many random choices of each number of years make the band. More make its edges steadier. At 20 "
            "they are rough; 5,000 take some 20 times as long as 200.",
        )
    budgets = keys.bound(
        st.text_input,
        "Years to compare",
        "climate.budgets",
        BUDGETS,
        help="Numbers of years that are bought, with commas between. Put in what you could pay for. The word all "
        "stands for every year there is.",
    )
    return int(draws), budgets


def _bought() -> tuple[dict[str, Any], dict[str, Any]]:
    look.section("What is bought")
    purchase = keys.bound(
        st.selectbox,
        "Years are bought as",
        "climate.purchase",
        "run",
        options=list(_PURCHASES),
        format_func=_PURCHASES.get,
        help="A coupled model cannot simulate a year alone, so scattered years are priced as whole runs. Slices are "
        "for models with prescribed oceans. From an archive, each year is had by itself, and nothing is simulated.",
    )
    rates = _rates()
    left, right = st.columns(2, gap="medium")
    with left:
        spin_up = keys.bound(
            st.number_input,
            "Spin-up (years)",
            "climate.spin_up",
            0,
            min_value=0,
            max_value=10_000,
            step=10,
            help="Years that are simulated before each start from nothing, and thrown away. Say what your model needs. "
            "At 0 none are; they count only where no restart files are there, or for slices.",
        )
    with right:
        restarts = keys.bound(
            st.segmented_control,
            "Restart files",
            "climate.restarts",
            "there",
            options=["there", "none"],
            format_func={"there": "There", "none": "None"}.get,
            required=True,
            help="Whether a run can start where it branches. Without restart files its past is simulated, too. They "
            "are taken to be there.",
        )
    return rates, {"purchase": purchase, "spin_up": int(spin_up), "restarts": restarts}


def _rates() -> dict[str, Any]:
    left, right = st.columns(2, gap="medium")
    with left:
        hours = _text("Core-hours of a year", "hours", "1500-2500", f"Of a simulated year. {_EXAMPLE}")
        price = _text("Price of a core-hour", "hour_price", ".02", _MONEY)
        currency = _text("Currency", "currency", "EUR", "A word that stands behind amounts of money.")
    with right:
        storage = _text("Terabytes of a year", "storage", "1", f"Of a stored year. {_EXAMPLE}")
        terabyte = _text("Price of a terabyte", "terabyte_price", "20-40", _MONEY)
    return {
        "core_hours": hours or EXAMPLE,
        "storage": storage or EXAMPLE,
        "core_hour_price": price or None,
        "terabyte_price": terabyte or None,
        "currency": currency,
    }


_PERIOD = (
    "First and last year whose mean pattern is judged. Choose the years that you will ask about. A run that lacks one "
    "of them cannot judge."
)
_EXAMPLE = "A number, or a range. Left empty, an example of the literature is taken, and said to be one."
_MONEY = "A number, or a range such as .01-.03. Left empty, nothing is said in money."


def _text(label: str, name: str, example: str, help: str) -> str:
    return keys.bound(st.text_input, label, f"climate.{name}", "", placeholder=f"such as {example}", help=help).strip()
