"""MATES: texts by how much a training step on each is predicted to help, drawn so that chance has its share."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.errors import BadInput
from datasel_core.methods.algorithms.diverse import greedy
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs, Picks, top
from datasel_core.vectors.directions import matrix

_INFLUENCE = "influence"


@method("mates", version=1, title="MATES: by influence")
class Mates(Scorer):
    """Draws texts in proportion to how much a training step on each is predicted to lower the loss on a reference. As
    good as that prediction; one that was learned for an earlier state of the model goes stale.

    The influence y of a text is the predicted loss after the step, in standard deviations, low is good; the score is
    -y. With noise g from Gumbel(0, 1), `gumbel_top_k` keeps the largest -y + temperature * g: a draw without
    replacement, each next one with probability proportional to exp(-y / temperature) among those that are left.
    `released` keeps the smallest y + temperature * g, as the published program does: another law, greedier for the very
    best. Equal keys keep pool order.

    MATES: Model-Aware Data Selection for Efficient Pretraining with Data Influence Models, Yu et al., NeurIPS 2024,
    https://arxiv.org/abs/2406.06046. `diverse` is ours: greedy, each key less this weight times the largest cosine to
    what is kept, now or earlier.
    """

    needs: ClassVar = (_INFLUENCE,)
    may_need: ClassVar = ("embedding",)
    cost: ClassVar = "Nothing beyond the influence; with a penalty for likeness seconds for 2,000 of 100,000."
    avoid: ClassVar = (
        "When the prediction was not shown to rank unseen texts, or the model has learned a lot since it was made."
    )
    paper: ClassVar = "https://arxiv.org/abs/2406.06046"
    because: ClassVar = (
        "a step on it is predicted to help {score:.2f} standard deviations more than one on the average text; chance "
        "added {chance:.2f}"
    )

    temperature: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description=(
            "How much chance there is in the choice, in standard deviations of the influence. Move it down when the "
            "prediction is good, up when it is doubtful. At 0 the best are kept and nothing is left to chance; very "
            "high, all are equally likely."
        ),
    )
    law: Literal["gumbel_top_k", "released"] = Field(
        "gumbel_top_k",
        description="How chance enters: as the paper says, or as the program that was published with it does.",
        json_schema_extra=spoken({"gumbel_top_k": "as in the paper", "released": "as in the published program"}),
    )
    diverse: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Penalty for likeness",
        description=(
            "How much a text loses for being like one that is kept, in standard deviations of the influence for a "
            "cosine of 1. Move it up when the kept repeat one another. At 0 likeness does not count; very high, "
            "influence hardly does."
        ),
    )
    weak: bool = Field(
        False,
        title="Even if the prediction is weak",
        description="Choose also where the prediction was not shown to rank unseen texts; the record then says so.",
    )

    def roles(self) -> tuple[str, ...]:
        return (*self.needs, *(self.may_need if self.diverse else ()))

    def trust(self, facts: Mapping[str, Mapping[str, Any]]) -> str:
        found = facts.get(_INFLUENCE, {}).get("spearman")
        if found is None:
            return "Nobody said how well this influence predicts what was measured; it is taken as it is."
        said = f"Spearman {found['mid']:.2f}, interval {found['low']:.2f} to {found['high']:.2f}"
        if found["low"] > 0:
            return ""
        if not self.weak:
            raise BadInput(
                f"The predicted influence was not shown to rank unseen texts ({said}, which is not above 0); probe "
                "more samples, predict from another embedding, or go on anyway with --set weak=true."
            )
        return f"The predicted influence was not shown to rank unseen texts ({said}); it was chosen by all the same."

    def by_scores_alone(self) -> bool:
        return not self.diverse

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: minus the predicted loss after a step, in standard deviations."""
        return -np.asarray(inputs.pool[_INFLUENCE], dtype=np.float64)

    def best(
        self, scores: np.ndarray, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()
    ) -> Picks:
        chance = self._chance(rng, len(scores))
        keys = scores + chance
        keys[np.asarray(already, dtype=np.int64)] = np.nan
        rows = top(keys, budget)
        return Picks(rows, scores=scores, why={"score": scores[rows], "chance": chance[rows]})

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        if not self.diverse:
            return super().pick(inputs, budget)
        scores, track = self.score(inputs), inputs.progress.track(budget, "choosing")
        chance = self._chance(inputs.rng, inputs.n)
        vectors = matrix(inputs.pool["embedding"], "pool role embedding")
        picked = []
        for one in itertools.islice(
            greedy(scores + chance, vectors, self.diverse, inputs.already, inputs.progress), budget
        ):
            picked.append(one)
            track.advance()
        track.finish()
        rows = np.array([row for row, _ in picked], dtype=np.int64)
        likeness = np.array([cosine for _, cosine in picked])
        return Picks(rows, scores=scores, why={"score": scores[rows], "chance": chance[rows], "likeness": likeness})

    def _chance(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """(n,) what chance adds to each score."""
        noise = self.temperature * rng.gumbel(size=n)
        return noise if self.law == "gumbel_top_k" else -noise
