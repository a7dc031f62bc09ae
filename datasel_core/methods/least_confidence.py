"""Least confidence: what the model still finds hard."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("least_confidence", version=1, title="Least confidence")
class LeastConfidence(Scorer):
    """The highest last loss: what the model still finds hardest. Simple; cannot tell what is hard from what is
    wrong.
    """

    needs: ClassVar = ("loss",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When samples may be broken or mislabelled: they have the highest losses and are kept first."
    because: ClassVar = "its last loss is {score:.3g}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: the last loss."""
        return np.asarray(inputs.pool["loss"], dtype=np.float64)
