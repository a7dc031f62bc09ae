"""How much of what was kept is nearly the same twice."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows, Metric, metric, some_rows, vectors
from datasel_core.base.declare import Field
from datasel_core.vectors import directions

_BLOCK = 2048


@metric("redundancy", version=1, title="Redundancy")
class Redundancy(Metric):
    """Share of the kept samples that have a near-duplicate (cosine at least the threshold) among the kept."""

    unit: ClassVar = "share of the kept"
    better: ClassVar = "lower"

    threshold: float = Field(0.95, gt=0, le=1, description="Cosine from which two samples count as near-duplicates.")

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        embedding = vectors(kept)
        if embedding is None or len(kept.rows) < 2:
            return {}
        rows = kept.rows[some_rows(np.ones(len(kept.rows), bool), most=20_000)]
        unit = directions.unit(embedding[rows])
        twins = 0
        for start in range(0, len(unit), _BLOCK):
            kept.progress.check()
            cosine = unit[start : start + _BLOCK] @ unit.T
            cosine[np.arange(len(cosine)), start + np.arange(len(cosine))] = -1
            twins += int((cosine.max(axis=1) >= self.threshold).sum())
        return {
            "near_duplicate_share": round(twins / len(rows), 6),
            "threshold": self.threshold,
            "measured_on": len(rows),
        }
