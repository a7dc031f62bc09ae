"""How far the pool is from what was kept."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import FEWEST, KeptRows, Metric, affordable, metric, some_rows, vectors
from datasel_core.base.declare import Field
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import PATTERNS
from datasel_core.vectors import kmeans, neighbors

_LOOKS = 21
"""How often k-means looks at each of its samples."""
_A_CELL = 20
"""Samples that a cell is found by, at least; of so few their order in the pool would decide."""


@metric("coverage", version=1, title="Coverage")
class Coverage(Metric):
    """Distance (0 is the same, 1 unrelated) from the samples of the pool to the nearest kept one, and the share of
    k-means cells that hold a kept one.
    """

    unit: ClassVar = "1 - cosine"
    better: ClassVar = "lower"

    n_cells: int = Field(200, ge=2, description="k-means cells; at most a tenth of the pool.")

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        embedding = vectors(kept)
        if embedding is None or not len(kept.rows) or not kept.readable.any():
            return {}
        anchors = np.asarray(embedding[kept.rows])
        rows = some_rows(kept.readable, affordable(len(anchors), anchors.shape[1]))
        distance, _ = neighbors.nearest(embedding[rows], anchors, progress=kept.progress)
        kept.progress.check()
        centres = self.centres(embedding, kept.readable)
        _, kept_cell = neighbors.nearest(anchors, centres, progress=kept.progress)
        return {
            **spread(distance),
            "cells_touched": round(float(np.isin(np.arange(len(centres)), kept_cell).mean()), 6),
            "cells": len(centres),
            "measured_on": len(rows),
        }

    def centres(self, embedding: np.ndarray, readable: np.ndarray) -> np.ndarray:
        """(c, d) centres of the cells that hold a sample of the pool, the same for every selection from it."""
        most = max(_A_CELL * self.n_cells, affordable(_LOOKS * self.n_cells, embedding.shape[1]))
        rows = some_rows(readable, most)
        found, cell = kmeans.kmeans(embedding[rows], max(2, min(self.n_cells, len(rows) // 10)), seed=0)
        return found[np.unique(cell)]


@metric("pattern_coverage", version=1, title="Pattern coverage")
class PatternCoverage(Metric):
    """Distance (0 is the same, 1 unrelated) from the local patterns of all photos to the nearest pattern of a kept
    photo.
    """

    unit: ClassVar = "1 - cosine"
    better: ClassVar = "lower"

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        patterns = kept.role(PATTERNS.name)
        if not isinstance(patterns, Ragged) or not len(kept.rows):
            return {}
        anchors = patterns.values[patterns.places(kept.rows)]
        lengths = patterns.lengths()
        own = max(1.0, lengths.mean())
        most = int(max(FEWEST / 3, affordable(*anchors.shape) / own))
        rows = some_rows(kept.readable & (lengths > 0), min(40_000, most))
        distance, _ = neighbors.nearest(patterns.values[patterns.places(rows)], anchors, progress=kept.progress)
        return {**spread(distance), "measured_on": len(distance)}


def spread(distance: np.ndarray) -> dict[str, float]:
    return {
        "mean": round(float(distance.mean(dtype=np.float64)), 6),
        "p95": round(float(np.percentile(distance, 95)), 6),
        "max": round(float(distance.max()), 6),
    }
