"""What was probed, in two parts: the larger one is learned from, the other says how well that went."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from datasel_core.base.rank_correlation import RESAMPLES, spearman_interval
from datasel_core.errors import BadInput, Failed

FEWEST = 20
"""Probed samples below which a tenth of them says nothing."""
_CHECKED = 0.1


@dataclass(frozen=True)
class Probed:
    """Pool rows to learn from and to check with, and the loss on the reference after a step on each, in nats."""

    train: np.ndarray
    train_loss: np.ndarray
    check: np.ndarray
    check_loss: np.ndarray

    def goals(self) -> np.ndarray:
        """(m,) float64: the losses to learn, in standard deviations from their mean."""
        return (self.train_loss - self.train_loss.mean()) / self.train_loss.std()

    def quality(self, predicted: np.ndarray, seed: int) -> dict[str, float]:
        """low, mid, high: Spearman of predicted and measured loss over the samples to check with. predicted: (n,) over
        the pool.
        """
        return spearman_interval(predicted[self.check], self.check_loss, seed, RESAMPLES)


@dataclass(frozen=True)
class Prediction:
    """values: (n,) float64 over the pool, NaN where nothing could be predicted. lacking: (row, reason) of those. facts:
    flops and what else is to be known of the model.
    """

    values: np.ndarray
    lacking: Sequence[tuple[int, str]] = ()
    facts: dict[str, object] = field(default_factory=dict)


def split(after: np.ndarray, there: np.ndarray, seed: int) -> Probed:
    """A tenth of the probed samples, drawn, is checked with. after: (n,) loss of the reference after a step on each
    sample, NaN where nobody probed. there: (n,) bool, where there is something to predict from. Raises BadInput,
    Failed.
    """
    rows = np.flatnonzero(np.isfinite(after) & there)
    if len(rows) < FEWEST:
        raise BadInput(
            f"Only {len(rows):,} samples are probed and have something to predict from; it needs at least {FEWEST}: "
            "probe more."
        )
    rows = np.random.default_rng(seed).permutation(rows)
    check, train = np.split(rows, [round(_CHECKED * len(rows))])
    losses = np.asarray(after, dtype=np.float64)
    if np.ptp(losses[train]) == 0:
        raise Failed(
            f"The loss on the reference after a step is the same for all of {len(train):,} probed samples, so there is "
            "nothing to learn; probe with a larger rate, or other samples."
        )
    return Probed(train, losses[train], check, losses[check])


def in_deviations(values: np.ndarray) -> np.ndarray:
    """(n,) float64: every prediction of the pool in standard deviations from their mean; NaN stays. Raises Failed."""
    spread = np.nanstd(values)
    if not spread > 1e-12 * max(1.0, float(np.nanmax(np.abs(values)))):
        raise Failed(
            "The same is predicted for every sample, so nothing was learned from what was probed; probe more samples, "
            "or predict from something else."
        )
    return (values - np.nanmean(values)) / spread
