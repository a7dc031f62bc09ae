"""High learnability: what training taught the model most."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("high_learnability", version=1, title="High learnability")
class HighLearnability(Scorer):
    """The largest fall of the loss in training: what can be learned and was not known. Passes over noise; also what
    needs longer training.

    Zhou et al. 2023, https://arxiv.org/abs/2310.13008
    """

    needs: ClassVar = ("learnability",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When the proxy model was trained briefly: what is hard has not begun to fall."
    paper: ClassVar = "https://arxiv.org/abs/2310.13008"
    because: ClassVar = "its loss fell by {score:.3g}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: how far the loss fell."""
        return np.asarray(inputs.pool["learnability"], dtype=np.float64)
