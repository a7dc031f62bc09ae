"""Stratified choice: a share for every group, drawn at random inside it."""

import heapq
from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("stratified", version=1, title="Stratified by group")
class Stratified(Method):
    """Gives every group its share: equal, proportional to its size, or to the square root of its size. Needs a group
    column.

    Picks are dealt out one by one by the Webster (Sainte-Lague) rule, so a smaller budget is the beginning of a larger
    one (Balinski & Young 1982, Fair Representation). A group that runs out leaves its share to the others.
    """

    needs: ClassVar = ("group",)
    prefix: ClassVar = True
    cost: ClassVar = "Nothing: one look at the group column."
    avoid: ClassVar = "When groups are wrong or too coarse: inside a group the draw is blind."
    because: ClassVar = "drawn for the group {group}"

    allocation: Literal["equal", "proportional", "sqrt"] = Field(
        "equal",
        description="How the budget is shared among groups.",
        json_schema_extra=spoken({"equal": "equally", "proportional": "by size", "sqrt": "by square root of size"}),
    )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        names, group = np.unique(np.asarray(inputs.pool["group"]), return_inverse=True)
        sizes = np.bincount(group)
        taken = np.bincount(group[inputs.already], minlength=len(names))
        order = inputs.rng.permutation(np.setdiff1d(np.arange(inputs.n), inputs.already))
        waiting = [order[group[order] == g][::-1].tolist() for g in range(len(names))]
        weight = {"equal": np.ones(len(names)), "proportional": sizes.astype(float), "sqrt": np.sqrt(sizes)}[
            self.allocation
        ]
        queue = [((2 * taken[g] + 1) / weight[g], g) for g in range(len(names)) if waiting[g]]
        heapq.heapify(queue)
        rows = []
        while len(rows) < budget:
            _, g = heapq.heappop(queue)
            rows.append(waiting[g].pop())
            taken[g] += 1
            if waiting[g]:
                heapq.heappush(queue, ((2 * taken[g] + 1) / weight[g], g))
        return Picks(np.array(rows), why={"group": names[group[rows]]})
