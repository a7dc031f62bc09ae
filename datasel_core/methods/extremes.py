"""Both ends of the global-mean temperature."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("extremes", version=1, title="Warmest and coldest")
class Extremes(Method):
    """The warmest and the coldest years in turn. Pins a straight line at both ends, the most certain slope that so many
    years can give; says nothing of what lies between.

    For a line with equal noise everywhere, half of the design at each end is D-optimal (Kiefer & Wolfowitz 1959).
    """

    needs: ClassVar = ("gmst",)
    prefix: ClassVar = True
    cost: ClassVar = "Nothing: it sorts one number per year."
    avoid: ClassVar = "When the answer to warming is no straight line: nobody would see it from both ends."
    paper: ClassVar = "https://doi.org/10.1214/aoms/1177706252"
    because: ClassVar = "its global-mean temperature of {gmst:.2f} K lies at an end of what there is"

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        gmst = np.asarray(inputs.pool["gmst"], dtype=np.float64)
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        order = free[np.argsort(gmst[free], kind="stable")]
        warm, cold = order[::-1], order
        in_turn = np.stack([warm, cold], axis=1).ravel()[: len(order)]
        places = in_turn[:budget]
        return Picks(places, why={"gmst": gmst[places]})
