"""Coverage against budget: how near the pool is to what was kept after 1, 2, 3, ... picks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.metrics.metric import MOST_WORK, some_rows
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.vectors import directions

_POINTS, _FEWEST_POINTS = 20_000, 1_000
_MOST_GAPS = 50_000_000
_EVERY_PICK = 20_000
_BLOCK = 128
_STRAIGHT = 0.01
"""Of its height: a curve that keeps so near to a straight line has no knee."""


@dataclass(frozen=True)
class Curve:
    """picks: (m,) how many were kept. mean, largest: (m,) distance (1 - cosine) from the pool to the nearest kept.

    measured_on: how many values of the pool it was measured on, a fixed random sample where there are many.
    """

    picks: np.ndarray
    mean: np.ndarray
    largest: np.ndarray
    measured_on: int

    def at(self, budget: int) -> tuple[float, float]:
        """(mean, largest) after `budget` picks; between two marks, the mark before."""
        place = max(0, int(np.searchsorted(self.picks, budget, side="right")) - 1)
        return float(self.mean[place]), float(self.largest[place])

    def knee(self) -> int | None:
        """The budget up to which each pick brings more than the average pick of the whole curve, and after which less:
        where the curve lies farthest below the straight line between its ends (Kneedle without smoothing: Satopää and
        others 2011; both axes linear). None where it lies nowhere below by more than a hundredth of its height, as a
        straight line does.
        """
        if len(self.picks) < 3:
            return None
        share = (self.picks - self.picks[0]) / (self.picks[-1] - self.picks[0])
        below = self.mean[0] + share * (self.mean[-1] - self.mean[0]) - self.mean
        return int(self.picks[below.argmax()]) if below.max() > _STRAIGHT * abs(self.mean[0] - self.mean[-1]) else None


def curve(
    values: np.ndarray | Ragged,
    readable: np.ndarray,
    rows: np.ndarray,
    already: np.ndarray,
    progress: Progress,
    held_out: np.ndarray | None = None,
) -> Curve:
    """The curve in one role. A mark at every pick up to 20,000, then every tenth more. Picks without a value change
    nothing. held_out: readable rows that it is measured on, all of them, instead of the pool.
    """
    ragged = values if isinstance(values, Ragged) else Ragged(values, np.arange(len(values) + 1))
    can = np.zeros(len(ragged), dtype=bool)
    can[readable] = True
    per_sample = max(1.0, len(ragged.values) / max(1, len(readable)))
    gaps = min(_MOST_GAPS, MOST_WORK / ragged.values.shape[1]) / max(1, len(rows) * per_sample)
    most = int(np.clip(gaps, _FEWEST_POINTS, _POINTS) / per_sample)
    on = some_rows(can, max(1, most)) if held_out is None else held_out
    points = directions.unit(ragged.values[ragged.places(on)])
    best = np.full(len(points), np.inf, np.float32)
    for part in _blocks(already[can[already]]):
        best = np.minimum(best, _gaps(points, ragged, part).min(axis=0))
    picks, mean, largest = [], [], []
    track = progress.track(len(rows), "measuring coverage")
    next_mark = 1
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        there = can[part]
        gaps, ends = _gaps(points, ragged, part[there]), np.cumsum(ragged.lengths()[part] * there)
        for at, end in enumerate(ends):
            first = ends[at - 1] if at else 0
            if end > first:
                np.minimum(best, gaps[first:end].min(axis=0), out=best)
            if start + at + 1 >= next_mark or start + at + 1 == len(rows):
                picks.append(start + at + 1)
                mean.append(best.mean(dtype=np.float64))
                largest.append(best.max())
                next_mark = picks[-1] + 1 if picks[-1] < _EVERY_PICK else int(picks[-1] * 1.1)
        track.advance(len(part))
    track.finish()
    known = np.isfinite(largest)
    return Curve(
        np.array(picks)[known], np.round(mean, 6)[known], np.round(np.array(largest, np.float64), 6)[known], len(points)
    )


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))


def _gaps(points: np.ndarray, ragged: Ragged, rows: np.ndarray) -> np.ndarray:
    """(values of these rows, len(points)) float32, 1 - cosine."""
    anchors = directions.unit(ragged.values[ragged.places(rows)])
    return np.maximum(1 - anchors @ points.T, 0)
