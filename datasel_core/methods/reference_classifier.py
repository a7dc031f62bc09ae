"""A classifier that tells the target from the pool: the candidates that it takes for the target's."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs, Picks, top
from datasel_core.vectors.directions import matrix, same_width

_FOLDS = 5
_LEAST = 1e-12
"""No chance is smaller, so that the order of rounds can be told."""


@method("reference_classifier", version=1, title="Taken for the target's by a classifier")
class ReferenceClassifier(Scorer):
    """A logistic regression learns to tell the target's embeddings from the pool's; kept are candidates that it takes
    for the target's. Cheap and hard to beat where the target is of one style; learns any difference, also one of form.

    As the quality filter of GPT-3, Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix A; there words are
    hashed, here embeddings are read, each number over its spread. Both sides weigh the same, whatever their sizes. No
    candidate is scored by a model that was trained on it or on its copies: the candidates are dealt into five parts, in
    the order of their vectors, and each part is scored by what learned from the others and the target.
    """

    needs: ClassVar = ("embedding",)
    needs_target: ClassVar = ("embedding",)
    promise: ClassVar = "target"
    cost: ClassVar = "Five logistic regressions: seconds for 20,000 embeddings, a minute or two for 200,000."
    avoid: ClassVar = "When the target differs from the pool in form, such as length: then form is what it finds."
    paper: ClassVar = "https://arxiv.org/abs/2005.14165"
    because: ClassVar = "its log odds of being the target's are {score:.3g}"

    law: Literal["top", "pareto"] = Field(
        "top",
        description="Keep the likeliest, or draw as GPT-3's filter does, which lets some unlikely ones through.",
        json_schema_extra=spoken({"top": "the likeliest", "pareto": "by chance, as GPT-3's filter"}),
    )
    alpha: float = Field(
        9.0,
        gt=0,
        description=(
            "Of the draw: how seldom it keeps what does not look like the target, with the chance (2 - p) to the power "
            "of minus this, p the probability of being the target's. Move it down for more variety. Near 0 everything "
            "is kept alike; large values keep hardly any but sure ones."
        ),
    )
    c: float = Field(
        0.1,
        gt=0,
        title="Inverse penalty",
        description=(
            "How freely the classifier may fit: the inverse strength of its L2 penalty. Move it down where the target "
            "has few examples. Near 0 it is a direction between two means; large values learn examples by heart."
        ),
    )

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: log odds of being the target's, as if both sides were equally many; 0 where a candidate has no
        other to be told from.
        """
        pool, target = (
            matrix(inputs.pool["embedding"], "pool role embedding"),
            matrix(inputs.target["embedding"], "target role embedding"),
        )
        same_width(pool, "pool role embedding", target, "target role embedding")
        part, found = _dealt(np.asarray(pool)), np.zeros(len(pool))
        target = np.asarray(target, np.float64)
        for at in inputs.progress.over(range(_FOLDS), _FOLDS, "telling the target from the pool"):
            mine, others = part == at, part != at
            if mine.any() and others.any():
                found[mine] = self._log_odds(np.asarray(pool[others], np.float64), target, pool[mine])
        return found

    def _log_odds(self, others: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression

        learned = np.concatenate([others, target])
        centre, spread = learned.mean(axis=0), learned.std(axis=0)
        spread[spread == 0] = 1
        of_target = np.arange(len(learned)) >= len(others)
        model = LogisticRegression(C=self.c, class_weight="balanced", max_iter=1000)
        model.fit((learned - centre) / spread, of_target)
        return model.decision_function((np.asarray(asked, np.float64) - centre) / spread)

    def best(
        self, scores: np.ndarray, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()
    ) -> Picks:
        """By `pareto` in the order in which rounds of GPT-3's filter keep them: each round keeps each that is left with
        its own chance, and puts those it keeps in random order.
        """
        keys = scores.copy() if self.law == "top" else -(rng.geometric(self._chances(scores)) + rng.random(len(scores)))
        keys[np.asarray(already, dtype=np.int64)] = np.nan
        rows = top(keys, budget)
        return Picks(rows, scores=scores, why={"score": scores[rows]})

    def _chances(self, scores: np.ndarray) -> np.ndarray:
        """(n,) the chance that numpy.random.pareto(alpha) exceeds 1 - p."""
        from scipy.special import expit

        return np.maximum((1 + expit(-scores)) ** -self.alpha, _LEAST)


def _dealt(pool: np.ndarray) -> np.ndarray:
    """(n,) the part of each candidate; equal ones are in one part, and parts are equally large but for copies."""
    return np.unique(pool, axis=0, return_inverse=True)[1].ravel() % _FOLDS
