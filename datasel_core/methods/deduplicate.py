"""Near-duplicate removal: one of each kind, the first in pool order."""

from typing import ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.progress import Progress
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors import directions

_ANCHORS = 4096


@method("deduplicate", version=1, title="Remove near-duplicates")
class Deduplicate(Method):
    """Keeps a sample unless it is nearly the same as one kept before it. Cleans a pool; says nothing about usefulness.

    Two samples are near-duplicates when their cosine is at least the threshold; the earlier one stays (as in SemDeDup,
    Abbas et al. 2023, https://arxiv.org/abs/2303.09540, without its clustering). Distinct samples are kept in pool
    order. A budget above their number is filled with the least similar duplicates, or, with fill off, keeps fewer.
    """

    needs: ClassVar = ("embedding",)
    prefix: ClassVar = True
    cost: ClassVar = (
        "Compares every sample with all kept before it: grows with the square of the pool (about a minute for 100,000)."
    )
    avoid: ClassVar = (
        "As a choice on its own when the pool has few duplicates: it then keeps the beginning of the pool."
    )
    paper: ClassVar = "https://arxiv.org/abs/2303.09540"
    because: ClassVar = "its likeness to anything kept before is {similarity:.3f}"

    threshold: float = Field(
        0.95,
        gt=0,
        le=1,
        description=(
            "How alike two samples must be to count as near-duplicates, as a cosine. Move it down when shots "
            "of one scene are still kept together, up when things that differ are dropped. At 1 only exact "
            "copies go; near 0 almost everything counts as a copy of something."
        ),
    )
    fill: bool = Field(
        True, description="Fill a budget above the number of distinct samples with the least similar duplicates."
    )
    block: int = Field(1024, ge=1, description="Samples compared at once.", json_schema_extra=HOW)

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        embedding = directions.unit(inputs.pool["embedding"])
        similarity = closest_before(embedding, self.threshold, inputs.already, self.block, inputs.progress)
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        distinct = free[similarity[free] < self.threshold]
        repeats = free[similarity[free] >= self.threshold]
        order = (
            np.concatenate([distinct, repeats[np.argsort(similarity[repeats], kind="stable")]])
            if self.fill
            else distinct
        )
        rows = order[:budget]
        return Picks(rows, why={"similarity": similarity[rows]})


def closest_before(
    unit: np.ndarray, threshold: float, already: np.ndarray, block: int, progress: Progress
) -> np.ndarray:
    """(n,) float64: the highest cosine of each row to a distinct row before it (or to an `already` row); -1 where there
    is none.

    A row is distinct when that cosine is below the threshold. Cosines within rounding of the threshold are measured
    again in float64.
    """
    n = len(unit)
    similarity = np.full(n, -1.0)
    kept = np.zeros(n, dtype=bool)
    kept[already] = True
    done = np.asarray(already, dtype=np.int64)
    starts = range(0, n, block)
    for start in progress.over(starts, len(starts), "comparing"):
        rows = np.arange(start, min(start + block, n))
        for first in range(0, len(done), _ANCHORS):
            _raise_to(similarity, unit, rows, done[first : first + _ANCHORS])
        within = unit[rows] @ unit[rows].T
        for at, row in enumerate(rows):
            earlier = np.flatnonzero(kept[rows[:at]] & (rows[:at] != row))
            earlier = earlier[~np.isin(rows[earlier], already)] if len(already) else earlier
            if len(earlier):
                nearest = earlier[within[at, earlier] >= within[at, earlier].max() - 1e-5]
                similarity[row] = max(similarity[row], _cosines(unit, row, rows[nearest]).max())
            if similarity[row] < threshold:
                kept[row] = True
        fresh = rows[kept[rows] & ~np.isin(rows, already)]
        done = np.concatenate([done, fresh])
    return similarity


def _raise_to(similarity: np.ndarray, unit: np.ndarray, rows: np.ndarray, others: np.ndarray) -> None:
    product = unit[rows] @ unit[others].T
    best = product.max(axis=1)
    for at in np.flatnonzero(best >= similarity[rows] - 1e-5):
        near = others[product[at] >= best[at] - 1e-5]
        near = near[near != rows[at]]
        if len(near):
            similarity[rows[at]] = max(similarity[rows[at]], _cosines(unit, rows[at], near).max())


def _cosines(unit: np.ndarray, row: int, others: np.ndarray) -> np.ndarray:
    """Cosines in float64, summed in an order that does not depend on how many there are; 0 with a zero vector."""
    a, b = unit[row].astype(np.float64), unit[others].astype(np.float64)
    lengths = np.sqrt((a * a).sum() * (b * b).sum(axis=1))
    return (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
