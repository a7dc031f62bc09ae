"""How far the pool is from what was kept."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows, Metric, metric, some_rows, vectors
from datasel_core.base.declare import Field
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import PATTERNS
from datasel_core.vectors import kmeans, neighbors


@metric("coverage", version=1, title="Coverage")
class Coverage(Metric):
    """Distance (1 - cosine) from the samples of the pool to the nearest kept one, and the share of k-means cells that
    hold a kept one.
    """

    unit: ClassVar = "1 - cosine"
    better: ClassVar = "lower"

    n_cells: int = Field(200, ge=2, description="k-means cells; at most a tenth of the pool.")

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        embedding = vectors(kept)
        rows = some_rows(kept.readable)
        if embedding is None or not len(kept.rows) or not len(rows):
            return {}
        distance, _ = neighbors.nearest(embedding[rows], np.asarray(embedding[kept.rows]), progress=kept.progress)
        cells = max(2, min(self.n_cells, len(rows) // 10))
        centres, cell = kmeans.kmeans(embedding[rows], cells, seed=0)
        _, kept_cell = neighbors.nearest(np.asarray(embedding[kept.rows]), centres)
        used = np.unique(cell)
        return {
            **spread(distance),
            "cells_touched": round(float(np.isin(used, kept_cell).mean()), 6),
            "cells": len(used),
            "measured_on": len(rows),
        }


@metric("pattern_coverage", version=1, title="Pattern coverage")
class PatternCoverage(Metric):
    """Distance (1 - cosine) from the local patterns of all photos to the nearest pattern of a kept photo."""

    unit: ClassVar = "1 - cosine"
    better: ClassVar = "lower"

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        patterns = kept.role(PATTERNS.name)
        if not isinstance(patterns, Ragged) or not len(kept.rows):
            return {}
        rows = some_rows(kept.readable & (patterns.lengths() > 0), most=40_000)
        anchors = patterns.values[patterns.places(kept.rows)]
        distance, _ = neighbors.nearest(patterns.values[patterns.places(rows)], anchors, progress=kept.progress)
        return {**spread(distance), "measured_on": len(distance)}


def spread(distance: np.ndarray) -> dict[str, float]:
    return {
        "mean": round(float(distance.mean(dtype=np.float64)), 6),
        "p95": round(float(np.percentile(distance, 95)), 6),
        "max": round(float(distance.max()), 6),
    }
