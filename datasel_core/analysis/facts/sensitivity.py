"""How far a pruning by the loss hangs on what nobody knows beforehand: the length of the warm-up, and beta."""

from collections.abc import Mapping, Sequence

import numpy as np

from datasel_core.base.rank_correlation import spearman
from datasel_core.errors import BadInput
from datasel_core.methods.algorithms.fitting import fitting

BETAS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.5, 2.0)


def warm_up(losses: Mapping[int, np.ndarray]) -> list[dict[str, float]]:
    """Whether a shorter warm-up would have ranked the samples alike: steps, and spearman with the longest one.

    losses: steps of the warm-up -> (n,) nats, the same samples in each. Raises BadInput.
    """
    if not losses or len({np.shape(one) for one in losses.values()}) > 1:
        raise BadInput("Losses of warm-ups must be of the same samples, and of at least one warm-up.")
    longest = losses[max(losses)]
    return [{"steps": steps, "spearman": float(spearman(losses[steps], longest))} for steps in sorted(losses)]


def with_frequency(loss: np.ndarray, fact: np.ndarray) -> float:
    """Spearman between how often a fact is stated and the mean loss of its samples; near -1 where a loss tells the
    frequent facts, near 0 where it tells nothing of them. loss: (n,) nats. fact: (n,) equal where it is the same.
    """
    _, of, many = np.unique(fact, return_inverse=True, return_counts=True)
    return float(spearman(many, np.bincount(of, weights=loss) / many))


def over_beta(
    loss: np.ndarray, fact: np.ndarray, bits: np.ndarray, capacity: float, betas: Sequence[float] = BETAS
) -> list[dict[str, float]]:
    """What `head` would keep: beta, samples, facts, highest_loss (nats; NaN where nothing fits) and overlap, the
    samples that it shares with what beta 1 keeps, as a share of those that either keeps (1 where both keep nothing).

    loss, fact, bits: (n,), bits of the fact of each sample. capacity: bits.
    """
    order = np.argsort(loss, kind="stable")
    nobody = np.empty(0, np.int64)
    middle = fitting(order, fact, bits, capacity, nobody)
    rows = []
    for beta in betas:
        kept = fitting(order, fact, bits, beta * capacity, nobody)
        either = max(kept, middle)  # both are fronts of one order
        rows.append(
            {
                "beta": float(beta),
                "samples": kept,
                "facts": len(np.unique(fact[order[:kept]])),
                "highest_loss": float(loss[order[kept - 1]]) if kept else float("nan"),
                "overlap": min(kept, middle) / either if either else 1.0,
            }
        )
    return rows


def over_warm_up(
    losses: Mapping[int, np.ndarray], fact: np.ndarray, bits: np.ndarray, capacity: float
) -> list[dict[str, float]]:
    """What `head` would keep at beta 1 after each warm-up: steps, samples, facts, and overlap, the facts that it shares
    with what the longest warm-up keeps, as a share of those that either keeps (1 where both keep nothing).

    losses: steps -> (n,) nats. fact, bits: (n,). capacity: bits.
    """
    nobody, kept = np.empty(0, np.int64), {}
    for steps, loss in losses.items():
        order = np.argsort(loss, kind="stable")
        front = order[: fitting(order, fact, bits, capacity, nobody)]
        kept[steps] = len(front), np.unique(fact[front])
    last = kept[max(kept)][1]
    rows = []
    for steps in sorted(kept):
        samples, facts = kept[steps]
        either = len(np.union1d(facts, last))
        shared = len(np.intersect1d(facts, last, assume_unique=True))
        overlap = shared / either if either else 1.0
        rows.append({"steps": steps, "samples": samples, "facts": len(facts), "overlap": overlap})
    return rows
