"""Most forgotten: what the model learned and lost again."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("most_forgotten", version=1, title="Most forgotten")
class MostForgotten(Scorer):
    """What was learned and lost again most often. What is never forgotten can be left out; what is forgotten most may
    be mislabelled.

    An Empirical Study of Example Forgetting, Toneva et al., ICLR 2019, https://arxiv.org/abs/1812.05159. Of a response
    its tokens are counted, and the number is their mean; of what is forgotten as a whole it is a small whole number.
    Among equal ones pool order decides.
    """

    needs: ClassVar = ("forgetting",)
    cost: ClassVar = "Nothing beyond the counts."
    avoid: ClassVar = "With few checkpoints: there is little to count, and among equal counts pool order decides."
    paper: ClassVar = "https://arxiv.org/abs/1812.05159"
    because: ClassVar = "it was forgotten {score:.3g} times, on average over its tokens"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: how often it was forgotten."""
        return np.asarray(inputs.pool["forgetting"], dtype=np.float64)
