"""How much of a pool is nearly the same twice: what decides whether spreading out or following the mass pays."""

from dataclasses import dataclass

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.vectors.directions import unit

NEAR = 0.95
"""Cosine from which two samples are nearly the same, as in the method deduplicate."""
_MOST_COSINES = 200_000_000
_MOST_SAMPLES = 2_000
_BLOCK = 128


@dataclass(frozen=True)
class Structure:
    """twins: share of samples that have a near-duplicate. kinds: how many different samples the n are worth: each
    counts one divided by how many are nearly the same as it, itself included (a clip of 20 like frames counts once).
    measured_on: samples that were compared with all others, drawn where there are more.
    """

    n: int
    twins: float
    kinds: float
    measured_on: int


def structure(vectors: np.ndarray, progress: Progress | None = None) -> Structure:
    """vectors: (n, d), n at least 1, no row of zeros. Raises Stopped."""
    n, progress = len(vectors), progress or Progress()
    m = min(n, _MOST_SAMPLES, max(1, _MOST_COSINES // n))
    rows = np.arange(n) if m == n else np.sort(np.random.default_rng(0).choice(n, m, replace=False))
    drawn, alike = unit(vectors[rows]), np.zeros(m, np.int64)
    starts = range(0, n, _BLOCK * 64)
    for start in progress.over(starts, len(starts), "looking for near-duplicates"):
        others = unit(vectors[start : start + _BLOCK * 64])
        for at in range(0, m, _BLOCK):
            alike[at : at + _BLOCK] += (drawn[at : at + _BLOCK] @ others.T >= NEAR).sum(axis=1)
    alike = np.maximum(alike, 1)  # itself, whatever rounding says
    return Structure(n, float((alike > 1).mean()), float(n * (1 / alike).mean()), m)
