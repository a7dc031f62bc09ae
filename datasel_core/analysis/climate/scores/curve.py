"""How an error falls as members are added, with the band that follows from which members they are."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput


@dataclass(frozen=True)
class Point:
    """size: members. mean, low, high: of the error over choices of so many (5 and 95 %). choices: how many were taken;
    exact: whether they are all there are.
    """

    size: int
    mean: float
    low: float
    high: float
    choices: int
    exact: bool


def over_members(
    members: int,
    measure: Callable[[np.ndarray], float],
    rng: np.random.Generator,
    sizes: Iterable[int] | None = None,
    draws: int = 50,
) -> list[Point]:
    """The curve over ensemble size. measure: error of an ensemble of some members, given as (size,) int positions, such
    as RMSE_s of the emulator trained on their mean. draws: most choices of each size; all where there are no more.
    Choices share members, so the band of the largest sizes is narrower than other members would make it. Raises
    BadInput.
    """
    points = []
    for size in range(1, members + 1) if sizes is None else sizes:
        if not 1 <= size <= members:
            raise BadInput(f"An ensemble of {size} was asked for; there are {members} members.")
        exact = math.comb(members, size) <= draws
        if exact:
            choices = [np.array(one) for one in itertools.combinations(range(members), size)]
        else:
            choices = [np.sort(rng.choice(members, size, replace=False)) for _ in range(draws)]
        found = np.array([measure(one) for one in choices])
        low, high = np.quantile(found, [0.05, 0.95])
        points.append(Point(size, float(found.mean()), float(low), float(high), len(choices), exact))
    return points
