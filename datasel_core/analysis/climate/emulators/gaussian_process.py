"""A Gaussian process of the driver for each leading pattern of the fields, with a spread of its own.

Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, chapters 2 and 5; as a baseline of emulators of
climate: Watson-Parris et al. 2022, ClimateBench v1.0, Journal of Advances in Modeling Earth Systems 14,
https://doi.org/10.1029/2021MS002954.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis.climate.emulators.training import Training, check_members, columns
from datasel_core.base.parallel import one_thread
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter

HELP = (
    "A curve of the driver for each leading pattern, with a spread that widens away from the years it was fitted to. "
    "Of use with several drivers or where fields bend, inside the range that it has seen. Where it does not beat "
    "pattern scaling on your target, the card says so, and pattern scaling is the better choice."
)
_MOST_YEARS = 2000
"""A matrix of all pairs of years is inverted at each step of the fit."""
_LEAST_YEARS = 5
_STRENGTH, _LENGTH, _NOISE = (1e-6, 1e3), (0.3, 30.0), (1e-6, 10.0)
"""Where the parameters of the kernel may lie, for drivers and scores of standard deviation 1."""


@dataclass(frozen=True)
class GaussianProcess:
    """mean: (cells,). patterns: (components, cells) orthogonal under the areas, scaled so that the numbers before them
    vary by 1; NaN in cells without data. left: (cells,) variance that they leave. centre, scale: (drivers,) what is
    taken off a driver, and what it is divided by. processes: one fitted `GaussianProcessRegressor` a component.
    """

    mean: np.ndarray
    patterns: np.ndarray
    left: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    processes: tuple[Any, ...]

    def predict(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells) for a driver of shape (years,) or (years, drivers). Raises BadInput."""
        scores = np.stack([one.predict(self._scaled(driver)) for one in self.processes], axis=1)
        return self.mean + scores @ self.patterns

    def spread(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells): standard deviation of a single year about `predict`, its own variability within. Raises
        BadInput.
        """
        scaled = self._scaled(driver)
        deviations = np.stack([one.predict(scaled, return_std=True)[1] for one in self.processes], axis=1)
        return np.sqrt(np.square(deviations) @ np.square(self.patterns) + self.left)

    def draw(self, driver: np.ndarray, members: int, rng: np.random.Generator) -> np.ndarray:
        """(members, years, cells): curves and years about them, drawn jointly over the years of each component; what
        the patterns leave is drawn in each cell and year alone. Raises BadInput, BadParameter.
        """
        check_members(members)
        laws = [one.predict(self._scaled(driver), return_cov=True) for one in self.processes]
        roots = [np.linalg.cholesky(covariance) for _, covariance in laws]
        found = np.empty((members, len(roots[0]), len(self.mean)))
        for member in found:
            scores = [mean + root @ rng.standard_normal(len(mean)) for (mean, _), root in zip(laws, roots, strict=True)]
            member[:] = self.mean + np.stack(scores, axis=1) @ self.patterns
            member += np.sqrt(self.left) * rng.standard_normal(member.shape)
        return found

    def _scaled(self, driver: np.ndarray) -> np.ndarray:
        return (columns(driver, drivers=len(self.centre)) - self.centre) / self.scale


@one_thread()
def fit(
    fields: np.ndarray,
    driver: np.ndarray,
    weight: np.ndarray,
    scenario: Sequence[str] | None = None,
    member: Sequence[str] | None = None,
    year: Sequence[int] | None = None,
    components: int = 10,
    progress: Progress | None = None,
) -> GaussianProcess:
    """fields: (years, cells); driver: (years,) or (years, drivers); weight: (cells,) areas. components: leading
    principal components under these areas that get a process each; fewer where the fields have fewer. Each year counts
    once. The kernel is a straight line, a smooth bend and noise; its parameters maximise the marginal likelihood.

    Raises BadInput, BadParameter.
    """
    training = Training.of(fields, driver, weight, scenario, member, year)
    years = len(training.year)
    if components < 1:
        raise BadParameter(f"components is {components}; it must be at least 1.")
    if not _LEAST_YEARS <= years <= _MOST_YEARS:
        raise BadInput(f"There are {years:,} years; a Gaussian process takes {_LEAST_YEARS} to {_MOST_YEARS:,}.")
    centre, scale = training.driver.mean(axis=0), training.driver.std(axis=0)
    if not (scale > 0).all():
        raise BadInput("A driver is constant in all years; leave it out, or take years between which it changes.")
    values = training.fields[:, training.known]
    mean = values.mean(axis=0)
    scores, patterns = _components(values - mean, training.weight[training.known], components)
    left = (values - mean - scores @ patterns).var(axis=0)
    scaled = (training.driver - centre) / scale
    over = (progress or Progress()).over(scores.T, scores.shape[1], "fitting processes")
    processes = tuple(_process(scaled, one) for one in over)
    filled = training.filled
    return GaussianProcess(filled(mean), filled(patterns), filled(left), centre, scale, processes)


def _components(values: np.ndarray, area: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """scores: (years, k) of standard deviation 1; patterns: (k, cells); the first k principal components of anomalies
    in which a cell counts by its area. Cells of no area are regressed on the scores.
    """
    left, singular, _ = np.linalg.svd(values * np.sqrt(area), full_matrices=False)
    there = singular > 1e-10 * singular[0]
    if not there.any():
        raise BadInput("The fields are the same in every year; there is nothing to fit.")
    scores = left[:, there][:, :components] * np.sqrt(len(values))
    return scores, scores.T @ values / len(values)


def _process(driver: np.ndarray, scores: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    line = ConstantKernel(0.5, _STRENGTH) * DotProduct(1.0, "fixed")
    bend = ConstantKernel(0.1, _STRENGTH) * RBF(np.ones(driver.shape[1]), _LENGTH)
    process = GaussianProcessRegressor(line + bend + WhiteKernel(0.5, _NOISE), alpha=1e-10)
    with warnings.catch_warnings():
        # a parameter at the end of its range says that its part of the kernel is not needed, or is all there is
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(driver, scores)
