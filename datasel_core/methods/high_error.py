"""EL2N: what is predicted most wrongly early in training."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("high_error", version=1, title="High error (EL2N)")
class HighError(Scorer):
    """The largest error early in training, EL2N: the length of prediction minus truth. Finds what shapes a model; loves
    wrong labels.

    Deep Learning on a Data Diet, Paul et al., NeurIPS 2021, https://arxiv.org/abs/2107.07075
    """

    needs: ClassVar = ("error",)
    cost: ClassVar = "Nothing beyond the errors."
    avoid: ClassVar = "When labels are noisy, or the budget is small: the hardest samples alone teach little."
    paper: ClassVar = "https://arxiv.org/abs/2107.07075"
    because: ClassVar = "its error is {score:.3g}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: the error."""
        return np.asarray(inputs.pool["error"], dtype=np.float64)
