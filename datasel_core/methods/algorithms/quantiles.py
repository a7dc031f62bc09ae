"""Even quantiles of n values in order, of which some are taken already."""

import bisect

import numpy as np


def even_ranks(n: int, budget: int, already: np.ndarray) -> np.ndarray:
    """(budget,) ranks from 0 to n - 1, in order, none of them in already.

    The ideal ranks are round(linspace(0, n - 1, m)), both ends included, with m = budget + len(already); one alone is
    the middle. Each rank that is taken already fills the nearest ideal one, and each ideal one that is left takes the
    nearest rank that is free, the lower of two.
    """
    m = budget + len(already)
    ideal = [(n - 1) // 2] if m == 1 else np.linspace(0, n - 1, m).round().astype(int).tolist()
    taken = np.zeros(n, dtype=bool)
    taken[already] = True
    for rank in np.sort(already).tolist():
        ideal.pop(_nearest(ideal, rank))
    free = np.flatnonzero(~taken).tolist()
    return np.sort([free.pop(_nearest(free, rank)) for rank in ideal])


def _nearest(ordered: list[int], value: int) -> int:
    """Where in an ordered list the value is that lies nearest; the lower of two."""
    at = bisect.bisect_left(ordered, value)
    if at == len(ordered) or (at and value - ordered[at - 1] <= ordered[at] - value):
        return at - 1
    return at
