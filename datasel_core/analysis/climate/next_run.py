"""Which simulation to buy next: how much each is expected to lower the error of pattern scaling.

Pattern scaling is a line per cell on a driver x, fitted to years of runs that were bought. With X = [1, x] of those
years and z = (1, mean driver) of the period asked about, it predicts the period's mean as a weighted sum of the years,
with weights a = z' (X'X)^-1 X'. Where fields are known as forced response f plus internal variability, whose covariance
between years s and t of one realisation is V(|s - t|) on average over the area, its expected squared error of that mean
is

    bias^2 + variance,    bias^2 = < (sum_i a_i f_i - mean f of the period)^2 >,    variance = a' V a.

V alone gives the variance of the coefficients at z, a design criterion (c-optimality: Pukelsheim 1993, Optimal Design
of Experiments); f comes from the energy balance demo (`mini_climate`), and so the ranking is a guess about a real
model, as good as the demo resembles it. The noise of the truth itself adds the same to all, and is left out.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.mini_climate import MiniClimate, forcing
from datasel_core.analysis.climate.scores.draws import weights
from datasel_core.analysis.climate.scores.errors import PERIOD, within
from datasel_core.errors import BadInput

MOST_SETS = 20_000
"""Sets of runs that are compared at once."""
DEMO_DRIVER = "forced GMST of the energy balance demo"

Measure = Literal["error", "variance"]


@dataclass(frozen=True)
class Known:
    """What is known of a run before it is bought. year: (years,). driver: (years,). forced: (years, cells), the
    expected fields. A run and the historical run of the same member are one realisation.
    """

    scenario: str
    member: str
    year: np.ndarray
    driver: np.ndarray
    forced: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.scenario}/{self.member}"


@dataclass(frozen=True)
class Expected:
    """Of the squared error of a period's mean pattern. bias: what no more members lower. variance: what they do."""

    bias: float
    variance: float

    @property
    def rmse(self) -> float:
        """The root of the expected mean square, in the unit of the fields."""
        return math.sqrt(self.bias + self.variance)

    def of(self, measure: Measure) -> float:
        return self.rmse if measure == "error" else math.sqrt(self.variance)


@dataclass(frozen=True)
class Gain:
    """runs: that are bought, names. reference: expected error on the reference once they are, by which sets are ranked;
    gain: how much lower it is than before. target, target_gain: the same on the target, which ranked nothing. years:
    simulated. driver: by name, of training, reference and target alike.
    """

    runs: tuple[str, ...]
    reference: Expected
    gain: float
    target: Expected
    target_gain: float
    years: int
    driver: str

    @property
    def words(self) -> str:
        what = " and ".join(self.runs)
        first, then = ("lower" if gain >= 0 else "raise" for gain in (self.gain, self.target_gain))
        return (
            f"{what} ({self.years} years): expected to {first} the error on the reference by {abs(self.gain):.3f}; on "
            f"the target it {then}s it by {abs(self.target_gain):.3f} (driver: {self.driver})."
        )


def rank(
    training: Sequence[Known],
    candidates: Sequence[Known],
    reference: Sequence[Known],
    target: Sequence[Known],
    weight: np.ndarray,
    autocovariance: np.ndarray,
    driver: str,
    n_runs: int = 1,
    measure: Measure = "error",
    period: tuple[int, int] = PERIOD,
) -> list[Gain]:
    """All sets of `n_runs` candidates, the best first; equal ones in the order given.

    training: runs that were bought. reference: runs by which sets are ranked, none of them bought. target: the scenario
    that the emulator is for; it ranks nothing, so its scenario must be in none of the others. weight: (cells,).
    autocovariance: (lags,) of internal variability, mean over the area; beyond its lags it is 0. driver: what all
    `driver` are, in words. Raises BadInput.
    """
    _checked(training, candidates, reference, target, driver)
    if not 1 <= n_runs <= len(candidates) or math.comb(len(candidates), n_runs) > MOST_SETS:
        raise BadInput(
            f"{n_runs} of {len(candidates)} candidates were asked for; there must be from 1 to {MOST_SETS:,} such sets."
        )

    def both(runs: Sequence[Known]) -> tuple[Expected, Expected]:
        return tuple(expected(runs, one, weight, autocovariance, period) for one in (reference, target))

    before = both(training)
    found = []
    for some in itertools.combinations(candidates, n_runs):
        after = both([*training, *some])
        gains = [old.of(measure) - new.of(measure) for old, new in zip(before, after, strict=True)]
        names, years = tuple(one.name for one in some), sum(len(one.year) for one in some)
        found.append(Gain(names, after[0], gains[0], after[1], gains[1], years, driver))
    return sorted(found, key=lambda one: -one.gain)


def expected(
    training: Sequence[Known],
    asked: Sequence[Known],
    weight: np.ndarray,
    autocovariance: np.ndarray,
    period: tuple[int, int] = PERIOD,
) -> Expected:
    """Of pattern scaling fitted to all years of training, each counted alike, on a period of the runs asked about;
    their mean where there are several. Raises BadInput where training has no two values of the driver.
    """
    x = np.concatenate([one.driver for one in training])
    if not np.ptp(x) > 0:
        raise BadInput("Training has no two years that differ in the driver; a line needs two.")
    forced, covariance = np.concatenate([one.forced for one in training]), _covariance(training, autocovariance)
    line, bias, variance = weights(x, np.ones((1, len(x)), bool)), [], []
    for one in asked:
        years = within(one.year, period)
        shares = line.at(one.driver[years].mean()).toarray()[0]
        bias.append(float(area_mean((shares @ forced - one.forced[years].mean(axis=0)) ** 2, weight)))
        variance.append(float(shares @ covariance @ shares))
    return Expected(float(np.mean(bias)), float(np.mean(variance)))


def known(climate: MiniClimate, scenario: str, member: int) -> Known:
    """A run of the demo as it is known before it is bought; members are called as in its files. Raises UnknownName."""
    fields, gmst = climate.forced(scenario)
    return Known(scenario, f"r{member}i1p1f1", forcing(scenario).year, gmst, fields)


def _covariance(runs: Sequence[Known], autocovariance: np.ndarray) -> np.ndarray:
    """(years, years) of internal variability over all years of all runs."""
    lagged = np.append(np.asarray(autocovariance, np.float64), 0.0)
    rows = []
    for one in runs:
        row = []
        for other in runs:
            apart = np.abs(one.year[:, None] - other.year[None, :])
            same = _one_realisation(one, other)
            row.append(lagged[np.minimum(apart, len(lagged) - 1)] if same else np.zeros(apart.shape))
        rows.append(row)
    return np.block(rows)


def _one_realisation(one: Known, other: Known) -> bool:
    """The same run, or a scenario and the historical run that it goes on from. Two scenarios of one member share what
    is left of the weather at their branch, for a year or two, which is not counted.
    """
    follows = one.year[0] == other.year[-1] + 1 or other.year[0] == one.year[-1] + 1
    return one.member == other.member and (one.scenario == other.scenario or follows)


def _checked(
    training: Sequence[Known],
    candidates: Sequence[Known],
    reference: Sequence[Known],
    target: Sequence[Known],
    driver: str,
) -> None:
    if not (training and candidates and reference and target):
        raise BadInput("Give runs for training, candidates, a reference and a target, one of each at least.")
    if not driver.strip():
        raise BadInput("Name the driver, such as true GMST of the target, emulated GMST or forcing.")
    aims = {one.scenario for one in target}
    for what, runs in (("training", training), ("a candidate", candidates), ("the reference", reference)):
        if both := sorted(aims & {one.scenario for one in runs}):
            raise BadInput(f"{both[0]} is the target and {what} too; the target must be a scenario that nothing saw.")
    held = {one.name for one in reference}
    if both := sorted(held & {one.name for one in (*training, *candidates)}):
        raise BadInput(f"{both[0]} is the reference and bought too; judge by a run that is not trained on.")
    bought, names = [one.name for one in training], [one.name for one in candidates]
    if again := sorted(set(bought) & set(names)) or sorted({one for one in names if names.count(one) > 1}):
        raise BadInput(f"{again[0]} is there twice; a run is bought once.")
