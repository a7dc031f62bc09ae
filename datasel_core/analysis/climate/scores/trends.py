"""Trends over years and the cycle over the months of a year, of the truth and of what was emulated."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from datasel_core.analysis.climate.area import area_mean, cells_there
from datasel_core.errors import BadInput

SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}


@dataclass(frozen=True)
class Trend:
    """per_decade: change in ten years, by least squares. low, high: its 95 % interval, for residuals that remember the
    year before (Santer et al. 2000, https://doi.org/10.1029/1999JD901105); NaN where too few independent years are
    left.
    """

    per_decade: float
    low: float
    high: float


@dataclass(frozen=True)
class Trends:
    """truth, emulated: of the area mean. rmse: per decade, between the trends of the cells."""

    truth: Trend
    emulated: Trend
    rmse: float


@dataclass(frozen=True)
class Cycle:
    """truth, emulated: (12,) area mean of each month less the mean of the twelve. rmse: between the cycles of the
    cells. amplitude: emulated over true range from the lowest month to the highest of the area mean; NaN where truth
    has none.

    In each cell the wave of one year that is nearest to its cycle (`wave`): amplitude_rmse: between the amplitudes, in
    the unit of the fields. phase: mean absolute difference of when it is highest, in months, cells weighted by area and
    true amplitude, so that a cell without a cycle counts for nothing; NaN where no cell has one.
    """

    truth: np.ndarray
    emulated: np.ndarray
    rmse: float
    amplitude: float
    amplitude_rmse: float
    phase: float


def trend(series: np.ndarray, year: np.ndarray) -> Trend:
    """series, year: (years,), three at least, in any order. Raises BadInput."""
    order = np.argsort(year, kind="stable")
    x, y = np.asarray(year, np.float64)[order], np.asarray(series, np.float64)[order]
    if len(x) < 3 or (np.diff(x) == 0).any():
        raise BadInput("A trend is of three different years at least.")
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    left = y - y.mean() - slope * x
    memory = float(left[1:] @ left[:-1] / (left @ left)) if left @ left > 0 else 0.0
    effective = len(x) * (1 - memory) / (1 + memory)
    freedom = min(effective, len(x)) - 2
    if freedom <= 0:
        return Trend(10 * slope, math.nan, math.nan)
    half = float(t.ppf(0.975, freedom)) * math.sqrt(left @ left / freedom / (x @ x))
    return Trend(10 * slope, 10 * (slope - half), 10 * (slope + half))


def trends(truth: np.ndarray, emulated: np.ndarray, year: np.ndarray, weight: np.ndarray) -> Trends:
    """truth, emulated: (years, cells). year: (years,). weight: (cells,). Raises BadInput."""
    x = np.asarray(year, np.float64) - np.mean(year)
    slopes = 10 * (x @ (np.asarray(emulated, np.float64) - truth)) / (x @ x)
    own, other = (trend(area_mean(one, weight), year) for one in (truth, emulated))
    return Trends(own, other, math.sqrt(area_mean(slopes**2, weight)))


def seasonal_cycle(truth: np.ndarray, emulated: np.ndarray, month: np.ndarray, weight: np.ndarray) -> Cycle:
    """truth, emulated: (months, cells). month: (months,) 1 to 12, each there. Every month counts alike. Raises
    BadInput.
    """
    own, other = monthly_means(truth, month), monthly_means(emulated, month)
    own, other = own - own.mean(axis=0), other - other.mean(axis=0)
    at, at_other = area_mean(own, weight), area_mean(other, weight)
    reach = float(np.ptp(at))
    (size, peak), (its_size, its_peak) = wave(own), wave(other)
    late = np.abs((its_peak - peak + 6) % 12 - 6)
    return Cycle(
        at,
        at_other,
        math.sqrt(area_mean((other - own) ** 2, weight).mean()),
        float(np.ptp(at_other)) / reach if reach > 0 else math.nan,
        math.sqrt(area_mean((its_size - size) ** 2, weight)),
        float(area_mean(size * late, weight) / area_mean(size, weight)) if np.nanmax(size) > 0 else math.nan,
    )


def wave(cycle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the first harmonic: (cells,) amplitude, from the mean to the highest, in the unit of the cycle, and (cells,)
    when it is highest, in months from the middle of January, from 0 to below 12. cycle: (12, cells), months as equal
    steps.
    """
    turn = np.exp(2j * np.pi * np.arange(12) / 12)
    found = turn @ cycle / 6
    return np.abs(found), np.angle(found) * 6 / np.pi % 12


def monthly_means(fields: np.ndarray, month: np.ndarray) -> np.ndarray:
    """(12, cells) mean of each month over its years. Raises BadInput."""
    cells_there(fields)
    if lacking := sorted(set(range(1, 13)) - set(np.asarray(month).tolist())):
        raise BadInput(f"Month {lacking[0]} is not there; the cycle is of all twelve.")
    return np.stack([np.asarray(fields, np.float64)[month == one].mean(axis=0) for one in range(1, 13)])


def season(
    fields: np.ndarray, year: np.ndarray, month: np.ndarray, days: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Means of a season: (seasons,) years and (seasons, cells), months weighted by their days. December is of the
    winter of the next year. A season of which a month is lacking is left out, as the first and last winter of a run
    are.

    fields: (months, cells). year, month, days: (months,), the days of each month in the calendar of the file. name: one
    of SEASONS. Raises BadInput.
    """
    if name not in SEASONS:
        raise BadInput(f"There is no season {name}; there are {', '.join(SEASONS)}.")
    of = np.asarray(year) + ((np.asarray(month) == 12) & (name == "DJF"))
    inside = np.isin(month, SEASONS[name])
    whole, found = [], []
    for one in np.unique(of[inside]):
        rows = np.flatnonzero(inside & (of == one))
        if sorted(np.asarray(month)[rows].tolist()) == sorted(SEASONS[name]):
            share = np.asarray(days, np.float64)[rows]
            whole.append(int(one))
            found.append(share @ np.asarray(fields, np.float64)[rows] / share.sum())
    if not whole:
        raise BadInput(f"No {name} is there with all of its three months.")
    return np.array(whole), np.array(found)
