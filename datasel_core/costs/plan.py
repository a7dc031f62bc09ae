"""From a campaign to a plan: hours, money, head-count and finish date, each low, middle and high at its level.

The law. Labels per item and seconds per label differ from one to the next, so the total over n items spreads: its
variance follows from theirs, and it is taken as log-normal. Where a mean was measured on a pilot of k items, its own
interval is added; where only a range is known, low is planned at its lower end and high at its upper end, so that the
level holds wherever in the range the truth lies. Passes over one item share its labels; where seconds are per item,
they share all of its time, which is the careful side.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from datasel_core.costs import workdays
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.interval import Interval, around, together, widest
from datasel_core.costs.rates import Rate, quantile

LABELS, PASSES, GOLD, ADJUDICATION, REVIEW = "labels", "further passes", "gold", "adjudication", "review"
MINIMUM = "up to the minimum order"


@dataclass(frozen=True)
class Part:
    """name: LABELS, PASSES, ... hours, money: None where nobody can know. why: how it is reckoned, in words."""

    name: str
    hours: Interval[float] | None
    money: Interval[Decimal] | None
    why: str


@dataclass(frozen=True)
class Plan:
    """hours: None where only a price per label is known. money: None where no wage and no price is. people: how many
    meet the deadline; None without one. finish: on which day the campaign's people are done; None without a start.
    """

    campaign: Campaign
    hours: Interval[float] | None
    money: Interval[Decimal] | None
    parts: Sequence[Part]
    people: Interval[int] | None
    finish: Interval[date] | None

    @property
    def cost(self) -> dict[str, float]:
        """low, mid, high of the money; of the hours where there is none."""
        found = self.money or self.hours
        assert found is not None
        return found.plain()


def plan(campaign: Campaign) -> Plan:
    """Raises BadParameter where it would take more than a hundred years."""
    low, mid, high = (_at(_ranges_at(campaign, end)) for end in (0, None, 1))
    parts = [_part(*same) for same in zip(low[0], mid[0], high[0], strict=True)]
    hours, money = (_joined(low[at], mid[at], high[at]) for at in (1, 2))
    shown = [one for one in parts if one.name != MINIMUM or one.money.mid > 0]
    return Plan(campaign, hours, money, shown, _people(campaign, hours), _finish(campaign, hours))


def _part(low: Part, mid: Part, high: Part) -> Part:
    hours, money = _joined(low.hours, mid.hours, high.hours), _joined(low.money, mid.money, high.money)
    return Part(mid.name, hours, money, mid.why)


def _joined(low: Interval | None, mid: Interval | None, high: Interval | None) -> Interval | None:
    return None if low is None or mid is None or high is None else widest(low, mid, high)


def _at(one: Campaign) -> tuple[list[Part], Interval[float] | None, Interval[Decimal] | None]:
    """Parts, hours and money of a campaign without ranges."""
    others = _others(one)
    whole = _hours(one, *_whole(one))
    hours = None if whole is None else together([whole, *(part.hours for part in others)])
    if one.price is None:
        return [*_labelling(one), *others], hours, _paid(one, hours)
    labels, least = _priced(one, *_whole(one)), Decimal(str(one.price.mid)) * one.minimum
    more = max(Decimal(0), least - labels.mid)
    order = Part(MINIMUM, None, Interval(more, more, more), f"{one.minimum:,} labels are paid at least")
    paid = labels.each(lambda money: max(money, least))
    return [*_labelling(one), order, *others], hours, together([paid, *(part.money for part in others)])


def _ranges_at(campaign: Campaign, end: int | None) -> Campaign:
    def known(rate: Rate | None) -> Rate | None:
        if rate is None or not rate.has_range:
            return rate
        return rate.at(rate.mid if end is None else rate.ends[end])

    rates = {name: known(getattr(campaign, name)) for name in ("labels", "seconds", "price")}
    return dataclasses.replace(campaign, **rates)


def _gold(one: Campaign) -> int:
    return _up(one.items * one.gold)


def _whole(one: Campaign) -> tuple[int, int]:
    """All that is labelled: different items, and how often each."""
    return one.items + _gold(one), one.passes


def _labelling(one: Campaign) -> list[Part]:
    """The parts that are labelled, one label like another."""
    many = [(LABELS, one.items, 1, _items(one.items))]
    if one.passes > 1:
        many.append((PASSES, one.items, one.passes - 1, f"{_items(one.items)}, {_times(one.passes - 1)} more"))
    if gold := _gold(one):
        many.append((GOLD, gold, one.passes, f"{_items(gold)} with known labels"))
    return [
        Part(name, hours, _paid(one, hours) if one.price is None else _priced(one, n, times), f"{words}{_each(one)}")
        for name, n, times, words in many
        for hours in [_hours(one, n, times)]
    ]


def _items(n: int) -> str:
    return "1 item" if n == 1 else f"{n:,} items"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _each(one: Campaign) -> str:
    """` × 5.2 labels × 10 s`."""
    labels = f" × {one.labels.mid:.4g} labels" if one.counts_labels else ""
    seconds = f" × {one.seconds.mid:.4g} s" if one.seconds is not None and one.price is None else ""
    price = f" × {one.price.mid:.4g} each" if one.price is not None else ""
    return f"{labels}{seconds}{price}"


def _hours(one: Campaign, items: int, times: int) -> Interval[float] | None:
    """Of labelling so many different items so many times each."""
    if one.seconds is None:
        return None
    below, above = one.seconds.reach(one.level)
    mean, cv2, k = one.seconds.mid, one.seconds.cv2, one.seconds.k
    if one.per == "label":
        fewer, more = one.labels.reach(one.level)
        below, above = math.hypot(below, fewer), math.hypot(above, more)
        mean, cv2 = mean * one.labels.mid, one.labels.cv2 + cv2 / (one.labels.mid * times)
        k = min((rate.k for rate in (one.labels, one.seconds) if rate.k), default=0)
    total = items * times * mean / 3600
    return around(total, math.log1p(cv2 / items), below, above, quantile(one.level, k))


def _priced(one: Campaign, items: int, times: int) -> Interval[Decimal]:
    """The same in money, where a label has a price."""
    assert one.price is not None
    below, above = one.labels.reach(one.level)
    width = quantile(one.level, one.labels.k)
    labels = around(items * times * one.labels.mid, math.log1p(one.labels.cv2 / items), below, above, width)
    price = Decimal(str(one.price.mid))
    return labels.each(lambda many: Decimal(repr(many)) * price)


def _paid(one: Campaign, hours: Interval[float] | None) -> Interval[Decimal] | None:
    """What so many hours cost; None without a wage."""
    wage = one.wage
    return None if wage is None or hours is None else hours.each(lambda many: Decimal(repr(many)) * wage)


def _others(one: Campaign) -> list[Part]:
    """What is done after labelling."""
    found, n = [], one.items
    if one.adjudicated:
        many = n * one.adjudicated
        reach = quantile(one.level, 0) * math.sqrt(many * (1 - one.adjudicated))
        times = Interval(max(0.0, many - reach), many, min(float(n), many + reach))
        words = f"{100 * one.adjudicated:.3g} % of {_items(n)} × {one.adjudication_seconds:.4g} s"
        found.append((ADJUDICATION, times.each(lambda items: items * one.adjudication_seconds / 3600), words))
    if one.review:
        many = _up(n * one.review)
        hours = many * one.review_seconds / 3600
        found.append((REVIEW, Interval(hours, hours, hours), f"{_items(many)} × {one.review_seconds:.4g} s"))
    return [Part(name, hours, _paid(one, hours), words) for name, hours, words in found]


def _people(campaign: Campaign, hours: Interval[float] | None) -> Interval[int] | None:
    if hours is None or campaign.deadline is None or campaign.start is None:
        return None
    days = workdays.between(campaign.start, campaign.deadline, campaign.days_a_week)
    return hours.each(lambda many: max(1, _up(many / (days * campaign.hours_a_day))))


def _finish(campaign: Campaign, hours: Interval[float] | None) -> Interval[date] | None:
    start = campaign.start
    if hours is None or start is None:
        return None
    a_day = campaign.people * campaign.hours_a_day
    return hours.each(lambda many: workdays.last(start, max(1, _up(many / a_day)), campaign.days_a_week))


def _up(value: float) -> int:
    """The next whole number; what is whole but for rounding stays."""
    return math.ceil(round(value, 9))
