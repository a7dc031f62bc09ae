"""What simulated years cost: core-hours, storage and money, each low, middle and high."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from datasel_core.costs.campaign import LEVEL
from datasel_core.costs.interval import Interval
from datasel_core.costs.rates import Rate
from datasel_core.costs.simulations.purchase import Bought
from datasel_core.errors import BadParameter


@dataclass(frozen=True)
class Rates:
    """core_hours: of a simulated year, or of a year of an archive that is post-processed. terabytes: of a year that is
    stored. core_hour, terabyte: their prices. None where nobody says it: then nothing is reckoned from it. level: of
    rates that were measured.
    """

    core_hours: Rate | None = None
    terabytes: Rate | None = None
    core_hour: Rate | None = None
    terabyte: Rate | None = None
    currency: str = ""
    level: float = LEVEL

    def __post_init__(self):
        for price, of, word in ((self.core_hour, self.core_hours, "core-hour"), (self.terabyte, self.terabytes, "TB")):
            if price is not None and of is None:
                raise BadParameter(f"The price of a {word} says nothing without how many a year takes; say both.")

    def plain(self) -> dict[str, Any]:
        named = {
            "core_hours_per_year": self.core_hours,
            "terabytes_per_year": self.terabytes,
            "price_per_core_hour": self.core_hour,
            "price_per_terabyte": self.terabyte,
        }
        return {name: rate.plain() for name, rate in named.items() if rate is not None}


@dataclass(frozen=True)
class Price:
    """core_hours, terabytes, money: None where no rate says it. Low takes every rate at its lower end and high at its
    upper end, so that the truth lies between wherever in their ranges the rates do.
    """

    bought: Bought
    rates: Rates
    core_hours: Interval[float] | None
    terabytes: Interval[float] | None
    money: Interval[Decimal] | None


def price(found: Bought, rates: Rates) -> Price:
    """years x core-hours x price + stored years x terabytes x price."""
    core_hours = _times(found.processed, rates.core_hours, rates.level)
    terabytes = _times(found.stored, rates.terabytes, rates.level)
    paid = [
        _money(many, each, rates.level)
        for many, each in ((core_hours, rates.core_hour), (terabytes, rates.terabyte))
        if many is not None and each is not None
    ]
    money = None
    if paid:
        money = Interval(*(sum((getattr(one, end) for one in paid), Decimal(0)) for end in ("low", "mid", "high")))
    return Price(found, rates, core_hours, terabytes, money)


def _times(years: int, rate: Rate | None, level: float) -> Interval[float] | None:
    if rate is None:
        return None
    low, high = rate.between(level)
    return Interval(years * low, years * rate.mid, years * high)


def _money(many: Interval[float], rate: Rate, level: float) -> Interval[Decimal]:
    low, high = rate.between(level)
    pairs = zip((many.low, many.mid, many.high), (low, rate.mid, high), strict=True)
    return Interval(*(Decimal(repr(one)) * Decimal(repr(each)) for one, each in pairs))
