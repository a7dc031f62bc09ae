"""Global-mean temperature told apart into what was forced and what is left: a smooth curve, volcanoes, a residual.

Beusch, Gudmundsson & Seneviratne 2020, Earth System Dynamics 11, 139-159, section 3.1. LOWESS: Cleveland 1979, Journal
of the American Statistical Association 74, 829-836, without its robustness iterations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.emulators.training import Training
from datasel_core.errors import BadInput

SPAN = 50
"""Years that each local line is fitted to."""
_LEAST_YEARS = 30
"""A run of fewer years says too little of an autoregression of up to 12 lags."""


@dataclass(frozen=True)
class Run:
    """rows: (n,) positions of its consecutive years among those of the training, in order."""

    scenario: str
    member: str
    rows: np.ndarray


@dataclass(frozen=True)
class Split:
    """forced, residual: (years,) in K; their sum is the global mean. volcanic: K per unit of aerosol optical depth; 0
    where no depth was given.
    """

    forced: np.ndarray
    residual: np.ndarray
    volcanic: float


def runs(training: Training) -> list[Run]:
    """The runs of a training, in the order in which they come first. Raises BadInput where one has gaps, a year twice,
    or too few years: variability is of consecutive years.
    """
    found = []
    for scenario, member in dict.fromkeys(zip(training.scenario.tolist(), training.member.tolist(), strict=True)):
        rows = np.flatnonzero((training.scenario == scenario) & (training.member == member))
        rows = rows[np.argsort(training.year[rows], kind="stable")]
        name, years = f"{scenario}/{member}".strip("/") or "the run", training.year[rows]
        if (gaps := np.flatnonzero(np.diff(years) != 1)).size:
            at = gaps[0]
            raise BadInput(
                f"In {name} the year {years[at + 1]} follows {years[at]}; internal variability needs consecutive "
                "years, such as whole runs or one block of each."
            )
        if len(rows) < _LEAST_YEARS:
            raise BadInput(
                f"{name} has {len(rows)} years; internal variability needs at least {_LEAST_YEARS} of a run."
            )
        found.append(Run(scenario, member, rows))
    return found


def smooth(series: np.ndarray, span: int = SPAN) -> np.ndarray:
    """(years,) LOWESS of consecutive years: around each a line through the `span` nearest, tricube weights; all years
    where there are fewer. One or two years stay as they are.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    series = np.asarray(series, np.float64)
    if len(series) < 3:
        return series.copy()
    share = min(1.0, span / len(series))
    return lowess(series, np.arange(len(series)), frac=share, it=0, return_sorted=False)


def split(training: Training, depth: np.ndarray | None = None) -> Split:
    """Each scenario on its own: the mean over its members in each year is smoothed; what members are away from it is
    regressed on the aerosol depth without intercept, one coefficient for all; the rest is the residual.

    depth: (years,) stratospheric aerosol optical depth, annual means; a scenario in which it is 0 all the time has no
    part in the coefficient. Raises BadInput.
    """
    series, forced = training.driver[:, 0], np.empty(len(training.year))
    for rows, years in _scenarios(training):
        mean = np.bincount(years, weights=series[rows]) / np.bincount(years)
        forced[rows] = smooth(mean)[years]
    if depth is None:
        return Split(forced, series - forced, 0.0)
    depth = np.asarray(depth, np.float64)
    if depth.shape != series.shape or not np.isfinite(depth).all() or (depth < 0).any():
        raise BadInput("The aerosol depth must be one finite number of at least 0 for each year.")
    if not (total := depth @ depth):
        raise BadInput("The aerosol depth is 0 in every year; leave it out, or give that of the historical years.")
    volcanic = float(depth @ (series - forced) / total)
    forced = forced + volcanic * depth
    return Split(forced, series - forced, volcanic)


def _scenarios(training: Training) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each scenario the rows of all members, and which year of the scenario each is, from 0."""
    for scenario in dict.fromkeys(training.scenario.tolist()):
        rows = np.flatnonzero(training.scenario == scenario)
        years = training.year[rows] - training.year[rows].min()
        if len(np.unique(years)) != years.max() + 1:
            raise BadInput(f"The members of {scenario} leave out years between them; take runs that overlap.")
        yield rows, years
