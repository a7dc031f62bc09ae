"""How many things of each class, marked by people before, are in what was kept."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows, Metric, metric
from datasel_core.base.declare import Field
from datasel_core.base.role import LABELS


@metric("instances", version=1, title="Labelled instances")
class Instances(Metric):
    """Instances per class among the kept, classes that are met at all, and the class with the fewest kept."""

    unit: ClassVar = "classes met"
    better: ClassVar = "higher"

    most_classes: int = Field(2000, ge=1, description="More classes than this are counted, but not listed one by one.")

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        labels = kept.role(LABELS.name)
        lengths = np.zeros(0, np.int64) if labels is None else np.array([_n(own) for own in labels], np.int64)
        if not lengths.sum():
            return {}
        names, of = np.unique(np.concatenate([own for own in labels if _n(own)]).astype(str), return_inverse=True)
        chosen = np.zeros(kept.n, bool)
        chosen[kept.rows] = True
        counts = np.bincount(of[np.repeat(chosen, lengths)], minlength=len(names))
        fewest = int(np.argmin(counts))
        listed = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
        return {
            "instances": int(counts.sum()),
            "instances_in_pool": int(lengths.sum()),
            "classes_kept": int((counts > 0).sum()),
            "classes": len(names),
            "rarest": str(names[fewest]),
            "rarest_count": int(counts[fewest]),
            **({"counts": listed} if len(names) <= self.most_classes else {}),
        }


def _n(own: np.ndarray | None) -> int:
    return 0 if own is None else len(own)
