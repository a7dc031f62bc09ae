"""Pattern scaling fitted to many choices of years at once: by sums, not by one fit after the other.

A cell's line y = a + b x over the years S is known from n, sum x, sum y, sum x^2 and sum x y over S, and each sum over
all choices is one matrix product. x and y are centred on their means over all years first, so that no digits are lost.
"""

from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.errors import BadInput

CHOICES_BLOCK = 256
"""Choices whose lines are held at once."""


@dataclass(frozen=True)
class Lines:
    """slope, intercept: (choices, cells); what a cell changes per unit of the driver, and where the driver is 0."""

    slope: np.ndarray
    intercept: np.ndarray

    def predicted(self, driver: np.ndarray) -> np.ndarray:
        """(choices, years, cells). driver: (years,)."""
        return self.intercept[:, None] + self.slope[:, None] * np.asarray(driver, np.float64)[None, :, None]


def lines(fields: np.ndarray, driver: np.ndarray, choices: np.ndarray, share: np.ndarray | None = None) -> Lines:
    """Ordinary least squares in each cell, for each choice.

    fields: (years, cells). driver: (years,). choices: (choices, k) int, positions among years, or (choices, years)
    bool. share: (years,) how much a year counts, 1 by default. Raises BadInput where a choice has no two different
    values of the driver.
    """
    fields, driver = np.asarray(fields, np.float64), np.asarray(driver, np.float64)
    if len(fields) != len(driver):
        raise BadInput(f"There are {len(fields)} fields and {len(driver)} values of the driver; one each is needed.")
    counted = _counted(np.asarray(choices), len(fields)) * (1.0 if share is None else np.asarray(share, np.float64))
    middle, centre = driver.mean(), fields.mean(axis=0)
    x, y = driver - middle, fields - centre
    n = counted.sum(axis=1)
    mean_x = _over(counted @ x, n)
    spread = counted @ x**2 - n * mean_x**2
    if not (spread > 1e-12 * np.maximum(counted @ x**2, np.finfo(float).tiny)).all():
        raise BadInput("A choice has no two years that differ in the driver; a line needs two.")
    mean_y = _over(counted @ y, n[:, None])
    slope = (counted @ (x[:, None] * y) - (n * mean_x)[:, None] * mean_y) / spread[:, None]
    return Lines(slope, mean_y + centre - slope * (mean_x + middle)[:, None])


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
    at, mean_truth = float(np.mean(truth_driver)), np.asarray(truth, np.float64).mean(axis=0)
    found = []
    for start in range(0, len(choices), CHOICES_BLOCK):
        some = lines(fields, driver, choices[start : start + CHOICES_BLOCK])
        found.append(area_mean((some.intercept + some.slope * at - mean_truth) ** 2, weight))
    return np.sqrt(np.concatenate(found))


def at_random(years: int, budget: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, budget) int positions, each draw without repeats."""
    return np.array([rng.choice(years, budget, replace=False) for _ in range(draws)])


def evenly(driver: np.ndarray, budget: int) -> np.ndarray:
    """(budget,) int positions at even ranks of the driver, from its lowest year to its highest. Raises BadInput."""
    if not 2 <= budget <= len(driver):
        raise BadInput(f"The budget is {budget} years; it must be from 2 to {len(driver)}.")
    return np.argsort(driver, kind="stable")[np.rint(np.linspace(0, len(driver) - 1, budget)).astype(np.int64)]


def _counted(choices: np.ndarray, years: int) -> np.ndarray:
    """(choices, years) float64: how often each year is in each choice."""
    if choices.dtype == bool:
        return choices.astype(np.float64)
    counted = np.zeros((len(choices), years))
    np.add.at(counted, (np.arange(len(choices))[:, None], choices), 1.0)
    return counted


def _over(sums: np.ndarray, n: np.ndarray) -> np.ndarray:
    return sums / np.where(n > 0, n, 1)
