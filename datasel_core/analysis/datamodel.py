"""Linear datamodelling score: does the sum of influences over a random half of a pool say how well a model that learns
this half will do? Park et al. 2023 (TRAK), https://arxiv.org/abs/2303.14186.
"""

from typing import Literal

import numpy as np

from datasel_core.base.rank_correlation import spearman_interval


def half(n: int, at: int, seed: int) -> np.ndarray:
    """(n // 2,) positions of the random half with this number, in order; it does not depend on how many are drawn."""
    return np.sort(np.random.default_rng([seed, at]).choice(n, n // 2, replace=False))


def datamodel_score(
    members: np.ndarray, losses: np.ndarray, influence: np.ndarray, good: Literal["low", "high"] = "low", seed: int = 0
) -> dict[str, float]:
    """low, mid, high: Spearman between the sum of influences over each half and the loss on the reference of a model
    that learned it; 95 % interval over bootstrap resamples of halves. 1 is perfect, 0 says nothing.

    members: (n, m) bool, which sample is in which half. losses: (m,) nats. influence: (n,) finite. good: which
    direction of the influence is good for the reference. Raises ValueError.
    """
    members, influence = np.asarray(members, dtype=bool), np.asarray(influence, dtype=np.float64)
    if members.shape != (len(influence), len(losses)) or not np.isfinite(influence).all():
        raise ValueError("members must be (samples, halves), with one finite influence per sample and a loss per half.")
    sums = influence @ members
    return spearman_interval(sums if good == "low" else -sums, losses, seed)
