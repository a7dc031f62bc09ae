"""Worth in random samples where the truth is known: a pool, and far more held-out samples than anybody has."""

from dataclasses import dataclass

import numpy as np

from datasel_core.evidence.worth import worth, worth_of_means
from datasel_core.evidence.yardstick import DRAWS, grid
from tests.conftest import clustered


@dataclass(frozen=True)
class World:
    """gaps: (n, m) distance of each candidate to each of all held-out samples. truth: (k,) their mean distance to the
    nearest of a random choice, by size.
    """

    gaps: np.ndarray
    sizes: np.ndarray
    truth: np.ndarray

    @classmethod
    def made(cls, rng, n=500, m=3000, d=8):
        points = clustered(rng, n + m, d, 12)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        gaps, sizes = 1 - points[:n] @ points[n:].T, grid(5, n // 2)
        truth = np.mean([draw(rng, gaps, sizes).mean(1) for _ in range(150)], axis=0)
        return cls(gaps, sizes, truth)

    def holds(self, rng, size: int, held: int) -> tuple[bool, bool]:
        """Whether the interval of one random choice holds what that choice is worth; and whether that of eight holds
        their size, which is what random choices are worth on average.
        """
        seen = rng.choice(self.gaps.shape[1], held, replace=False)
        random = np.stack([draw(rng, self.gaps[:, seen], self.sizes) for _ in range(DRAWS)], axis=1)
        choices = [rng.permutation(len(self.gaps))[:size] for _ in range(8)]
        each = np.stack([self.gaps[rows].min(0) for rows in choices])
        one = worth_of_means(self.sizes, random, each[:1, seen], False)
        right = worth(self.sizes, self.truth, float(each[0].mean()), False)
        many = worth_of_means(self.sizes, random, each[:, seen], False)
        return one.low <= right <= one.high, many.low <= size <= many.high


def draw(rng, gaps, sizes):
    """(k, m) distance to the nearest of the first `size` of one order."""
    return np.minimum.accumulate(gaps[rng.permutation(len(gaps))[: sizes[-1]]], axis=0)[sizes - 1]
