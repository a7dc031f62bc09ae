"""DSIR: texts whose words are more common in the target than in the pool."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.ragged import Ragged, sums
from datasel_core.errors import BadInput
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs, Picks, top

_SMOOTH = 1e-8
_ROWS = 1 << 15
"""Added to every probability before its logarithm, as in the published program."""


@method("dsir", version=1, title="DSIR: by the target's words")
class Dsir(Scorer):
    """Draws texts in proportion to how much likelier their words and pairs of words are in the target than in the pool.
    Needs no model; sees no meaning.

    The score is the log importance weight: a sum over n-grams, so long texts lie far out on either side.
    Data Selection for Language Models via Importance Resampling, Xie et al., NeurIPS 2023,
    https://arxiv.org/abs/2302.03169 (hashed n-grams, drawn without replacement by the Gumbel top-k trick).
    """

    needs: ClassVar = ("ngrams",)
    needs_target: ClassVar = ("ngrams",)
    cost: ClassVar = "One pass over the counts: seconds for a million texts."
    avoid: ClassVar = "When lengths differ a lot, or the target is a few sentences: then a handful of words decides."
    paper: ClassVar = "https://arxiv.org/abs/2302.03169"
    because: ClassVar = "the target's words make it e to the power of {score:.3g} times as likely as the pool's do"

    sampling: Literal["without_replacement", "top"] = Field(
        "without_replacement",
        description="Draw in proportion to the weights, or take the highest.",
        json_schema_extra=spoken({"without_replacement": "by chance", "top": "the highest"}),
    )

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64 log p(text | target) - log p(text | pool), each a bag of hashed n-grams."""
        pool, target = _counts(inputs.pool["ngrams"], "pool"), _counts(inputs.target["ngrams"], "target")
        inputs.progress.check()
        buckets = 1 + max(int(pool.values[:, 0].max()), int(target.values[:, 0].max()))
        log_pool, log_target = (np.log(_shares(one, buckets) + _SMOOTH) for one in (pool, target))
        found = np.empty(len(pool))
        starts = range(0, len(pool), _ROWS)
        for start in inputs.progress.over(starts, len(starts), "weighing texts"):
            edges = pool.offsets[start : start + _ROWS + 1]
            part = pool.values[edges[0] : edges[-1]]
            weights = (log_target - log_pool)[part[:, 0]] * part[:, 1]
            found[start : start + len(edges) - 1] = sums(weights, edges - edges[0])
        return found

    def best(
        self, scores: np.ndarray, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()
    ) -> Picks:
        keys = scores + rng.gumbel(size=len(scores)) if self.sampling == "without_replacement" else scores.copy()
        keys[np.asarray(already, dtype=np.int64)] = np.nan
        rows = top(keys, budget)
        return Picks(rows, scores=scores, why={"score": scores[rows]})


def _counts(ngrams: Ragged, side: str) -> Ragged:
    values = ngrams.values
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "iu" or not len(values) or values.min() < 0:
        raise BadInput(
            f"The {side} role ngrams must hold pairs of whole numbers per sample, bucket and count, from 0 up; "
            "compute it with hashed_ngrams."
        )
    return ngrams


def _shares(ngrams: Ragged, buckets: int) -> np.ndarray:
    """(buckets,) float64: the share of each among all n-grams."""
    many = np.bincount(ngrams.values[:, 0], ngrams.values[:, 1], buckets)
    return many / many.sum()
