"""A plan for scripts and for people: as plain values, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from datasel_core.costs.amounts import CENT, amount, rounded, short
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.interval import Interval
from datasel_core.costs.plan import Part, Plan

CERTAIN = (
    "No spread, no range and no pilot says how sure these numbers are, so low, middle and high are the same; time a "
    "pilot to know."
)
ALL = "all"
RANDOM = "The pilot was drawn at random; what a method chooses may take longer or shorter for each item."


def plain(found: Plan) -> dict[str, Any]:
    """JSON values; money and hours unrounded, as numbers."""
    campaign = found.campaign
    return {
        "items": campaign.items,
        "level": campaign.level,
        "hours": _numbers(found.hours),
        "money": _numbers(found.money),
        "currency": campaign.currency,
        "people": None if found.people is None else vars(found.people),
        "finish": None if found.finish is None else vars(found.finish.each(str)),
        "parts": [
            {"part": one.name, "hours": _numbers(one.hours), "money": _numbers(one.money), "why": one.why}
            for one in found.parts
        ],
        "rates": rates(campaign),
        "notes": notes(found),
    }


def rates(campaign: Campaign) -> dict[str, Any]:
    """Every number that the plan was made from that may be wrong, with its source."""
    named = {
        "labels_per_item": campaign.labels if campaign.counts_labels else None,
        f"seconds_per_{campaign.per}": campaign.seconds,
        "price_per_label": campaign.price,
    }
    return {name: rate.plain() for name, rate in named.items() if rate is not None}


def notes(found: Plan) -> list[str]:
    """What has to be known in order to believe it."""
    campaign = found.campaign
    said = [] if campaign.is_uncertain else [CERTAIN]
    if campaign.seconds is not None and campaign.seconds.k:
        said.append(RANDOM)
    return said


def sentence(found: Plan, what: str) -> str:
    """`1,240 EUR (980 to 1,560) for 50 photos`. what: how many of what, in words."""
    return kept_sentence(plain(found), what)


def kept_sentence(said: Mapping[str, Any], what: str) -> str:
    """The same of a plan as `plain` says it, such as one that was kept."""
    money = said["money"] and Interval(**said["money"])
    return f"{in_words(money, said['currency']) if money else lasting(Interval(**said['hours']))} for {what}"


def in_words(found: Interval, unit: str = "") -> str:
    """`1,240 EUR (980 to 1,560)`: three digits that count, more would say nothing; one number where it is exact."""
    if found.is_point:
        return amount(found.mid, unit)
    return f"{short(found.mid, unit)} ({short(found.low)} to {short(found.high)})"


def lasting(hours: Interval[float]) -> str:
    """`31 hours (25 to 39)`; below one in minutes."""
    return in_words(hours, "hours") if hours.mid >= 1 else in_words(hours.each(lambda many: 60 * many), "minutes")


def time(found: Plan) -> str:
    """`31 hours, done by 2026-03-12 (2026-03-10 to 2026-03-16) with 2 people`; what is known of it."""
    campaign, said = found.campaign, []
    if found.hours is not None and found.money is not None:
        said.append(lasting(found.hours))
    people = "1 person" if campaign.people == 1 else f"{campaign.people:,} people"
    if found.finish is not None:
        early, late = found.finish.low, found.finish.high
        between = "" if early == late else f" ({early} to {late})"
        said.append(f"done by {found.finish.mid}{between} with {people}")
    return ", ".join(said)


def needed(found: Plan) -> str:
    """`3 people (2 to 4) are needed by 2026-03-12`; empty without a deadline."""
    if found.people is None:
        return ""
    low, mid, high = found.people.low, found.people.mid, found.people.high
    between = "" if low == high else f" ({low:,} to {high:,})"
    who = "1 person is" if mid == high == 1 else f"{mid:,} people{between} are"
    return f"{who} needed by {found.campaign.deadline}"


@dataclass(frozen=True)
class Row:
    """One part in words, for a table; the middles of money add up to that of the whole."""

    name: str
    hours: str
    money: str
    why: str


def table(found: Plan) -> list[Row]:
    """A row for each part and one for all of them."""
    known = [one.money.mid for one in found.parts if one.money is not None]
    step = CENT if sum(known, Decimal(0)) < 1000 else Decimal(1)
    shown = iter(rounded(known, step))
    rows = [_row(one, f"{next(shown):,}" if one.money is not None else "") for one in found.parts]
    if len(rows) > 1:
        total = f"{rounded([found.money.mid], step)[0]:,}" if found.money is not None else ""
        rows.append(Row(ALL, _hours(found.hours), total, ""))
    return rows


def _row(one: Part, money: str) -> Row:
    return Row(one.name, _hours(one.hours), money, one.why)


def _hours(found: Interval[float] | None) -> str:
    return "" if found is None else f"{found.mid:,.2f}" if found.mid >= 0.05 else f"{found.mid:.2g}"


def lines(found: Plan, what: str) -> list[str]:
    """For a terminal."""
    level = f"{found.campaign.level:.0%} of such campaigns lie between"
    between = "" if not found.campaign.is_uncertain else f" ({level})"
    said = [f"{sentence(found, what)}{between}", time(found), needed(found)]
    said += [
        "  " + "\t".join(filter(None, [one.name, one.hours and f"{one.hours} h", one.money, one.why]))
        for one in table(found)
    ]
    return [line for line in said if line] + [f"  {line}" for line in sources(found.campaign)]


def sources(campaign: Campaign) -> list[str]:
    """`seconds per label: a box around an object, ...`: where the numbers come from, a line for each place."""
    by: dict[str, list[str]] = {}
    for name, rate in rates(campaign).items():
        if rate.get("source"):
            by.setdefault(rate["source"], []).append(name.replace("_", " "))
    return [f"{' and '.join(names)}: {source}" for source, names in by.items()]


def _numbers(found: Interval | None) -> Mapping[str, float] | None:
    return None if found is None else found.plain()
