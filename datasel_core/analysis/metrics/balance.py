"""How evenly the kept are spread over the pool's groups."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows, Metric, metric
from datasel_core.base.declare import Field
from datasel_core.base.role import GROUP


@metric("balance", version=1, title="Balance over groups")
class Balance(Metric):
    """Kept per group, the entropy of those shares (1 = all groups alike, 0 = one group only), and the group with the
    fewest kept.
    """

    unit: ClassVar = "entropy, 0 to 1"
    better: ClassVar = "higher"

    most_groups: int = Field(1000, ge=2, description="A column with more distinct values than this is no grouping.")

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        group = kept.role(GROUP.name)
        return {} if group is None else self.counted(*np.unique(np.asarray(group), return_inverse=True), kept.rows)

    def counted(self, names: np.ndarray, of: np.ndarray, rows: np.ndarray) -> Mapping[str, Any]:
        """The same of groups that are known: names (g,), sorted, of (n,) which each sample is in, rows kept."""
        if not len(rows) or not 2 <= len(names) <= self.most_groups:
            return {}
        counts = np.bincount(of[rows], minlength=len(names))
        share = counts[counts > 0] / max(1, counts.sum())
        entropy = float(-(share * np.log(share)).sum() / np.log(len(names)))
        rarest = int(np.argmin(counts))
        return {
            "entropy": round(entropy, 6),
            "groups_kept": int((counts > 0).sum()),
            "groups": len(names),
            "rarest": str(names[rarest]),
            "rarest_count": int(counts[rarest]),
            "counts": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        }
