"""A whole dealt out in whole numbers by largest remainder (Hamilton); equal remainders: the earlier comes first."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

Number = int | float | Fraction


def deal(total: int, weights: Sequence[Number]) -> list[int]:
    """Whole numbers that sum to `total`, each less than one from its exact part. weights: not negative, one above 0."""
    return deal_within(total, weights, [0] * len(weights), [total] * len(weights))


def deal_within(total: int, weights: Sequence[Number], least: Sequence[int], most: Sequence[int]) -> list[int]:
    """The same where each has its bounds: what a full one cannot take, and what a poor one must have, is dealt among
    the others by their weights. sum(least) <= total <= sum(most). A weight of 0 gets no more than it must, unless
    nobody else can take it.
    """
    exact = _parts(total, [Fraction(one) for one in weights], least, most)
    dealt = [floor(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda at: (dealt[at] - exact[at], at))
    for at in order[: total - sum(dealt)]:
        dealt[at] += 1
    return dealt


def _parts(total: int, weights: Sequence[Fraction], least: Sequence[int], most: Sequence[int]) -> list[Fraction]:
    """The exact parts: min(most, max(least, level * weight)) at the level where they sum to `total`."""
    bounds = list(zip(weights, least, most, strict=True))

    def at(level: Fraction) -> list[Fraction]:
        return [min(Fraction(top), max(Fraction(bottom), level * one)) for one, bottom, top in bounds]

    levels = sorted({Fraction(0), *(Fraction(edge) / one for one, *both in bounds if one for edge in both)})
    if sum(at(levels[-1])) < total:  # those with a weight are full: the others take the rest, alike
        others = [Fraction(int(not weight)) for weight in weights]
        return _parts(total, others, [most_of if one else least_of for one, least_of, most_of in bounds], most)
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if sum(at(levels[middle])) >= total else (middle + 1, high)
    above = at(levels[low])
    if sum(above) == total or low == 0:
        return above
    below = at(levels[low - 1])  # between two edges the sum grows evenly
    share = (total - sum(below)) / (sum(above) - sum(below))
    return [one + share * (other - one) for one, other in zip(below, above, strict=True)]
