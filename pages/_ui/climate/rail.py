"""What stands beside the timeline: what the kept years cost as what can be bought, and what to do next."""

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from datasel_core.costs.document import in_words
from datasel_core.costs.simulations import document
from datasel_core.costs.simulations.price import Price
from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Timeline
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.climate import reading
from pages._ui.climate.asking import Asked
from pages._ui.kit import look, markdown
from pages._ui.kit.onward import onward

_FEW = 3
"""Runs that are named one by one."""


def draw(pool: Pool, run: Run | None, shown: Timeline, asked: Asked) -> None:
    look.section("What it costs")
    if run is None:
        st.caption("Choose years, and what they cost to simulate is said here.")
        onward("Choose years", "pages/select.py", key="climate-choose", method="gmst_stratified")
        return
    try:
        found = reading.price(pool, run, {**asked.rates, **asked.purchase})
    except DataselError as error:
        markdown.trouble(error)
        return
    table([*_years(found), *amounts(found)])
    st.markdown(markdown.plain(document.sentence(found)))
    if found.money is None:
        st.caption("Say in Settings what a core-hour costs, and it is said in money, too.")
    overlap(shown, asked)
    onward("Export what is kept", "pages/export.py", key="climate-export", leads=False)
    with st.expander("Where these numbers come from"):
        sources = [rate["source"] for rate in found.rates.plain().values() if rate.get("source")]
        st.caption("  \n".join(markdown.plain(_sentence(one)) for one in [*document.notes(found), *sources]))


def overlap(shown: Timeline, asked: Asked) -> None:
    """A line where years of the target were chosen: then nothing can be judged on it."""
    if asked.scenario is None:
        return
    _, _, seen = shown.learned(asked.scenario)
    if seen:
        are = "is" if seen == 1 else "are"
        st.caption(
            f"{look.many(seen, 'year')} of the target {markdown.plain(asked.scenario)} {are} among them: an emulator "
            "cannot be judged on what it learned from, so it learns from the others alone."
        )
        without(asked.scenario)


def without(scenario: str, leads: bool = False) -> None:
    """Leads to a choice among the other scenarios."""
    quoted = scenario.replace("'", "''")
    onward(
        f"Choose without {markdown.plain(scenario)}",
        "pages/select.py",
        key="climate-without",
        leads=leads,
        **{"select.where": f"scenario <> '{quoted}'"},
    )


def amounts(found: Price) -> list[tuple[str, str]]:
    """(what, how much with its interval), of what rates say."""
    lines = [("core-hours", found.core_hours, ""), ("storage", found.terabytes, "TB")]
    if found.money is not None:
        lines.append(("money", found.money, found.rates.currency))
    return [(what, in_words(many, unit).strip()) for what, many, unit in lines if many is not None]


def runs(names: Sequence[str]) -> str:
    """`ssp126 r1i1p1f1, ssp126 r2i1p1f1`; of many, `10 runs of historical, ssp126`."""
    if len(names) <= _FEW:
        return ", ".join(one.replace("/", " ") for one in names)
    return f"{len(names):,} runs of {', '.join(dict.fromkeys(map(scenario_of, names)))}"


def table(lines: Sequence[tuple[str, Any]]) -> None:
    rows = "".join(f"<dt>{html.escape(what)}</dt><dd>{html.escape(str(value))}</dd>" for what, value in lines)
    st.html(f'<div class="ds-record"><dl>{rows}</dl></div>')


def _years(found: Price) -> list[tuple[str, str]]:
    bought = found.bought
    lines = [("years kept", f"{bought.kept:,}"), ("years simulated", f"{bought.simulated:,}")]
    return [*lines, ("of them spin-up", f"{bought.spin_up:,}")] if bought.spin_up else lines


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
