"""Numbers as people write them, read alike in every country: digits and a dot for decimals, nothing else. A comma would
be decimals in one country and thousands in another, so it is refused.
"""

import math
import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from datasel_core.errors import BadParameter

_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{1,9})?|\.\d{1,9})", re.ASCII)
_SPAN = re.compile(r"(?P<low>[^-\s]+)\s*(?:-|to)\s*(?P<high>[^-\s]+)")
CENT = Decimal("0.01")


def number(what: str, said: str) -> Decimal:
    """what: what the number is called in a message. Raises BadParameter."""
    text = str(said).strip()
    if not _NUMBER.fullmatch(text):
        raise BadParameter(f"The {what} is {text[:40]!r}; write it with digits and a dot for decimals, as in 1234.5.")
    return Decimal(text)


def positive(what: str, said: str) -> Decimal:
    """Raises BadParameter."""
    found = number(what, said)
    if found <= 0:
        raise BadParameter(f"The {what} is {said}; it must be above 0.")
    return found


def not_negative(what: str, said: str) -> Decimal:
    """Raises BadParameter."""
    found = number(what, said)
    if found < 0:
        raise BadParameter(f"The {what} is {said}; it must not be below 0.")
    return found


def span(what: str, said: str) -> tuple[float, float]:
    """`7-35` as its two ends; `10` as 10 and 10. Raises BadParameter."""
    found = _SPAN.fullmatch(said.strip())
    low, high = (positive(what, one) for one in ((found["low"], found["high"]) if found else (said, said)))
    if high < low:
        raise BadParameter(f"The {what} is {said}; the first number of a range is the lower one.")
    return float(low), float(high)


def share(what: str, said: str) -> float:
    """`5%` or `.05` as .05. Raises BadParameter."""
    text = said.strip()
    found = float(number(what, text.removesuffix("%").rstrip())) / (100 if text.endswith("%") else 1)
    if not 0 <= found <= 1:
        raise BadParameter(f"The {what} is {text}; it must be a share from 0% to 100%, such as 5%.")
    return found


def day(what: str, said: str) -> date:
    """`2026-05-01`. Raises BadParameter."""
    try:
        return date.fromisoformat(said.strip())
    except ValueError:
        raise BadParameter(f"The {what} is {said[:40]!r}; write year-month-day, as in 2026-05-01.") from None


def rounded(values: Sequence[Decimal], step: Decimal = CENT) -> list[Decimal]:
    """Each to a multiple of the step, so that they add up to their rounded sum: what is left over goes to those that
    lost most, the first of equals first.
    """
    total = (sum(values, Decimal(0)) / step).to_integral_value(ROUND_HALF_UP)
    down = [(value / step).to_integral_value(ROUND_DOWN) for value in values]
    lost = sorted(range(len(values)), key=lambda at: (down[at] - values[at] / step, at))
    for at in lost[: int(total - sum(down, Decimal(0)))]:
        down[at] += 1
    return [(one * step).quantize(step) for one in down]


def amount(value: Decimal | float, currency: str = "") -> str:
    """`1,240`, `12.50 EUR`: in whole units from 100 on, to cents below."""
    value = Decimal(value)
    text = f"{value.quantize(Decimal(1), ROUND_HALF_UP):,}" if abs(value) >= 100 else f"{value.quantize(CENT):,}"
    return f"{text} {currency}".rstrip()


def short(value: Decimal | float, unit: str = "") -> str:
    """`1,240`, `12.3 EUR`, `0.69`: to three digits that count; of what is not known exactly, more would say nothing."""
    value = float(value)
    places = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, places):,.{min(max(places, 0), 4)}f} {unit}".rstrip()
