"""What is drawn of influence: predicted against measured, how the measured is spread, and which samples are at its
ends.
"""

from dataclasses import dataclass

import numpy as np

from datasel_core.features.influence_model.probed import FEWEST, split
from datasel_core.features.stored import StoredFeature

_BINS = 60
_AFTER = "after"


@dataclass(frozen=True)
class Against:
    """Of m samples that were probed. rows: of the pool. measured: by how much a step lowers the loss on the reference,
    in nats. predicted: how much it helps, in standard deviations. checked: whether the prediction did not learn from
    it.
    """

    rows: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    checked: np.ndarray


def against(measured: StoredFeature, predicted: StoredFeature) -> Against:
    """Both features of one stage."""
    values, guessed = (np.asarray(one.values(), dtype=np.float64) for one in (measured, predicted))
    rows = np.flatnonzero(np.isfinite(values) & np.isfinite(guessed))
    checked = np.zeros(len(rows), bool)
    after = np.asarray(measured.extra(_AFTER))[:, 0]
    if len(rows) >= FEWEST:
        checked = np.isin(rows, split(after, np.isfinite(guessed), predicted.meta["params"]["seed"]).check)
    return Against(rows, values[rows], -guessed[rows], checked)


@dataclass(frozen=True)
class Spread:
    """Counts between `edges` (b + 1,). helps: how many of the measured are above 0."""

    edges: np.ndarray
    counts: np.ndarray
    helps: int


def spread(measured: StoredFeature) -> Spread:
    """How influence is spread over the samples that were probed."""
    values = np.asarray(measured.values(), dtype=np.float64)
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, bins=int(np.clip(2 * np.sqrt(len(values)), 8, _BINS)))
    return Spread(edges, counts, int((values > 0).sum()))


def ends(measured: StoredFeature, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the n samples that help most, the best first, and of the n that help least, the worst first; and (pool,)
    their influence. Where few were probed none is in both.
    """
    values = np.asarray(measured.values(), dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(values))
    order = rows[np.argsort(-values[rows], kind="stable")]
    n = min(n, len(order) // 2)
    return order[:n], order[len(order) - n :][::-1], values
