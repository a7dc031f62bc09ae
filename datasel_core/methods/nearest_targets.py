"""Nearest to the target's examples, each in turn: the plain way to choose towards a target."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.errors import Fault
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors import neighbors
from datasel_core.vectors.directions import matrix, same_width


@method("nearest_targets", version=1, title="Nearest to the target")
class NearestTargets(Method):
    """Target examples take turns; each takes its nearest candidate that is left. Simple and fair to every example;
    takes near-duplicates with both hands.

    A baseline for TSDS: the same closeness, no spreading.
    """

    needs: ClassVar = ("embedding",)
    needs_target: ClassVar = ("embedding",)
    promise: ClassVar = "target"
    prefix: ClassVar = True
    cost: ClassVar = "Compares every candidate with every target example: seconds for 200,000 and 500."
    avoid: ClassVar = (
        "When the pool has many near-duplicates, or the target a few odd examples: both are followed without question."
    )
    because: ClassVar = "it was the nearest one left to target example {target}, {distance:.3f} away"

    metric: Literal["cosine", "euclidean"] = Field(
        "cosine",
        description="How far apart two samples are.",
        json_schema_extra=spoken({"cosine": "by direction (cosine)", "euclidean": "by distance (Euclidean)"}),
    )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        pool, target = (
            matrix(inputs.pool["embedding"], "pool role embedding"),
            matrix(inputs.target["embedding"], "target role embedding"),
        )
        same_width(pool, "pool role embedding", target, "target role embedding")
        taken = np.zeros(len(pool), dtype=bool)
        taken[inputs.already] = True
        places, same = np.unique(target, axis=0, return_inverse=True)  # equal examples go down one list together
        next_of = np.zeros(len(places), np.int64)
        near, distance = neighbors.search(places, pool, 2 * (budget // len(places) + 8), self.metric, inputs.progress)
        rows, whose, away = (np.empty(budget, kind) for kind in (np.int64, np.int64, np.float64))
        for at in range(budget):
            turn = at % len(target)
            one = same[turn]
            while next_of[one] < len(pool):
                if next_of[one] == near.shape[1]:  # everything this one knows of is taken
                    near, distance = neighbors.search(places, pool, 4 * near.shape[1], self.metric, inputs.progress)
                place = next_of[one]
                next_of[one] += 1
                if not taken[near[one, place]]:
                    break
            else:
                raise Fault("All candidates are taken before the budget is used up")
            rows[at], whose[at], away[at] = near[one, place], turn, distance[one, place]
            taken[rows[at]] = True
        return Picks(rows, why={"target": whose, "distance": away})
