"""Nearest-neighbour probe: how well the kept name their neighbours, with nothing to train."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.probes.probe import Probe, probe
from datasel_core.vectors import neighbors


@probe("nearest", version=1, title="Nearest-neighbour probe")
class Nearest(Probe):
    """The group of most of the k nearest kept samples (cosine): the share of held-out samples it names rightly. Of
    groups that are equally many, the one whose nearest is nearest. Nothing is trained, so nothing is tuned.

    Cover & Hart 1967, https://doi.org/10.1109/TIT.1967.1053964.
    """

    needs: ClassVar = ("embedding", "group")
    each_is: ClassVar = "share of held-out samples that most of their nearest kept samples name rightly"

    k: int = Field(5, ge=1, description="Neighbours asked; all of the kept where there are fewer.")

    def each(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """(len(test),) 1 where the neighbours name the group rightly, else 0."""
        if not len(train):
            raise BadRequest("Nothing was kept; a nearest-neighbour probe needs at least one sample.")
        if not len(test):
            raise BadRequest("Nothing is held out: the whole pool was kept.")
        labels = np.array([str(label) for label in roles["group"]])
        embedding, learned = roles["embedding"], labels[train]
        near, _ = neighbors.search(embedding[test], embedding[train], self.k, "cosine", progress)
        return (_most(learned[near]) == labels[test]).astype(np.float64)

    def measure(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> dict[str, Any]:
        right = self.each(roles, train, test, progress)
        return {"accuracy": round(float(right.mean()), 6), "trained_on": len(train), "tested_on": len(test)}


def _most(labels: np.ndarray) -> np.ndarray:
    """(m,) the label that most of each row are; of equally many, that of the first. labels: (m, k), nearest first."""
    often = np.stack([(labels == labels[:, at : at + 1]).sum(1) for at in range(labels.shape[1])], axis=1)
    return labels[np.arange(len(labels)), often.argmax(1)]
