"""Filling parts like vessels joined by a pipe: every part gives equally many until it is empty, and the others go on
(max-min fair).
"""

import numpy as np


def allocation(sizes: np.ndarray, budget: int) -> np.ndarray:
    """(len(sizes),) how many each part gives: from the smallest part to the largest, min(size, floor(what remains /
    parts left)).

    What cannot be shared evenly so goes to the largest parts; of equally large ones to the first.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    counts, remaining = np.zeros(len(sizes), np.int64), budget
    ascending = np.lexsort((-np.arange(len(sizes)), sizes))
    for at, part in enumerate(ascending):
        counts[part] = min(int(sizes[part]), remaining // (len(sizes) - at))
        remaining -= int(counts[part])
    return counts


def in_turn(part: np.ndarray, sizes: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """(m,) an order of m samples whose first b are, for every b, shared among their parts as `allocation` says.

    Level by level, the largest part first: the allocation never shrinks as the budget grows, so one order serves all
    budgets.
    part: (m,) which part each sample is in; inside a part the samples keep their order. sizes, taken: of every part,
    how many it holds and how many of those were taken before; these fill its lowest levels.
    """
    together = np.argsort(part, kind="stable")
    counts = np.bincount(part, minlength=len(sizes))
    level = np.empty(len(part), np.int64)
    level[together] = np.arange(len(part)) - np.repeat(np.cumsum(counts) - counts, counts)
    turn = np.empty(len(sizes), np.int64)
    turn[np.lexsort((np.arange(len(sizes)), -np.asarray(sizes)))] = np.arange(len(sizes))
    return np.lexsort((turn[part], level + taken[part]))
