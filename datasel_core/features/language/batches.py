"""Which samples go together: those of like length, so that little is padding."""

from collections.abc import Iterator

import numpy as np


def training_order(lengths: np.ndarray, batch: int, steps: int, seed: int) -> np.ndarray:
    """(steps * batch,) positions in the order of training, the same for the same seed: pass after pass, each shuffled
    anew.

    Every fifty batches' worth is sorted by length, cut into batches, and these are shuffled again.
    """
    rng, wanted = np.random.default_rng(seed), steps * batch
    passes = -(-wanted // len(lengths))
    stream = np.concatenate([rng.permutation(len(lengths)) for _ in range(passes)])[:wanted]
    for start in range(0, wanted, 50 * batch):
        part = stream[start : start + 50 * batch]
        by_length = part[np.argsort(lengths[part], kind="stable")].reshape(-1, batch)
        stream[start : start + 50 * batch] = by_length[rng.permutation(len(by_length))].ravel()
    return stream


def scoring_batches(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Positions, the longest first, as many at a time as make `tokens` tokens with their padding; each position
    once.
    """
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        n = max(1, tokens // int(lengths[order[0]]))
        yield order[:n]
        order = order[n:]
