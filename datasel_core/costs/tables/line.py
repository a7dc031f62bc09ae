"""One line of a table of rates: what a label takes or costs, with its unit, date and source."""

import math
from dataclasses import astuple, dataclass

from datasel_core.costs import amounts
from datasel_core.costs.rates import Rate
from datasel_core.errors import BadParameter
from datasel_core.workspace.layout import NAME

PRICE = "price per label"
UNITS = {
    "s per label": ("label", 1.0),
    "min per label": ("label", 60.0),
    "s per item": ("item", 1.0),
    "min per item": ("item", 60.0),
    "h per item": ("item", 3600.0),
    PRICE: ("price", 1.0),
}
"""Unit -> what it is of, and how many seconds it is."""
_LONGEST = 300
"""Letters of a text."""


@dataclass(frozen=True)
class Line:
    """name: by which it is asked for. what: in words. low, mid, high: in the unit, numbers as text; low and high may be
    empty where one number is all that is known, mid where only the ends are. day: on which it was noted, as in
    2026-05-01.

    Raises BadParameter in one line.
    """

    name: str
    what: str
    low: str
    mid: str
    high: str
    unit: str
    day: str
    source: str

    def __post_init__(self):
        if not NAME.fullmatch(self.name):
            raise BadParameter(
                f"the name {self.name[:40]!r} will not do; use letters, digits, dots, dashes, underscores."
            )
        if self.unit not in UNITS:
            raise BadParameter(f"the unit is {self.unit[:40]!r}; it must be one of: {', '.join(UNITS)}.")
        if not self.source.strip():
            raise BadParameter("the source is empty; say where the number comes from.")
        if any(len(text) > _LONGEST or not text.isprintable() for text in astuple(self)):
            raise BadParameter(f"a text is longer than {_LONGEST} letters, or holds what cannot be shown.")
        amounts.day("date", self.day)
        self.rate()

    @property
    def of(self) -> str:
        """`label`, `item` or `price`."""
        return UNITS[self.unit][0]

    def rate(self) -> Rate:
        """In seconds, or in money per label."""
        if not (self.low or self.mid or self.high):
            raise BadParameter("no number is given; fill in mid, or low and high.")
        ends = [self.low, self.high] if self.low or self.high else [self.mid, self.mid]
        low, high = (float(amounts.positive(name, said)) for name, said in zip(("low", "high"), ends, strict=True))
        if high < low:
            raise BadParameter(f"low is {self.low} and high is {self.high}; the lower number comes first.")
        mid = float(amounts.positive("mid", self.mid)) if self.mid else math.sqrt(low * high)
        if not low <= mid <= high:
            raise BadParameter(f"mid is {self.mid}; it must lie from {self.low} to {self.high}.")
        low, mid, high = (UNITS[self.unit][1] * value for value in (low, mid, high))
        return Rate(mid, low=low, high=high, source=f"{self.what}, {self.source}")
