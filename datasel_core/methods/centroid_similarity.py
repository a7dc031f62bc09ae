"""Likeness to the middle of the target: one direction for the whole task."""

from typing import ClassVar

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs
from datasel_core.vectors.directions import blocks, lengths, matrix, same_width, unit_rows


@method("centroid_similarity", version=1, title="Likeness to the target's mean")
class CentroidSimilarity(Scorer):
    """Cosine to the mean direction of the target's examples. Instant, and good for a target of one kind; a target of
    two kinds has its mean between them.

    A baseline for TSDS. A zero vector has no score and is never kept.
    """

    needs: ClassVar = ("embedding",)
    needs_target: ClassVar = ("embedding",)
    promise: ClassVar = "target"
    cost: ClassVar = "One pass over the embeddings: seconds for a million."
    avoid: ClassVar = "When the target holds several kinds of examples: what lies between them is like none."
    because: ClassVar = "its cosine to the target's mean is {score:.3f}"

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64 cosines; NaN for a zero vector."""
        pool, target = (
            matrix(inputs.pool["embedding"], "pool role embedding"),
            matrix(inputs.target["embedding"], "target role embedding"),
        )
        same_width(pool, "pool role embedding", target, "target role embedding")
        mean = unit_rows(target, lengths(target), slice(None), np.float64).mean(axis=0)
        size = float(np.sqrt(mean @ mean))
        if size < 1e-9:
            raise BadInput("The target's vectors cancel each other out, or are zero: they have no mean direction.")
        length, found = lengths(pool), np.empty(len(pool))
        parts = list(blocks(len(pool)))
        for part in inputs.progress.over(parts, len(parts), "comparing with the target"):
            found[part] = unit_rows(pool, length, part, np.float64) @ (mean / size)
        found[length == 0] = np.nan
        return found
