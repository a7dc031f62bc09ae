"""NormSim without a target: what lies in the pool's own main directions, found by dropping the least typical again and
again.
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors.directions import blocks, lengths, matrix, second_moment, unit_rows


@method("norm_sim_dynamic", version=1, title="NormSim without a target")
class NormSimDynamic(Method):
    """Keeps the images that best share the directions common to what is kept. Needs no target; drops what is rare,
    noise and rarities alike.

    NormSim-2 with the survivors as their own target: measure each against all survivors, drop the lowest, an equal
    count per step, until the budget. CLIPLoss and Norm-Based Data Selection Methods for Multimodal Contrastive
    Learning, Wang et al., NeurIPS 2024, https://arxiv.org/abs/2405.19547 (its NormSim-2-D: 500 steps for 10^8 pairs,
    168 for 10^7).

    Steps are laid out between the pool and the budget, as published, so a smaller budget is not the beginning of a
    larger one. Scores are the mean squared cosine to the final survivors, of dropped images too. Images chosen earlier
    count among the survivors and are never dropped. A zero vector has no score and is never kept.
    """

    needs: ClassVar = ("image",)
    scores_all: ClassVar = True
    cost: ClassVar = (
        "n_steps passes over the embeddings that are left: minutes for 100,000 images. Fewer steps take less."
    )
    avoid: ClassVar = "When rare kinds of images matter: it keeps the crowd."
    paper: ClassVar = "https://arxiv.org/abs/2405.19547"
    because: ClassVar = "its mean squared cosine to everything kept is {likeness:.3g}"

    n_steps: int = Field(
        500,
        ge=1,
        title="Steps",
        description=(
            "In how many steps the pool shrinks to the budget. Move it down when it takes too long. At 1 "
            "everything is dropped by its first score; with as many steps as images to drop, one goes at a "
            "time."
        ),
    )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        image = matrix(inputs.pool["image"], "pool role image")
        length = lengths(image)
        left = np.setdiff1d(np.flatnonzero(length > 0), inputs.already)
        if budget > len(left):
            raise BadParameter(
                f"The budget is {budget}, but only {len(left)} samples have a score; it must be at most {len(left)}."
            )
        first = len(left)
        earlier = inputs.already[length[inputs.already] > 0]
        moment = second_moment(image, length)  # zero vectors add nothing
        likeness = _against_moment(image, length, left, moment, inputs.progress)
        steps = range(1, min(self.n_steps, first - budget) + 1)
        for step in inputs.progress.over(steps, len(steps), "dropping the least typical"):
            keep = first - (first - budget) * step // len(steps)
            order = _best_first(likeness)
            dropped = left[order[keep:]]
            staying = np.sort(order[:keep])
            left, likeness = left[staying], likeness[staying]
            moment -= second_moment(image[dropped], length[dropped])
            if len(dropped) < image.shape[1]:
                likeness -= _against(
                    image, length, left, unit_rows(image, length, dropped, np.float64), inputs.progress
                )
            else:
                likeness = _against_moment(image, length, left, moment, inputs.progress)
        everyone = np.flatnonzero(length > 0)
        scores = np.full(inputs.n, np.nan)
        scores[everyone] = _against_moment(image, length, everyone, moment, inputs.progress) / (
            len(left) + len(earlier)
        )
        rows = left[_best_first(scores[left])]
        return Picks(rows, scores=scores, why={"likeness": scores[rows]})


def _best_first(likeness: np.ndarray) -> np.ndarray:
    """Positions from the most to the least alike. Equal vectors differ in the last digit when sums run in another
    order; pool order decides for them.
    """
    return np.argsort(-np.round(likeness / max(1.0, float(likeness.max(initial=0))), 12), kind="stable")


def _against(
    image: np.ndarray, length: np.ndarray, rows: np.ndarray, others: np.ndarray, progress: Progress
) -> np.ndarray:
    """(len(rows),) float64: sum of squared cosines of each row to some unit vectors."""
    return _each(image, length, rows, lambda some: np.square(some @ others.T).sum(axis=1), progress)


def _against_moment(
    image: np.ndarray, length: np.ndarray, rows: np.ndarray, moment: np.ndarray, progress: Progress
) -> np.ndarray:
    """The same against all vectors that the moment was summed over: d x d instead of one product each."""
    return _each(image, length, rows, lambda some: np.einsum("ij,ij->i", some @ moment, some), progress)


def _each(
    image: np.ndarray,
    length: np.ndarray,
    rows: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    progress: Progress,
) -> np.ndarray:
    found = np.empty(len(rows))
    for part in blocks(len(rows)):
        progress.check()
        found[part] = measure(unit_rows(image, length, rows[part], np.float64))
    return found
