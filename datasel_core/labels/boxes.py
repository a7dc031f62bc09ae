"""Boxes of two labellers on one picture: matched by their overlap, one to one, and F1 of what is matched."""

from collections.abc import Sequence

import numpy as np

from datasel_core.pools.labels import Label

OVERLAP = 0.5
"""Of intersection over union, from which two boxes mean one thing."""


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4): left, top, width, height."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, :2] + one[:, None, 2:], other[None, :, :2] + other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = one[:, 2:].prod(axis=1)[:, None] + other[:, 2:].prod(axis=1)[None, :] - shared
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)


def matches(one: Sequence[Label], other: Sequence[Label], least: float = OVERLAP) -> int:
    """The most pairs of boxes of one class, each box in one pair at most, that overlap by at least so much."""
    from scipy.optimize import linear_sum_assignment

    found = 0
    for name in {label.name for label in one} & {label.name for label in other}:
        mine, theirs = _sides(one, name), _sides(other, name)
        if len(mine) and len(theirs):
            good = overlaps(mine, theirs) >= least
            rows, columns = linear_sum_assignment(good, maximize=True)
            found += int(good[rows, columns].sum())
    return found


def f1(one: Sequence[Label], other: Sequence[Label], least: float = OVERLAP) -> float:
    """From 0 to 1; 1 where neither drew anything. Labels without a box are not counted."""
    drawn = sum(label.box is not None for label in (*one, *other))
    return 2 * matches(one, other, least) / drawn if drawn else 1.0


def _sides(labels: Sequence[Label], name: str) -> np.ndarray:
    found = [label.box for label in labels if label.name == name and label.box is not None]
    return np.array(found, dtype=np.float64).reshape(-1, 4)
