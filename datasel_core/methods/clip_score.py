"""CLIPScore: the cosine between an image and its caption."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.methods.algorithms.contrastive.pairs import Pairs
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("clip_score", version=1, title="CLIPScore")
class ClipScore(Scorer):
    """Cosine between image and caption. Fast and strong; blind to how common a pair is, and fond of captions that
    repeat what is easy to see.

    Hessel et al. 2021, https://arxiv.org/abs/2104.08718 (without its factor 2.5 and its floor at 0: neither changes an
    order among positive cosines). A pair with a zero vector has no score and is never kept.
    """

    needs: ClassVar = ("image", "text")
    promise: ClassVar = "mismatches"
    cost: ClassVar = "One pass over the embeddings: seconds for a million pairs."
    avoid: ClassVar = (
        "When captions full of common words crowd out specific ones: they get high cosines with everything."
    )
    paper: ClassVar = "https://arxiv.org/abs/2104.08718"
    because: ClassVar = "the cosine of its image and caption gives it the score {score:.3g}"

    keep: Literal["high", "low"] = Field(
        "high",
        description="Which end to keep: well-matched pairs (high), or mismatched ones to look at (low).",
        json_schema_extra=spoken({"high": "best matched", "low": "worst matched"}),
    )

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: the cosine for `high`, minus the cosine for `low`; NaN for a zero vector."""
        pairs = Pairs.of(inputs)
        return pairs.spread(pairs.cosine if self.keep == "high" else -pairs.cosine)
