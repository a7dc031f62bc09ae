"""Pattern scaling fitted to many choices of years at once.

A line's value at any driver, and its slope, are weighted sums of the years that it was fitted to, and the weights
follow from the driver alone: 1 / n + (at - mean x) (x_i - mean x) / sum (x - mean x)^2, and of the slope the last
factor alone. So all choices are one product of a sparse matrix of weights with the fields, whatever the number of
cells.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from datasel_core.analysis.climate.area import area_mean
from datasel_core.errors import BadInput

CHOICES_BLOCK = 256
"""Choices whose fields are held at once."""


@dataclass(frozen=True)
class Lines:
    """slope, intercept: (choices, cells); what a cell changes per unit of the driver, and where the driver is 0."""

    slope: np.ndarray
    intercept: np.ndarray

    def predicted(self, driver: np.ndarray) -> np.ndarray:
        """(choices, years, cells). driver: (years,)."""
        return self.intercept[:, None] + self.slope[:, None] * np.asarray(driver, np.float64)[None, :, None]


@dataclass(frozen=True)
class Weights:
    """Of the years of each choice in its line. mean: (choices, years) sparse, of the mean field; slope: the same of the
    slope; middle: (choices,) mean driver, where the line goes through the mean field.
    """

    mean: csr_array
    slope: csr_array
    middle: np.ndarray

    def at(self, driver: float) -> csr_array:
        """(choices, years) sparse: of the line's value where the driver is this."""
        return self.mean + self.slope.multiply((driver - self.middle)[:, None]).tocsr()


def weights(driver: np.ndarray, choices: np.ndarray, share: np.ndarray | None = None) -> Weights:
    """Of ordinary least squares. driver: (years,). choices: (choices, k) int, positions among years, or (choices,
    years) bool. share: (years,) how much a year counts, 1 by default. Raises BadInput where a choice has no two
    different values of the driver.
    """
    driver, choices = np.asarray(driver, np.float64), np.asarray(choices)
    n, shape = len(choices), (len(choices), len(driver))
    if choices.dtype == bool:
        of, year = np.nonzero(choices)
    else:
        of, year = np.repeat(np.arange(n), choices.shape[1]), choices.ravel()
    counts = np.ones(len(year)) if share is None else np.asarray(share, np.float64)[year]
    counts = counts / np.bincount(of, counts, n)[of]
    middle = np.bincount(of, counts * driver[year], n)
    away = driver[year] - middle[of]
    spread = np.bincount(of, counts * away**2, n)
    if not (spread > 1e-24 * (np.abs(middle) + np.finfo(float).tiny) ** 2).all():
        raise BadInput("A choice has no two years that differ in the driver; a line needs two.")
    mean, slope = (csr_array((one, (of, year)), shape) for one in (counts, counts * away / spread[of]))
    return Weights(mean, slope, middle)


def lines(fields: np.ndarray, driver: np.ndarray, choices: np.ndarray, share: np.ndarray | None = None) -> Lines:
    """Ordinary least squares in each cell, for each choice. fields: (years, cells); the others as of `weights`. Raises
    BadInput.
    """
    fields = _of_each_year(fields, driver)
    of = weights(driver, choices, share)
    slope = of.slope @ fields
    return Lines(slope, of.mean @ fields - of.middle[:, None] * slope)


def rmse_s(
    fields: np.ndarray,
    driver: np.ndarray,
    choices: np.ndarray,
    truth: np.ndarray,
    truth_driver: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """(choices,) RMSE_s (`errors`) of pattern scaling fitted to each choice, on years of a target.

    truth: (target years, cells), truth_driver: (target years,) the driver that the target is predicted from; the caller
    says which. The others as of `lines`. Raises BadInput.
    """
    fields = _of_each_year(fields, driver)
    at, mean_truth = float(np.mean(truth_driver)), np.asarray(truth, np.float64).mean(axis=0)
    found = []
    for start in range(0, len(choices), CHOICES_BLOCK):
        predicted = weights(driver, choices[start : start + CHOICES_BLOCK]).at(at) @ fields
        found.append(area_mean((predicted - mean_truth) ** 2, weight))
    return np.sqrt(np.concatenate(found))


def at_random(years: int, budget: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, budget) int positions, each draw without repeats."""
    return np.array([rng.choice(years, budget, replace=False) for _ in range(draws)])


def evenly(driver: np.ndarray, budget: int) -> np.ndarray:
    """(budget,) int positions at even ranks of the driver, from its lowest year to its highest. Raises BadInput."""
    if not 2 <= budget <= len(driver):
        raise BadInput(f"The budget is {budget} years; it must be from 2 to {len(driver)}.")
    return np.argsort(driver, kind="stable")[np.rint(np.linspace(0, len(driver) - 1, budget)).astype(np.int64)]


def _of_each_year(fields: np.ndarray, driver: np.ndarray) -> np.ndarray:
    if len(fields) != len(driver):
        raise BadInput(f"There are {len(fields)} fields and {len(driver)} values of the driver; one each is needed.")
    return np.asarray(fields, np.float64)
