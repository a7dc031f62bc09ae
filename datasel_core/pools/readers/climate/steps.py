"""Steps of time, in the calendar of their model, as years: annual means are taken as they are, monthly ones are
weighted by the days of their months.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.errors import BadInput

if TYPE_CHECKING:
    import xarray as xr

ANNUAL, MONTHLY = "ann", "mon"
_YEARS = ("year", "years")
_MONTH, _YEAR = (25.0, 35.0), (340.0, 380.0)
"""Days between the steps of monthly and of annual means, whatever the calendar."""


@dataclass(frozen=True)
class Steps:
    """year, month, days: (t,) of each step; of annual means the month is 0. every: ANNUAL or MONTHLY. calendar: as CF
    names it. dim: the dimension that they are the steps of.
    """

    year: np.ndarray
    month: np.ndarray
    days: np.ndarray
    every: str
    calendar: str
    dim: str


@dataclass(frozen=True)
class Months:
    """Of one year. month, days: (m,). values: (m, cells)."""

    month: np.ndarray
    days: np.ndarray
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(cells,) weighted by days."""
        return self.days @ self.values / self.days.sum()


@dataclass(frozen=True)
class Years:
    """year: (y,) in order. values: (y, cells) annual means, NaN where a cell has none. short: year -> the months that
    are there, of years that are not whole: the others may lie in another file.
    """

    year: np.ndarray
    values: np.ndarray
    short: Mapping[int, Months] = field(default_factory=dict)


def steps_of(data: "xr.Dataset", variable: str, file: str) -> Steps:
    """Raises BadInput where its steps are neither years nor months, or cannot be read."""
    dim = _time_dim(data, variable)
    if dim is None:
        raise BadInput(
            f"{file}: {variable} has no axis of time; its dimensions are {', '.join(map(str, data[variable].dims))}."
        )
    times = np.asarray(data[dim])
    if not len(times):
        raise BadInput(f"{file}: {variable} has no step of time.")
    if times.dtype.kind in "iuf":
        return _plain_years(times, dim, file)
    when = _middle(data, dim, times)
    year, month = (np.array([getattr(one, name) for one in when], np.int64) for name in ("year", "month"))
    days = np.array([one.daysinmonth for one in when], np.float64)
    every = _every(when, data.attrs, file)
    if every == ANNUAL:
        month, days = np.zeros_like(month), np.ones_like(days)
    place = year * 13 + month
    if (np.diff(np.sort(place)) == 0).any():
        twice = np.sort(place)[np.flatnonzero(np.diff(np.sort(place)) == 0)[0]]
        named = f"{twice // 13}" if every == ANNUAL else f"{twice // 13}-{twice % 13:02d}"
        raise BadInput(f"{file}: {named} stands twice on its axis of time; keep one of them.")
    return Steps(year, month, days, every, str(getattr(when[0], "calendar", "standard")), dim)


def annual(steps: Steps, values: np.ndarray) -> Years:
    """values: (t, cells) as the file has them. A cell that lacks a month has no mean of the year."""
    if steps.every == ANNUAL:
        order = np.argsort(steps.year, kind="stable")
        return Years(steps.year[order], np.asarray(values, np.float64)[order])
    whole, short = {}, {}
    for year in np.unique(steps.year).tolist():
        mine = np.flatnonzero(steps.year == year)
        months = Months(steps.month[mine], steps.days[mine], np.asarray(values[mine], np.float64))
        if len(mine) < 12:
            short[year] = months
        else:
            whole[year] = months.mean
    found = np.array(list(whole.values())) if whole else np.empty((0, values.shape[1]))
    return Years(np.array(list(whole), np.int64), found, short)


def _time_dim(data: "xr.Dataset", variable: str) -> str | None:
    for dim in map(str, data[variable].dims):
        there = dim in data.variables
        if dim.lower() in ("time", *_YEARS) or (there and data[dim].attrs.get("standard_name") == "time"):
            return dim if there else None
    return None


def _plain_years(times: np.ndarray, dim: str, file: str) -> Steps:
    """Numbers without a unit that can only be years: `year` 1850, 1851, ..."""
    year = np.asarray(times, np.float64)
    if not (np.isfinite(year).all() and (year == np.round(year)).all() and year.min() >= 1 and year.max() < 10000):
        raise BadInput(
            f"{file}: the units of its time are missing; CF writes them as 'days since 1850-01-01', with a calendar."
        )
    if len(np.unique(year)) < len(year):
        raise BadInput(f"{file}: a year stands twice on its axis of time; keep one of them.")
    ones = np.ones(len(year))
    return Steps(year.astype(np.int64), np.zeros(len(year), np.int64), ones, ANNUAL, "none", dim)


def _middle(data: "xr.Dataset", dim: str, times: np.ndarray) -> list[Any]:
    """The middle of each step, where its bounds are known: some models stamp a month with the day on which it ends."""
    name = data[dim].attrs.get("bounds", data[dim].encoding.get("bounds", f"{dim}_bnds"))
    if name in data.variables and data[name].shape == (len(times), 2):
        edges = np.asarray(data[name])
        if edges.dtype == object and all(first < last for first, last in edges):
            return [first + (last - first) / 2 for first, last in edges]
    return list(times)


def _every(when: list[Any], attributes: dict[Any, Any], file: str) -> str:
    """ANNUAL or MONTHLY, by the steps themselves: files of annual means may say `mon`, of what they were made."""
    if len(when) == 1:
        return MONTHLY if str(attributes.get("frequency", "")).startswith("mon") else ANNUAL
    ordered = sorted(when)
    apart = np.median(
        [(later - earlier).total_seconds() / 86400 for earlier, later in zip(ordered, ordered[1:], strict=False)]
    )
    if _YEAR[0] <= apart <= _YEAR[1]:
        return ANNUAL
    if _MONTH[0] <= apart <= _MONTH[1]:
        return MONTHLY
    raise BadInput(
        f"{file}: its steps are {apart:.3g} d apart; annual and monthly means are read, so make one of these first."
    )
