"""AUC and agreement of neighbours with groups as written down, one comparison at a time; slow and obviously right."""

import itertools
from collections.abc import Sequence

import numpy as np

from tests.oracles.contrastive import unit


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    points = [1.0 if one > other else 0.5 if one == other else 0.0 for one in high for other in low]
    return sum(points) / len(points)


def in_the_same_group(vectors: np.ndarray, group: Sequence[str], k: int) -> float:
    """Of the k nearest neighbours of each, by cosine, the share that is of its group, on average."""
    cosine, shares = unit(vectors) @ unit(vectors).T, []
    for at in range(len(vectors)):
        others = sorted((other for other in range(len(vectors)) if other != at), key=lambda to, at=at: -cosine[at, to])
        shares.append(np.mean([group[other] == group[at] for other in others[:k]]))
    return float(np.mean(shares))


def expected_by_chance(vectors: np.ndarray, group: Sequence[str], k: int) -> float:
    """The mean of the same over every way of dealing the groups' names."""
    return float(np.mean([in_the_same_group(vectors, dealt, k) for dealt in itertools.permutations(group)]))
