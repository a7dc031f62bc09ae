"""How much of what was kept is nearly the same twice."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows, Metric, affordable, metric, some_rows, vectors
from datasel_core.base.declare import Field
from datasel_core.vectors import directions

_BLOCK, _ANCHORS = 2048, 8192


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
        unit = directions.unit(embedding[kept.rows])
        some = some_rows(np.ones(len(unit), bool), affordable(*unit.shape))
        twins = 0
        for start in range(0, len(some), _BLOCK):
            mine = some[start : start + _BLOCK]
            nearest = np.full(len(mine), -1, np.float32)
            for first in range(0, len(unit), _ANCHORS):
                kept.progress.check()
                cosine = unit[mine] @ unit[first : first + _ANCHORS].T
                here = np.flatnonzero((mine >= first) & (mine < first + _ANCHORS))
                cosine[here, mine[here] - first] = -1
                np.maximum(nearest, cosine.max(axis=1), out=nearest)
            twins += int((nearest >= self.threshold).sum())
        return {
            "near_duplicate_share": round(twins / len(some), 6),
            "threshold": self.threshold,
            "measured_on": len(some),
        }
