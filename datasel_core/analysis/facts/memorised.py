"""How many facts a model knows, less what guessing gets right; and how many bits of them it must hold."""

import numpy as np

from datasel_core.errors import BadInput


def beyond_guessing(right: np.ndarray, facts: np.ndarray, guess: np.ndarray) -> float:
    """Facts known: the sum over relations of (c - N p) / (1 - p), for what is not known is guessed right with chance p.

    right, facts: (R,) how many answers are right, of how many. guess: (R,) the share that guessing gets right, 1 / V
    where answers are uniform. A relation with one answer holds nothing to know and counts 0. Below 0 where fewer are
    right than guessing would get: cut off there, the mean of many such counts would be too high. Raises BadInput.
    """
    right, facts, guess = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (right, facts, guess))
    if not right.shape == facts.shape == guess.shape:
        raise BadInput("right, facts and guess must have one number for each relation.")
    if (right < 0).any() or (right > facts).any() or (guess < 0).any() or (guess > 1).any():
        raise BadInput("Of each relation, right must be from 0 to facts, and guess from 0 to 1.")
    open_ = guess < 1
    return float(((right - facts * guess)[open_] / (1 - guess[open_])).sum())


def stored_bits(entropy: np.ndarray, loss: np.ndarray) -> float:
    """Bits that a model must hold at least: the sum over facts of H - CE / ln 2, at least 0; Allen-Zhu & Li 2024,
    https://arxiv.org/abs/2404.05405.

    entropy: (F,) bits of the answer of each fact before anything is known, that of its relation. loss: (F,) nats, the
    cross-entropy of its whole answer. Facts that it believes wrongly count against it. Raises BadInput.
    """
    entropy, loss = np.asarray(entropy, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if entropy.shape != loss.shape or not (np.isfinite(entropy).all() and np.isfinite(loss).all()):
        raise BadInput("entropy and loss must have one finite number for each fact.")
    return float(max((entropy - loss / np.log(2)).sum(), 0.0))
