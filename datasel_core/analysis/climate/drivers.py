"""Whether an emulator is asked beyond what it was trained on, and whether its drivers can be told apart.

Hull: Barber, Dobkin & Huhdanpaa 1996 (Qhull). Variance inflation: Belsley, Kuh & Welsch 1980, Regression Diagnostics.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import Delaunay, QhullError

from datasel_core.errors import BadInput, Fault

MOST_INFLATION = 10.0
"""Above, drivers are called collinear: the variance of a coefficient is so many times what it would be alone."""
MOST_HULL = 4
"""Drivers up to which the hull is built; with more, each point is asked of a linear programme."""
HULL_SLACK = 1e-7
"""In shares of a driver's range: what rounding may do."""


@dataclass(frozen=True)
class Range:
    """name, unit: of the driver. low, high: of training. above, below: how far the target goes beyond, 0 where it stays
    inside. share: of the target's years that lie outside.
    """

    name: str
    unit: str
    low: float
    high: float
    above: float
    below: float
    share: float

    @property
    def words(self) -> str:
        if not self.share:
            return f"{self.name} stays within training, {self.low:.2f} to {self.high:.2f} {self.unit}."
        ways = [
            f"{far:.2f} {self.unit} {way}" for far, way in ((self.above, "above"), (self.below, "below")) if far > 0
        ]
        return (
            f"Extrapolation: {self.name} goes up to {' and '.join(ways)} training, {self.low:.2f} to {self.high:.2f} "
            f"{self.unit}, in {100 * self.share:.0f} % of years."
        )


@dataclass(frozen=True)
class Hull:
    """outside: (years,) bool of the target, beyond every mixture of training years."""

    outside: np.ndarray

    @property
    def words(self) -> str:
        share = 100 * self.outside.mean()
        if not self.outside.any():
            return "All years of the target lie within the hull of the training years' drivers."
        return f"Warning: {share:.0f} % of the target's years lie outside the hull of the training years' drivers."


@dataclass(frozen=True)
class Collinearity:
    """names: of the drivers. inflation: (drivers,) of each one's variance, infinite where the others give it."""

    names: tuple[str, ...]
    inflation: np.ndarray

    @property
    def collinear(self) -> bool:
        return bool(self.inflation.max(initial=1) > MOST_INFLATION)

    @property
    def words(self) -> str:
        at = int(np.argmax(self.inflation))
        worst = self.inflation[at]
        times = "infinitely often" if math.isinf(worst) else f"{worst:.1f} times"
        if not self.collinear:
            return f"Drivers can be told apart: the variance of no coefficient is more than {times} that of one alone."
        return (
            f"Warning: {self.names[at]} follows the other drivers in training (variance inflated {times}); what is "
            "due to which cannot be told, and a target in which they part is not emulated safely."
        )


def extrapolation(training: np.ndarray, target: np.ndarray, name: str, unit: str = "K") -> Range:
    """training, target: (years,) of one driver. Raises BadInput."""
    training, target = _series(training, name), _series(target, name)
    low, high = float(training.min()), float(training.max())
    outside = (target < low) | (target > high)
    above, below = max(0.0, float(target.max()) - high), max(0.0, low - float(target.min()))
    return Range(name, unit, low, high, above, below, float(outside.mean()))


def hull(training: np.ndarray, target: np.ndarray) -> Hull:
    """training: (years, drivers), target: (target years, drivers). Drivers are put on one scale first. A training set
    that lies in a plane has a hull there, and what is off the plane is outside. Raises BadInput.
    """
    training, target = np.asarray(training, np.float64), np.asarray(target, np.float64)
    if training.ndim != 2 or target.ndim != 2 or training.shape[1] != target.shape[1]:
        raise BadInput("The drivers of training and target must be (years, drivers), as many of each.")
    if not (np.isfinite(training).all() and np.isfinite(target).all() and len(training)):
        raise BadInput("A driver is missing in a year; each year needs all of them.")
    middle, reach = training.mean(axis=0), np.ptp(training, axis=0)
    reach = np.where(reach > 0, reach, 1)
    inside, asked = (training - middle) / reach, (target - middle) / reach
    if training.shape[1] == 1:
        low, high = inside.min() - HULL_SLACK, inside.max() + HULL_SLACK
        return Hull((asked[:, 0] < low) | (asked[:, 0] > high))
    if training.shape[1] <= MOST_HULL:
        try:
            return Hull(Delaunay(inside).find_simplex(asked, tol=HULL_SLACK) < 0)
        except QhullError:  # flat: fewer dimensions than drivers
            pass
    return Hull(np.array([not _mixture(inside, one) for one in asked]))


def collinearity(training: np.ndarray, names: tuple[str, ...]) -> Collinearity:
    """training: (years, drivers). Variance inflation factors, 1 / (1 - R^2) of each driver on the others. A driver that
    does not change follows from the intercept. Raises BadInput.
    """
    training = np.asarray(training, np.float64)
    if training.ndim != 2 or training.shape[1] != len(names) or len(training) <= len(names):
        raise BadInput(f"Give (years, {len(names)}) values, more years than drivers.")
    x = training - training.mean(axis=0)
    size = np.sqrt((x**2).sum(axis=0))
    inflation = []
    for at in range(len(names)):
        if size[at] == 0:
            inflation.append(math.inf)
            continue
        others = np.delete(x / np.where(size > 0, size, 1), at, axis=1)
        own = x[:, at] / size[at]
        left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0] if len(names) > 1 else own
        unexplained = float(left @ left)
        inflation.append(1 / unexplained if unexplained > 1e-14 else math.inf)
    return Collinearity(tuple(names), np.array(inflation))


def _series(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise BadInput(f"{name} must be one finite number for each year, and of one year at least.")
    return values


def _mixture(points: np.ndarray, asked: np.ndarray) -> bool:
    """Whether a point is a mixture of others: shares of at least 0, 1 together, that come nearest to it reach it."""
    n, dimensions = points.shape
    far = -np.ones((dimensions, 1))
    nearest = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.block([[points.T, far], [-points.T, far]]),
        b_ub=np.concatenate([asked, -asked]),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=(0, None),
        method="highs",
    )
    if nearest.status != 0:
        raise Fault(f"No nearest mixture of {n} years was found")
    return nearest.fun <= HULL_SLACK
