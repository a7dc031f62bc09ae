"""Evenly over the global-mean temperature: as many cold years as warm ones."""

from typing import ClassVar

import numpy as np

from datasel_core.methods.algorithms.quantiles import even_ranks
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("gmst_stratified", version=1, title="Stratified by temperature")
class GmstStratified(Method):
    """Years at even quantiles of the global-mean temperature, from the coldest to the warmest. Gives an emulator the
    whole range to learn from; blind to where on the Earth it is warm.

    Quantile stratification; one of the choices compared for climate emulators that
    https://arxiv.org/abs/2603.22320 inspired. What was kept before takes the quantiles nearest to it.
    """

    needs: ClassVar = ("gmst",)
    cost: ClassVar = "Nothing: it sorts one number per year."
    avoid: ClassVar = "When whole runs have to be bought: scattered years cost as much as the runs that they lie in."
    because: ClassVar = "with {gmst:.2f} K it stands at the quantile {quantile:.2f} of the global-mean temperature"

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        gmst = np.asarray(inputs.pool["gmst"], dtype=np.float64)
        order = np.argsort(gmst, kind="stable")
        rank = np.empty(len(gmst), np.int64)
        rank[order] = np.arange(len(gmst))
        ranks = even_ranks(len(gmst), budget, rank[inputs.already])
        places = order[ranks]
        return Picks(places, why={"gmst": gmst[places], "quantile": ranks / max(len(gmst) - 1, 1)})
