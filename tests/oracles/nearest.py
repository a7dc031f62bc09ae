"""How far each of some vectors is from the nearest of others, one matrix at a time; slow and obviously right."""

import numpy as np

from tests.oracles.contrastive import unit


def gaps(points: np.ndarray, others: np.ndarray, metric: str) -> np.ndarray:
    """(n,) float64. points: (n, d), others: (m, d). metric: cosine, for 1 - cosine, or euclidean."""
    points, others = np.asarray(points, np.float64), np.asarray(others, np.float64)
    if metric == "euclidean":
        return np.sqrt(((points[:, None] - others) ** 2).sum(2)).min(1)
    return (1 - unit(points) @ unit(others).T).min(1)
