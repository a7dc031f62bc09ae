"""How far labellers agree: arrays of classes in, numbers out.

codes: (items, labellers) int, the class that each labeller gave each item, -1 where none. Item by item the counts of
classes decide everything, so that the bootstrap over items is one product of matrices.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput

LEAST = 10
"""Items that several labelled, from which an interval is given: fewer say nothing of others."""
_DRAWS, _SEED = 2_000, 0x1ABE1
_BLOCK = 256
"""Draws of the bootstrap at once."""


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha for names. value: None where it is not defined: no item that several labelled, or one class
    throughout. low, high: 95 % from a bootstrap over items; None where there are too few. items: that several labelled.
    """

    value: float | None
    low: float | None
    high: float | None
    items: int


@dataclass(frozen=True)
class Pair:
    """Two labellers on the items that both labelled. share: on how many of them they agree. kappa: Cohen's; None where
    it is not defined: both gave one and the same class throughout.
    """

    one: str
    other: str
    items: int
    share: float
    kappa: float | None


def alpha(codes: np.ndarray, draws: int = _DRAWS) -> Alpha:
    """Krippendorff's alpha, every labeller counting alike, with gaps. codes: see above. Raises BadInput."""
    counts = counted(codes)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return Alpha(None, None, None, 0)
    value = float(_alphas(counts, np.ones((1, len(counts))))[0])
    if np.isnan(value):
        return Alpha(None, None, None, len(counts))
    if len(counts) < LEAST:
        return Alpha(value, None, None, len(counts))
    rng, found = np.random.default_rng(_SEED), []
    for start in range(0, draws, _BLOCK):
        many = min(_BLOCK, draws - start)
        weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=many)
        found.append(_alphas(counts, weights))
    every = np.concatenate(found)
    every = every[~np.isnan(every)]  # of a draw that holds one class only
    if not len(every):
        return Alpha(value, None, None, len(counts))
    return Alpha(value, *np.percentile(every, [2.5, 97.5]).tolist(), len(counts))


def _alphas(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(draws,) alpha where each item counts `weights` times; NaN where only one class is left.

    counts: (items, classes), at least two of each item. weights: (draws, items).
    """
    m = counts.sum(axis=1)
    alike = (counts * (counts - 1.0)).sum(axis=1) / (m - 1)  # of an item: pairs that agree, as coincidences
    of_class = weights @ counts
    n = of_class.sum(axis=1)
    observed, expected = n - weights @ alike, n**2 - (of_class**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def counted(codes: np.ndarray) -> np.ndarray:
    """(items, classes): how many labellers gave each class."""
    if codes.ndim != 2:
        raise BadInput(f"The codes have {codes.ndim} axes; they must be items by labellers.")
    found = np.zeros((len(codes), int(codes.max(initial=-1)) + 1), dtype=np.float64)
    item, labeller = np.nonzero(codes >= 0)
    np.add.at(found, (item, codes[item, labeller]), 1)
    return found


def item_agreement(codes: np.ndarray) -> np.ndarray:
    """(items,): the share of pairs of labellers that agree, NaN where fewer than two labelled it."""
    counts = counted(codes)
    m = counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(m >= 2, (counts * (counts - 1)).sum(axis=1) / (m * (m - 1)), np.nan)


def kappa(one: np.ndarray, other: np.ndarray) -> float | None:
    """Cohen's kappa of two labellers, (n,) codes each, none missing; None where it is not defined."""
    k = int(max(one.max(initial=-1), other.max(initial=-1))) + 1
    table = np.zeros((k, k))
    np.add.at(table, (one, other), 1)
    n = table.sum()
    if not n:
        return None
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    return None if by_chance == 1 else (float(np.trace(table)) / n - by_chance) / (1 - by_chance)


def pairs(codes: np.ndarray, people: Sequence[str]) -> list[Pair]:
    """Every two labellers who labelled an item both, those with the most in common first."""
    found = []
    for one, other in itertools.combinations(range(len(people)), 2):
        both = (codes[:, one] >= 0) & (codes[:, other] >= 0)
        if n := int(both.sum()):
            mine, theirs = codes[both, one], codes[both, other]
            found.append(Pair(people[one], people[other], n, float((mine == theirs).mean()), kappa(mine, theirs)))
    return sorted(found, key=lambda pair: (-pair.items, pair.one, pair.other))
