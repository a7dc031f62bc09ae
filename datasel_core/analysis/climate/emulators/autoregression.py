"""Autoregressions of what is left: their order by BIC, their coefficients by conditional least squares, averaged over
members and then over scenarios, and how long one must run until it has forgotten where it began.

Beusch, Gudmundsson & Seneviratne 2020, Earth System Dynamics 11, 139-159, sections 3.1 and 3.3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.emulators.forced import Run
from datasel_core.errors import BadInput

MOST_LAGS = 12
_FORGOTTEN = 1e-8
"""What may be left of a beginning."""
_SLOWEST = 0.999
"""Nearest to 1 that a root may be: beyond, what is drawn would wander."""


@dataclass(frozen=True)
class Autoregression:
    """x_t = intercept + sum_k coefficients[k] x_{t-1-k} + noise. variance: of the noise, in the square of the unit."""

    intercept: float
    coefficients: np.ndarray
    variance: float

    def mean(self) -> float:
        """Where it settles."""
        return self.intercept / (1 - float(self.coefficients.sum()))

    def spin_up(self) -> int:
        """Steps from zero after which 1e-8 is left of where it began."""
        return steps(_slowest_root(self.coefficients))

    def draw(self, noise: np.ndarray) -> np.ndarray:
        """(years,) from standard normal numbers (spin_up + years,)."""
        found = self.intercept + np.sqrt(self.variance) * noise
        for at in range(1, len(found)):
            for lag, coefficient in enumerate(self.coefficients[:at], 1):
                found[at] += coefficient * found[at - lag]
        return found[self.spin_up() :]


def steps(root: float) -> int:
    """How many until root ** steps is 1e-8. Raises BadInput where it does not fade."""
    if not root < _SLOWEST:
        raise BadInput(
            f"An autoregression has a root of modulus {root:.4f}, so what it draws would not settle; the residual has "
            "a trend: take longer runs, or a driver that follows them."
        )
    return int(np.ceil(np.log(_FORGOTTEN) / np.log(root))) if root > _FORGOTTEN else 1


def order(series: Sequence[np.ndarray], groups: Sequence[Run], most: int = MOST_LAGS) -> int:
    """The lags of least BIC (Schwarz 1978) of each run, 0 to `most` on the same years; the median over the members of
    a scenario, then over scenarios, each to the nearest that there is.
    """
    from statsmodels.tsa.ar_model import ar_select_order

    def best(one: np.ndarray) -> int:
        return len(ar_select_order(one, most, ic="bic").ar_lags or ())

    return int(_pooled([best(one) for one in series], groups, _middle))


def autoregression(series: Sequence[np.ndarray], groups: Sequence[Run], lags: int) -> Autoregression:
    """Of one series of each run. The variance of the noise is averaged as the coefficients are."""
    from statsmodels.tsa.ar_model import AutoReg

    found = [AutoReg(one, lags).fit() for one in series]
    rows = [np.append(one.params, one.sigma2) for one in found]
    pooled = _pooled(rows, groups, lambda several: np.mean(several, axis=0))
    return Autoregression(float(pooled[0]), pooled[1:-1], float(pooled[-1]))


def first_order(residual: np.ndarray, groups: Sequence[Run]) -> np.ndarray:
    """(3, cells): intercept, coefficient and variance of the noise of an AR(1) in each cell, averaged over members and
    then scenarios. residual: (years, cells). Conditional least squares: a straight line of each year on the last.
    """
    rows = []
    for one in groups:
        last, this = residual[one.rows[:-1]], residual[one.rows[1:]]
        about = last - last.mean(axis=0)
        slope = (about * this).sum(axis=0) / np.square(about).sum(axis=0)
        level = this.mean(axis=0) - slope * last.mean(axis=0)
        rows.append(np.stack([level, slope, np.square(this - level - slope * last).mean(axis=0)]))
    return _pooled(rows, groups, lambda several: np.mean(several, axis=0))


def _middle(found: Sequence[int]) -> int:
    return int(np.quantile(found, 0.5, method="nearest"))


def _pooled(found: Sequence, groups: Sequence[Run], over: Callable) -> np.ndarray:
    """Over the members of each scenario, then over scenarios."""
    scenarios: dict[str, list] = {}
    for one, group in zip(found, groups, strict=True):
        scenarios.setdefault(group.scenario, []).append(one)
    return over([over(members) for members in scenarios.values()])


def _slowest_root(coefficients: np.ndarray) -> float:
    """The largest modulus of the roots of x^p - c_1 x^(p-1) - ... - c_p."""
    roots = np.roots(np.append(1.0, -coefficients))
    return float(np.abs(roots).max(initial=0.0))
