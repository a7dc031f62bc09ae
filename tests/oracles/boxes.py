"""Matching of boxes by trying every way: slow, obviously right."""

import itertools


def overlap(one, other):
    """Intersection over union of two boxes: left, top, width, height."""
    across = max(0.0, min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0]))
    down = max(0.0, min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1]))
    shared = across * down
    both = one[2] * one[3] + other[2] * other[3] - shared
    return shared / both if both > 0 else 0.0


def most_matches(one, other, least):
    """The most pairs, each box in one at most, of one class and with at least this overlap."""
    few, many = sorted([list(one), list(other)], key=len)
    return max(
        sum(a.name == b.name and overlap(a.box, b.box) >= least for a, b in zip(few, order, strict=True))
        for order in itertools.permutations(many, len(few))
    )
