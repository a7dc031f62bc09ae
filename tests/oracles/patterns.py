"""The attention filter and the grouping of patches as written down; slow and obviously right."""

from fractions import Fraction

import numpy as np


def kept(a, tau) -> list[int]:
    """Positions a filter of ratio tau keeps, in exact arithmetic on the decimals as they are written."""
    exact = [Fraction(str(value)) for value in a]
    if not any(exact):
        exact = [Fraction(1)] * len(exact)
    ranked = sorted(range(len(exact)), key=lambda i: (-exact[i], i))
    limit = Fraction(str(tau)) * sum(exact)
    return sorted(patch for at, patch in enumerate(ranked) if sum(exact[before] for before in ranked[:at]) < limit)


def squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(m, k), one pair at a time, in float64."""
    return np.array([[((p.astype(np.float64) - c) ** 2).sum() for c in centres] for p in points])


def means(points: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    return np.array([points[clusters == c].astype(np.float64).mean(axis=0) for c in range(clusters.max() + 1)])


def inertia(points: np.ndarray, clusters: np.ndarray) -> float:
    return float(squared_distances(points, means(points, clusters))[np.arange(len(points)), clusters].sum())


def best_of_many_lloyd(points: np.ndarray, k: int, rng: np.random.Generator, starts: int = 60) -> float:
    """The least within-cluster sum of squares over many plain runs from random points."""
    best = np.inf
    for _ in range(starts):
        centres = points[rng.choice(len(points), k, replace=False)].astype(np.float64)
        for _ in range(50):
            clusters = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
            centres = np.array(
                [points[clusters == c].mean(axis=0) if (clusters == c).any() else centres[c] for c in range(k)]
            )
        best = min(best, float(((points - centres[clusters]) ** 2).sum()))
    return best


def class_attention(attention: np.ndarray, prefix: int) -> np.ndarray:
    """(p,) from the softmaxed attention (heads, n, n) of the last block."""
    mean = attention.astype(np.float64).mean(axis=0)[0, prefix:]
    return mean / mean.sum()
