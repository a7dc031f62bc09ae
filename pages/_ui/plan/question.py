"""What is to be planned: one row of controls, the rest in a drawer. All of it stands in the address."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from datasel_core.actions import rates as listed
from datasel_core.actions.plan import PILOT, PlanLabels
from datasel_core.costs import kept
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.plan import Plan, plan
from datasel_core.costs.tables import table as tables
from datasel_core.costs.tables.line import Line
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.question import budget

OWN, OWN_PRICE = "seconds", "price"
"""Rates that are typed: a time for one label, or its price."""
_USUAL = "examples/box"


@dataclass(frozen=True)
class Asked:
    """task: as the command line would ask it. campaign, found: None while something is missing. trouble: what is wrong,
    in one line. run: the selection that is planned for, where it is one.
    """

    pool: Pool
    task: PlanLabels | None
    campaign: Campaign | None
    found: Plan | None
    trouble: str
    run: Run | None

    def price(self, n: int) -> dict[str, float] | None:
        """low, mid, high of labelling n samples in the same way: money, or hours where no wage is said; None while
        something is missing.
        """
        return None if self.campaign is None else plan(replace(self.campaign, items=n)).cost

    @property
    def unit(self) -> str:
        """`EUR`, `money`, `hours`: what a cost is in."""
        if self.found is None or self.found.money is None:
            return "hours"
        return self.found.campaign.currency or "money"


def ask(pool: Pool) -> Asked:
    """Draws the row of controls."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="plan-asked"):
        return _row(pool)


def _row(pool: Pool) -> Asked:
    run, given = _what(pool)
    rate, line = _rate(pool)
    given |= {"rate": rate} if rate not in (OWN, OWN_PRICE) else {rate: _typed(rate)}
    priced = rate == OWN_PRICE or (line is not None and line.of == "price")
    if rate != PILOT and (line is None or line.of != "item"):
        given["labels_per_item"] = _text(f"Labels per {look.unit(pool, 1)}", "labels_per_item", "1", _LABELS, 145)
    if not priced:
        given["wage"] = _text("Wage per hour", "wage", "25", "Pay of one hour of labelling, with a dot for cents.", 135)
    with st.popover("Settings", icon=":material/tune:", key="plan-settings"):
        given |= _settings(pool, rate, priced)
    return _asked(pool, run, given, _lacks(rate, given))


_LABELS = (
    "How many labels one sample takes, such as objects in a photo: a number, or a range as in 2-6. A pilot that counts "
    "objects says it better."
)


def _what(pool: Pool) -> tuple[Run | None, dict[str, Any]]:
    """The selection, or the budget."""
    runs = {run.key: run for run in disk.runs(pool)}
    key = keys.bound(
        st.selectbox,
        "What is labelled",
        "plan.of",
        "",
        options=["", *runs],
        format_func=lambda key: look.listed(runs[key]) if key else "A budget",
        width=160,
    )
    if key:
        return runs[key], {"run": key}
    most = disk.n_candidates(pool)
    now = budget.current(pool, most)
    keys.moved("plan.count", now)
    st.number_input(
        f"{look.unit(pool).capitalize()}, 1 to {most:,}",
        1,
        most,
        now,
        step=1,
        key="plan.count",
        on_change=lambda: budget.put(st.session_state["plan.count"]),
        width=130,
        help="How many are labelled. The same budget as on the page Select.",
    )
    return None, {"budget": str(now), "method": keys.get("method")}


def _rate(pool: Pool) -> tuple[str, Line | None]:
    """What a label takes: a line of a table, the newest pilot, or numbers that are typed."""
    lines, there = _lines(pool), kept.newest(disk.home(pool), "pilot", pool) is not None
    options = [*([PILOT] if there else []), *lines, OWN, OWN_PRICE]
    usual = PILOT if there else _USUAL if pool.kind in ("images", "pairs") else OWN
    rate = keys.bound(
        st.selectbox,
        "What a label takes",
        "plan.rate",
        usual,
        options=options,
        format_func=lambda one: _called(one, lines),
        width=245,
        help="Examples are numbers from the literature, with their source, not the pace of your people: time a pilot.",
    )
    return rate, lines.get(rate)


def _lines(pool: Pool) -> dict[str, Line]:
    """`examples/box` -> the line; of tables that are sound."""
    home, found = disk.home(pool), {}
    for name in tables.names(home):
        try:
            found |= {f"{name}/{line.name}": line for line in tables.lines(home, name)}
        except DataselError as error:
            markdown.trouble(error)
    return found


def _called(rate: str, lines: dict[str, Line]) -> str:
    fixed = {PILOT: "The pilot's times", OWN: "Seconds that I type", OWN_PRICE: "A price that I type"}
    if rate in fixed:
        return fixed[rate]
    line = lines[rate]
    return f"{line.what}: {listed.number(line)} {line.unit} ({rate.partition('/')[0]})"


def _typed(rate: str) -> str | None:
    if rate == OWN:
        return (
            _text("Seconds per label", "seconds", "7-35", "Of one label: a number, or a range as in 7-35.", 145) or None
        )
    return _text("Price per label", "price", ".04", "Of one label: a number, or a range as in .03-.06.", 145) or None


def _lacks(rate: str, given: dict[str, Any]) -> bool:
    """Whether what a label takes is still to be typed."""
    return rate in (OWN, OWN_PRICE) and not given[rate]


def _text(label: str, name: str, example: str, help: str, width: Any = "stretch") -> str:
    kept_as = keys.bound(
        st.text_input, label, f"plan.{name}", "", placeholder=f"such as {example}", help=help, width=width
    )
    return kept_as.strip()


def _number(label: str, name: str, usual: int, low: int, high: int, help: str) -> int:
    kept_as = f"plan.{name}"
    return int(keys.bound(st.number_input, label, kept_as, usual, min_value=low, max_value=high, step=1, help=help))


def _settings(pool: Pool, rate: str, priced: bool) -> dict[str, Any]:
    """What is set rarely; empty fields are not asked for."""
    one = look.unit(pool, 1)
    look.section("More work", "nothing is planned that is not asked for")
    left, right = st.columns(2, gap="medium")
    with left:
        passes = _number("Passes", "passes", 1, 1, 10, f"How many people label each {one}, one after the other.")
        text = {"adjudicated": _text("Disagreements decided", "adjudicated", "10%", _DECIDED)}
        text["gold"] = _text("Gold share", "gold", "5%", f"Each {one} of known labels is labelled, too, unseen.")
        text["review"] = _text(
            "Review share", "review", "10%", f"Which share of the {look.unit(pool)} is looked at again."
        )
    with right:
        least = _number("Minimum order", "minimum_order", 0, 0, 10**9, _ORDER) if priced else 0
        text["adjudication_seconds"] = _text("Seconds to decide one", "adjudication_seconds", "60", _EACH)
        text["review_seconds"] = _text("Seconds to review one", "review_seconds", "15", _EACH)
        text["wage"] = _text("Wage per hour", "wage", "25", "Pays decisions and reviews.") if priced else ""
    look.section("People and days")
    left, right = st.columns(2, gap="medium")
    with left:
        people = _number("People", "people", 1, 1, 10_000, "Who label at the same time.")
        text["start"] = _text("First day", "start", "2026-05-04", "Year-month-day; then a day when it is done is said.")
        text["currency"] = _text("Currency", "currency", "EUR", "A word that stands behind amounts of money.")
    with right:
        days = _number("Days a week", "days_a_week", 5, 1, 7, "Working days, from Monday on.")
        text["deadline"] = _text("Deadline", "deadline", "2026-06-01", "Then it is said how many people that takes.")
        text["hours_a_day"] = _text("Hours a day", "hours_a_day", "8", "Of labelling, for each of the people.")
    look.section("How sure")
    text |= _spreads(rate)
    given = {name: value for name, value in text.items() if value}
    return {**given, "passes": passes, "people": people, "days_a_week": days, "minimum_order": least}


_DECIDED = "Share of all whose labels disagree, and that one more person decides; takes two passes."
_ORDER = "How many labels are paid at least."
_EACH = "How long one of them takes."


def _spreads(rate: str) -> dict[str, str]:
    left, right = st.columns(2, gap="medium")
    found = {}
    with left:
        help = "Share of such campaigns that lie between the two ends. Higher is wider."
        found["level"] = _text("Level", "level", "90%", help)
        if rate == OWN:
            help = "By how much the seconds differ from label to label: their standard deviation."
            found["seconds_spread"] = _text("Spread of seconds", "seconds_spread", "8", help)
    with right:
        if rate != PILOT:
            help = "By how much labels differ from one sample to the next: their standard deviation."
            found["labels_spread"] = _text("Spread of labels", "labels_spread", "3", help)
    return found


def _asked(pool: Pool, run: Run | None, given: dict[str, Any], lacks: bool) -> Asked:
    if lacks:
        return Asked(pool, None, None, None, "", run)
    try:
        task = PlanLabels(pool=pool.name, **{name: value for name, value in given.items() if value not in (None, "")})
        campaign = task.campaign(disk.home(pool), pool)
        return Asked(pool, task, campaign, plan(campaign), "", run)
    except DataselError as error:
        return Asked(pool, None, None, None, str(error), run)
