"""Random choice: the baseline every method must beat."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("random", version=1, title="Random")
class Random(Method):
    """Every sample is equally likely. Keeps the pool's shares; finds rare things only by luck.

    The baseline of every comparison; surprisingly hard to beat with large budgets.
    """

    prefix: ClassVar = True
    cost: ClassVar = "Nothing: no pass over the data."
    avoid: ClassVar = "When rare groups matter and the budget is small."
    because: ClassVar = "drawn at random"

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        return Picks(inputs.rng.permutation(free)[:budget])
