"""The control of every choice by a number: the same numbers, dealt to the samples at random."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.by_score import ByScore
from datasel_core.methods.method import method
from datasel_core.methods.selection import Inputs


@method("shuffled_score", version=1, title="By a shuffled score")
class ShuffledScore(ByScore):
    """As by_score, but every number is dealt to another sample by the seed. What this gains over random is no merit of
    the number: a control, to be shown beside a method that goes by it.
    """

    avoid: ClassVar = "For anything but a comparison: it knows nothing of the samples."
    because: ClassVar = "the number that was dealt to it is {score:.3g}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: what by_score would say of another sample, each of one."""
        scores = super().score(inputs)
        return scores[inputs.rng.permutation(len(scores))]
