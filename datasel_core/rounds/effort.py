"""What a round takes: samples, hours, money; planned by plain numbers, and as it was."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from datasel_core.errors import BadRequest


class Price(BaseModel):
    """seconds: per sample. wage: per hour. each: money per sample, beside the wage. currency: any short word."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seconds: float = Field(0.0, ge=0)
    wage: float = Field(0.0, ge=0)
    each: float = Field(0.0, ge=0)
    currency: str = Field("", max_length=8)

    @property
    def is_known(self) -> bool:
        return self.wage > 0 or self.each > 0

    def money(self, seconds: float, n: int) -> float:
        return seconds / 3600 * self.wage + n * self.each


class Effort(BaseModel):
    """items: samples. None: nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    items: int = Field(ge=0)
    hours: float | None = Field(None, ge=0)
    money: float | None = Field(None, ge=0)


def planned(price: Price, n: int) -> Effort:
    """The joint where a plan with intervals takes its place: its middle numbers."""
    seconds = price.seconds * n
    hours = seconds / 3600 if price.seconds else None
    known = price.is_known and (hours is not None or not price.wage)
    return Effort(items=n, hours=hours, money=price.money(seconds, n) if known else None)


def typed(price: Price, items: int, hours: float | None, money: float | None) -> Effort:
    """What a person says it took; money by the price where only hours are said. Raises BadRequest."""
    for name, value in (("items", items), ("hours", hours), ("money", money)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise BadRequest(f"--{name} is {value:g}; it must be a number from 0 up.")
    if money is None and hours is not None and price.is_known:
        money = price.money(3600 * hours, items)
    return Effort(items=items, hours=hours, money=money)


def measured(price: Price, chosen: Sequence[str], labels: Mapping[str, Sequence[Any]]) -> Effort:
    """What labels that came back say it took: the joint to an import of labels. labels: columns `id` and, where times
    are known, `seconds`; an id may come more than once, from several people. chosen: the ids of the round.

    Raises BadRequest where an id is not of the round, or a time is none.
    """
    ids, known = [str(one) for one in labels["id"]], set(chosen)
    if strange := [one for one in ids if one not in known]:
        raise BadRequest(
            f"{len(strange):,} of {len(ids):,} labels are of samples that are not in this round, such as {strange[0]}; "
            "name the file that came back for it."
        )
    n = len(set(ids))
    seconds = labels.get("seconds")
    if seconds is None:
        return Effort(items=n)
    times = [_seconds(value, id) for value, id in zip(seconds, ids, strict=True)]
    return typed(price, n, sum(times) / 3600, None)


def _seconds(value: Any, id: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not (math.isfinite(found) and found >= 0):
        raise BadRequest(f"The time of {id} is {value!r}; seconds must be a number from 0 up.")
    return found
