"""Middle loss: neither what is known already nor what is too hard."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("middle_loss", version=1, title="Middle loss")
class MiddleLoss(Scorer):
    """The last losses nearest to the median: neither known already nor too hard. Avoids broken samples; blind to what
    is rare.

    After keeping middle perplexity, Marion et al. 2023, https://arxiv.org/abs/2309.04564. The median is that of every
    sample of the pool with a loss, whether it may be chosen or not, so a score never hangs on filters or earlier
    selections.
    """

    needs: ClassVar = ("loss",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When losses have two humps: the median lies between them, where few samples are typical."
    paper: ClassVar = "https://arxiv.org/abs/2309.04564"
    because: ClassVar = "minus the distance of its last loss to the median is {score:.3g}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: minus the distance of the last loss to the median."""
        loss = np.asarray(inputs.pool["loss"], dtype=np.float64)
        return -np.abs(loss - np.median(loss))
