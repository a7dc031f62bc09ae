"""A labelling campaign: all that is asked of people, as a frozen declaration."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from datasel_core.costs import workdays
from datasel_core.costs.rates import Rate
from datasel_core.errors import BadParameter

LEVEL = 0.9


@dataclass(frozen=True)
class Campaign:
    """items: how many are labelled. labels: per item. seconds: of one label, or of one item (`per`). price: of one
    label; then `minimum` labels are paid at least. wage: per hour. passes: how often each item is labelled.
    adjudicated: share of items whose passes disagree and that a further person decides. gold: items with known labels
    that are put between the others, as a share of these. review: share of items that are looked at once more. level: of
    all intervals.

    Nothing is planned that is not asked for. Raises BadParameter in one line.
    """

    items: int
    labels: Rate = Rate(1)
    seconds: Rate | None = None
    per: Literal["label", "item"] = "label"
    price: Rate | None = None
    minimum: int = 0
    wage: Decimal | None = None
    currency: str = ""
    passes: int = 1
    adjudicated: float = 0.0
    adjudication_seconds: float = 0.0
    gold: float = 0.0
    review: float = 0.0
    review_seconds: float = 0.0
    people: int = 1
    hours_a_day: float = 8.0
    days_a_week: int = 5
    start: date | None = None
    deadline: date | None = None
    level: float = LEVEL

    def __post_init__(self):
        for check in (_amounts, _work, _time):
            check(self)

    @property
    def is_uncertain(self) -> bool:
        known = [self.seconds, self.price, self.labels if self.counts_labels else None]
        return any(one is not None and one.is_uncertain for one in known) or 0 < self.adjudicated < 1

    @property
    def counts_labels(self) -> bool:
        """Whether it matters how many labels an item has."""
        return self.price is not None or self.per == "label"

    def measured(self, seconds: Rate, objects: Rate | None) -> "Campaign":
        """The same with what a pilot measured: seconds of an item, and objects in it where they were counted."""
        return replace(self, seconds=seconds, per="item", labels=self.labels if objects is None else objects)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; what is as by default is not said."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        return {name: _plain(value) for name, value in said.items()}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Campaign":
        """From `plain`."""
        return cls(**{name: _READ.get(name, lambda value: value)(value) for name, value in said.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Rate):
        return value.plain()
    return str(value) if isinstance(value, Decimal | date) else value


def _rate(said: Mapping[str, Any]) -> Rate:
    return Rate(**said)


_READ = {"labels": _rate, "seconds": _rate, "price": _rate, "wage": Decimal}
_READ |= {"start": date.fromisoformat, "deadline": date.fromisoformat}


def _amounts(one: Campaign) -> None:
    _at_least("number of items", one.items, 1)
    _at_least("minimum order", one.minimum, 0)
    if one.seconds is None and one.price is None:
        raise BadParameter("Nothing says how long a label takes or what it costs; say one of them.")
    if one.wage is not None and one.wage <= 0:
        raise BadParameter(f"The wage is {one.wage}; it must be above 0.")
    if one.minimum and one.price is None:
        raise BadParameter("A minimum order belongs to a price per label; say the price, too.")
    if len(one.currency) > 12 or not one.currency.isprintable():
        raise BadParameter("The currency is a word of at most 12 letters, such as EUR.")


def _work(one: Campaign) -> None:
    _at_least("number of passes", one.passes, 1)
    for what, share in (("adjudicated", one.adjudicated), ("gold", one.gold), ("review", one.review)):
        if not 0 <= share <= 1:
            raise BadParameter(f"The {what} share is {share}; it must be a share from 0% to 100%.")
    if one.adjudicated and one.passes < 2:
        raise BadParameter("Only labels that disagree are adjudicated; that takes at least 2 passes.")
    for what, share, seconds in (
        ("an adjudication", one.adjudicated, one.adjudication_seconds),
        ("a review", one.review, one.review_seconds),
    ):
        if share and seconds <= 0:
            raise BadParameter(f"Say how many seconds {what} of one item takes; it must be above 0.")
        if share and one.price is not None and one.wage is None:
            raise BadParameter(f"A price per label does not pay {what}; say a wage per hour, too.")


def _time(one: Campaign) -> None:
    _at_least("number of people", one.people, 1)
    if not 0 < one.hours_a_day <= 24:
        raise BadParameter(f"Hours a day are {one.hours_a_day:g}; they must be above 0 and at most 24.")
    if not 1 <= one.days_a_week <= 7:
        raise BadParameter(f"Days a week are {one.days_a_week}; they must be from 1 to 7.")
    if not 0.5 <= one.level <= 0.99:
        raise BadParameter(f"The level is {one.level:g}; it must be from 0.5 to 0.99.")
    if one.deadline is None:
        return
    if one.start is None:
        raise BadParameter("A deadline needs a start; say the day on which labelling begins.")
    if one.deadline < one.start:
        raise BadParameter(f"The deadline {one.deadline} is before the start {one.start}.")
    if not workdays.between(one.start, one.deadline, one.days_a_week):
        raise BadParameter(f"There is no working day from {one.start} to {one.deadline}.")


def _at_least(what: str, value: int, least: int) -> None:
    if value < least:
        raise BadParameter(f"The {what} is {value}; it must be at least {least}.")
