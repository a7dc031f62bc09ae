"""Leave-one-out influence: which years an emulator of a reference would be worse without."""

import dataclasses
from typing import ClassVar

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.methods.algorithms.leave_one_out import influence
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs

_FIELD = "field"


@method("influence_loo", version=1, title="Leave-one-out influence")
class InfluenceLoo(Scorer):
    """How much worse pattern scaling, learned from all candidates, would tell a reference without each year: exactly,
    and for all years at once. Names the years that matter; favours the reference, so judge it on another scenario.

    Pattern scaling is a line per cell on the global-mean temperature (Santer et al. 1990; Tebaldi & Arblaster 2014,
    https://doi.org/10.1007/s10584-013-1032-9); leaving one out follows from its residual and leverage
    (Cook & Weisberg 1982). The error is the mean square over the reference's years and over the area, where the areas
    of cells are known. A scenario of the same pool becomes a reference by cutting it out: pool cut.
    """

    needs: ClassVar = ("gmst", _FIELD)
    needs_target: ClassVar = ("gmst", _FIELD)
    cost: ClassVar = "One fit of a line per cell, and one pass over the fields."
    avoid: ClassVar = "When few years are bought: each is judged as one of many, and years alike are taken together."
    paper: ClassVar = "https://arxiv.org/abs/2603.22320"
    because: ClassVar = "without it the mean squared error on the reference would rise by {score:.3g}"

    def by_scores_alone(self) -> bool:
        """Years that may not be chosen, such as those of the reference, must not be learned from."""
        return False

    def check(self, inputs: Inputs) -> None:
        super().check(_without_gaps(inputs))

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, in the square of the field's unit: MSE(b without i) - MSE(b) on the reference, above 0 where a
        year helps.
        """
        cells = np.shape(inputs.pool[_FIELD])[1]
        if np.shape(inputs.target[_FIELD])[1] != cells:
            raise BadInput(
                f"The fields of the pool have {cells} cells, those of the target {np.shape(inputs.target[_FIELD])[1]}; "
                "both must lie on one grid."
            )
        weight = _weights(inputs, cells)
        there = _has_values(inputs)
        found = [np.asarray(side[_FIELD], np.float64)[:, there] for side in (inputs.pool, inputs.target)]
        gmst = [np.asarray(side["gmst"], np.float64) for side in (inputs.pool, inputs.target)]
        return influence(gmst[0], found[0], gmst[1], found[1], weight[there], inputs.progress)


def _has_values(inputs: Inputs) -> np.ndarray:
    """(cells,) bool: cells that are not empty in every field of a side, as land is in fields of the ocean."""
    sides = [np.asarray(side[_FIELD]) for side in (inputs.pool, inputs.target) if np.ndim(side.get(_FIELD)) == 2]
    return ~np.logical_or.reduce([np.isnan(one).all(axis=0) for one in sides])


def _without_gaps(inputs: Inputs) -> Inputs:
    sides = (inputs.pool, inputs.target)
    if any(np.ndim(side.get(_FIELD)) != 2 for side in sides) or len({np.shape(side[_FIELD])[1] for side in sides}) > 1:
        return inputs
    there = _has_values(inputs)
    if not there.any():
        raise BadInput("The pool role field has no cell with a value.")
    pool, target = ({**side, _FIELD: np.asarray(side[_FIELD])[:, there]} for side in sides)
    return dataclasses.replace(inputs, pool=pool, target=target)


def _weights(inputs: Inputs, cells: int) -> np.ndarray:
    """(cells,) what each cell counts: its area where that is known, else all alike. A grid may say one per row."""
    said = inputs.facts.get(_FIELD, {}).get("grid", {}).get("weight")
    weight = np.ones(cells) if said is None else np.asarray(said, np.float64)
    if cells % len(weight):
        raise BadInput(f"There are weights of {len(weight)} cells for fields of {cells}; give one for each.")
    return np.repeat(weight, cells // len(weight))
