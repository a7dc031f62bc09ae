"""Spearman's rank correlation, and how sure it is."""

import numpy as np

RESAMPLES = 2000
_LEVEL = 95
_BLOCK = 1 << 20


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...,) float64 over the last axis, equal values share their mean rank; 0 where either side is constant, or has
    fewer than two values: it ranks nothing.
    """
    from scipy import stats

    if np.shape(one)[-1] < 2:
        return np.zeros(np.shape(one)[:-1])
    sides = [stats.rankdata(values, axis=-1) - (np.shape(values)[-1] + 1) / 2 for values in (one, other)]
    both = np.sqrt(np.square(sides[0]).sum(axis=-1) * np.square(sides[1]).sum(axis=-1))
    return (sides[0] * sides[1]).sum(axis=-1) / np.where(both > 0, both, 1)


def spearman_interval(
    one: np.ndarray, other: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, float]:
    """low, mid, high: the correlation of two (n,) arrays with its 95 % percentile interval over bootstrap resamples of
    pairs. A resample in which one side is constant counts as 0, so that two or three pairs never prove anything.
    """
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    n = len(one)
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n)) if n else np.empty((resamples, 0), np.int64)
    found, step = np.empty(resamples), max(1, _BLOCK // max(n, 1))
    for start in range(0, resamples, step):
        part = drawn[start : start + step]
        found[start : start + step] = spearman(one[part], other[part])
    low, high = np.percentile(found, [(100 - _LEVEL) / 2, (100 + _LEVEL) / 2])
    return {"low": float(low), "mid": float(spearman(one, other)), "high": float(high)}
