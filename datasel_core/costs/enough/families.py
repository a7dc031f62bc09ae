"""Families of learning curves, and how one is fitted.

The four that Mahmood and others compare (How Much More Data Do I Need?, CVPR 2022), written here so that what a curve
ends at is a parameter of its own: x = n / (number of labels), top = what it tends to, drop = how far below it begins.

power law        top - drop x^(-b)
logarithmic      base + a log(x + b)
arctan           top - drop (1 - 2/pi arctan(b x))
algebraic root   top - drop (1 - b x / (1 + (b x)^d)^(1/d))
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Family:
    """shape: (x, parameters) -> values, both of any number of x. starts: parameters that a fit begins from. low, high:
    bounds of each; none lets the curve fall with more labels, and none but the logarithm rises above 1.
    """

    id: str
    title: str
    formula: str
    shape: Callable[[Array, Array], Array]
    starts: tuple[tuple[float, ...], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def values(self, x: Array, parameters: Array) -> Array:
        """Within 0 to 1, as shares are."""
        return np.clip(self.shape(x, parameters), 0, 1)


@dataclass(frozen=True)
class Fit:
    """residual: root of the mean squared distance of the measured means from the curve, in shares."""

    family: Family
    parameters: Array
    residual: float

    def values(self, x: Array) -> Array:
        return self.family.values(np.asarray(x, dtype=np.float64), self.parameters)


def _power(x: Array, p: Array) -> Array:
    return p[0] - p[1] * x ** -p[2]


def _logarithmic(x: Array, p: Array) -> Array:
    return p[0] + p[1] * np.log(x + p[2])


def _arctan(x: Array, p: Array) -> Array:
    return p[0] - p[1] * (1 - 2 / np.pi * np.arctan(p[2] * x))


def _root(x: Array, p: Array) -> Array:
    steps = p[2] * x
    return p[0] - p[1] * (1 - steps / (1 + steps ** p[3]) ** (1 / p[3]))


FAMILIES = (
    Family(
        "power_law",
        "Power law",
        "top - drop x^-b",
        _power,
        ((0.9, 0.2, 0.5), (1.0, 0.4, 0.2), (0.7, 0.1, 1.0)),
        (0, 0, 0.05),
        (1, 1, 3),
    ),
    Family(
        "logarithmic",
        "Logarithmic",
        "base + a log(x + b)",
        _logarithmic,
        ((0.7, 0.1, 0.01), (0.7, 0.02, 0.5)),
        (-1, 0, 0),
        (1, 1, 5),
    ),
    Family(
        "arctan",
        "Arctan",
        "top - drop (1 - 2/pi arctan(b x))",
        _arctan,
        ((0.9, 0.8, 3), (0.8, 0.5, 20), (1.0, 1.0, 0.5)),
        (0, 0, 0.01),
        (1, 2, 200),
    ),
    Family(
        "algebraic_root",
        "Algebraic root",
        "top - drop (1 - b x / (1 + (b x)^d)^(1/d))",
        _root,
        ((0.9, 0.8, 3, 1), (0.8, 0.6, 8, 0.5), (1.0, 1.0, 1, 2)),
        (0, 0, 0.01, 0.2),
        (1, 2, 200, 6),
    ),
)


def fit(family: Family, x: Array, y: Array, weights: Array, starts: tuple[Array, ...] | None = None) -> Fit:
    """By weighted least squares within the bounds, from several starts; the best of them. x, y, weights: (k,). starts:
    where to begin instead, such as a fit of nearly the same values.
    """
    from scipy.optimize import least_squares

    low, high = np.array(family.low, dtype=np.float64), np.array(family.high, dtype=np.float64)
    root, best = np.sqrt(weights / weights.sum()), None
    for start in family.starts if starts is None else starts:
        inside = np.clip(start, low + 1e-9, high - 1e-9)
        found = least_squares(lambda p: root * (family.shape(x, p) - y), inside, bounds=(low, high), max_nfev=200)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    residual = float(np.sqrt(np.mean((family.values(x, best.x) - y) ** 2)))
    return Fit(family, best.x, residual)
