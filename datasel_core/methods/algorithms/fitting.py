"""Facts that fit: how far an order of samples can be followed before the distinct facts met take more bits than there
are, and which exposure of its fact each sample is.
"""

import numpy as np

_ROUNDING = 1e-9
"""Of the bits there are: sums of as many bits as exactly fit must fit."""


def bits_met(order: np.ndarray, fact: np.ndarray, bits: np.ndarray, already: np.ndarray) -> np.ndarray:
    """(m,) float64: bits of the distinct facts that were met when each sample of the order has been taken, those of
    samples chosen before included. A fact counts once, with the bits that its first sample says.

    order: (m,) positions, each at most once, none of them in already. fact, bits: (n,) of every position.
    """
    both = np.concatenate([np.asarray(already, dtype=np.int64), order])
    new = np.zeros(len(both), dtype=bool)
    new[np.unique(fact[both], return_index=True)[1]] = True
    return np.cumsum(np.where(new, bits[both], 0.0))[len(both) - len(order) :]


def fitting(order: np.ndarray, fact: np.ndarray, bits: np.ndarray, capacity: float, already: np.ndarray) -> int:
    """How many samples from the front of the order are taken before one would take more bits than the capacity."""
    met = bits_met(order, fact, bits, already)
    return int(np.searchsorted(met, capacity * (1 + _ROUNDING), side="right"))


def exposure(order: np.ndarray, fact: np.ndarray, already: np.ndarray) -> np.ndarray:
    """(m,) int from 1: which of the samples of its fact each one is in this order; those chosen before count first."""
    _, code = np.unique(fact, return_inverse=True)
    before = np.bincount(code[np.asarray(already, dtype=np.int64)], minlength=len(fact))
    of = code[order]
    together = np.argsort(of, kind="stable")
    counts = np.bincount(of, minlength=len(fact))
    place = np.empty(len(of), np.int64)
    place[together] = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place + 1 + before[of]
