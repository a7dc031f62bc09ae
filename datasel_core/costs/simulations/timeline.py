"""The runs of a pool of simulations as lines of years, and which of them a choice keeps: what a person sees first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.scores.errors import PERIOD
from datasel_core.costs.simulations.sides import Runs, runs_of, scenario_of
from datasel_core.pools.pool import Pool

HISTORICAL = "historical"
_YEARS = 21
"""Of a period, where the usual one is not there: as long as that."""


@dataclass(frozen=True)
class Line:
    """One run. year, gmst: (years,), by year; gmst in K, NaN where it is not known. kept: years that were chosen."""

    run: str
    year: list[int]
    gmst: list[float]
    kept: list[int]


@dataclass(frozen=True)
class Timeline:
    """lines: runs in the order of the pool. low, high: of GMST, K. judges: scenarios and runs that have all years of
    the period, which may be targets or references. period: first and last year that is judged by default.
    """

    lines: tuple[Line, ...]
    low: float
    high: float
    judges: tuple[str, ...]
    period: tuple[int, int]

    @property
    def kept(self) -> int:
        return sum(len(one.kept) for one in self.lines)

    def learned(self, target: str) -> tuple[list[str], int, int]:
        """Runs that are kept from and are not of this scenario, how many years are kept of them, and how many of it."""
        apart = [one for one in self.lines if one.kept and scenario_of(one.run) != target]
        mine = sum(len(one.kept) for one in apart)
        return [one.run for one in apart], mine, self.kept - mine

    @property
    def simulated(self) -> int:
        """Years that whole runs take, each from its first year to the last that is kept of it."""
        return sum(one.kept[-1] - one.year[0] + 1 for one in self.lines if one.kept)


def timeline(pool: Pool, kept: np.ndarray, period: tuple[int, int] | None = None) -> Timeline:
    """kept: rows that were chosen. period: that is judged, the usual one by default. Raises BadRequest."""
    runs, gmst = runs_of(pool), np.asarray(pool.column("gmst"), np.float64)
    chosen = np.zeros(pool.n, bool)
    chosen[kept] = True
    lines = []
    for run in runs.names:
        rows = np.flatnonzero(runs.name == run)
        rows = rows[np.argsort(runs.year[rows], kind="stable")]
        mine = runs.year[rows][chosen[rows]].tolist()
        lines.append(Line(run, runs.year[rows].tolist(), gmst[rows].tolist(), mine))
    known = gmst[np.isfinite(gmst)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    when = period or usual_period(runs)
    return Timeline(tuple(lines), low, high, tuple(judges(runs, when)), when)


def usual_period(runs: Runs) -> tuple[int, int]:
    """2080-2100 where a run has it; else the last 21 years, or fewer, that most futures have."""
    spans = [(int(runs.year[mine].min()), int(runs.year[mine].max())) for mine in _of_each(runs)]
    if any(first <= PERIOD[0] and PERIOD[1] <= last for first, last in spans):
        return PERIOD
    length = min(_YEARS, *(last - first + 1 for first, last in spans)) if spans else _YEARS
    ends = [last for _, last in spans]
    best = max(ends, key=lambda end: (sum(first <= end - length + 1 and end <= last for first, last in spans), end))
    return best - length + 1, best


def judges(runs: Runs, period: tuple[int, int]) -> list[str]:
    """Scenarios of which every run has all years of the period, and runs of scenarios that have several."""
    wanted = set(range(period[0], period[1] + 1))
    whole = [one for one in runs.names if wanted <= set(runs.year[runs.name == one].tolist())]
    found: list[str] = []
    for scenario in runs.scenarios:
        mine = [one for one in runs.names if scenario_of(one) == scenario]
        some = [one for one in mine if one in whole]
        found += [scenario] if some == mine else []
        found += some if len(mine) > 1 else []
    return found


def likely_target(judges: Sequence[str], kept: Sequence[str]) -> str | None:
    """A scenario that a choice has nothing of, and that is no past; else the first there is. kept: runs that years
    were chosen of.
    """
    futures = [one for one in judges if "/" not in one and one != HISTORICAL] or list(judges)
    used = {scenario_of(one) for one in kept}
    return next((one for one in futures if scenario_of(one) not in used), next(iter(futures), None))


def _of_each(runs: Runs) -> list[np.ndarray]:
    """(n,) bool of each run that is no past; of each run where all are."""
    futures = [one for one in runs.names if scenario_of(one) != HISTORICAL] or runs.names
    return [runs.name == one for one in futures]
