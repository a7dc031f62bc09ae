"""FreeSel and k-center as written down, with every distance in float64; slow and obviously right."""

import numpy as np


def distances(patterns: np.ndarray, metric: str) -> np.ndarray:
    """(t, t) all distances."""
    patterns = patterns.astype(np.float64)
    if metric == "cosine":
        unit = patterns / np.linalg.norm(patterns, axis=1, keepdims=True)
        return np.maximum(1 - unit @ unit.T, 0)
    return np.sqrt(((patterns[:, None] - patterns[None]) ** 2).sum(axis=2))


def farthest(patterns: np.ndarray, owners: np.ndarray, start: list[int], budget: int, metric: str) -> list[int]:
    """Images in pick order, `start` first."""
    all_pairs = distances(patterns, metric)
    chosen = list(start)
    while len(chosen) < budget:
        inside = np.isin(owners, chosen)
        gap = all_pairs[:, inside].min(axis=1)
        gap[inside] = -1
        chosen.append(int(owners[np.argmax(gap)]))
    return chosen


def draw_law(patterns: np.ndarray, owners: np.ndarray, chosen: list[int], metric: str) -> np.ndarray:
    """(n,) probability that each image is drawn next: D^2 / sum D^2, summed over its patterns."""
    inside = np.isin(owners, chosen)
    gap = distances(patterns, metric)[:, inside].min(axis=1) ** 2
    gap[inside] = 0
    return np.bincount(owners, weights=gap) / gap.sum()
