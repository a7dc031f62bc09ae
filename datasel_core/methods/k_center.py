"""k-center greedy: always the sample farthest from all taken so far."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.ragged import Ragged
from datasel_core.methods.algorithms.gaps import BLOCK
from datasel_core.methods.freesel import pick_by_patterns
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("k_center", version=1, title="k-center greedy")
class KCenter(Method):
    """Repeatedly takes the sample farthest from all taken so far. Covers the whole space; loves outliers.

    Sener & Savarese 2018, https://arxiv.org/abs/1708.00489; a 2-approximation of the best covering radius (Gonzalez
    1985).
    """

    needs: ClassVar = ("embedding",)
    prefix: ClassVar = True
    cost: ClassVar = (
        "One pass over the samples for their embedding; the choice itself takes a second or less for 100,000."
    )
    avoid: ClassVar = "When the pool has broken or odd samples: they are far from everything and are taken first."
    promise: ClassVar = "farthest"
    paper: ClassVar = "https://arxiv.org/abs/1708.00489"
    because: ClassVar = "it was {distance:.3f} away from everything kept before"

    metric: Literal["cosine", "euclidean"] = Field(
        "cosine",
        description="How far apart two samples are.",
        json_schema_extra=spoken({"cosine": "by direction (cosine)", "euclidean": "by distance (Euclidean)"}),
    )
    first: int | None = Field(
        None,
        ge=0,
        description=(
            "Number of the sample, counted from 0, that the choice begins with. Set it to repeat somebody's "
            "experiment. Left empty, the seed draws it; any sample of the pool may be named."
        ),
        json_schema_extra=spoken({"none": "drawn by the seed"}),
    )
    block: int = Field(BLOCK, ge=1, description="Rows per distance block.", json_schema_extra=HOW)

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        embedding = np.asarray(inputs.pool["embedding"])
        one_each = Ragged(embedding, np.arange(len(embedding) + 1))
        picks = pick_by_patterns(one_each, inputs, budget, "farthest", self.metric, self.first, self.block)
        return Picks(picks.places, why={"distance": picks.why["distance"]})
