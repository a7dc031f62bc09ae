"""Coverage against budget without a label: what a method's first picks cover, and what as many drawn at random do.

Measured on held-out samples where there are any, else on the candidates themselves: the distance (1 - cosine) of each
to the nearest that is labelled. As a share: 0 is one random sample, 1 is all candidates labelled.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.evidence.measures import Distance
from datasel_core.evidence.nearness import nearest_of_draws
from datasel_core.evidence.worth import monotone, worth
from datasel_core.evidence.yardstick import DRAWS, drawn, grid
from datasel_core.vectors.directions import unit

_BLOCK = 128
_MARKS = 120


@dataclass(frozen=True)
class Ground:
    """What coverage is measured in. measure: on its held-out samples. rows: (n,) all that can be labelled. is_aside:
    whether the samples that it is measured on were held out; else they are candidates themselves.
    """

    measure: Distance
    rows: np.ndarray
    is_aside: bool

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.measure.roles.array(self.measure.role, rows))

    @property
    def points(self) -> np.ndarray:
        """(m, d) vectors of the samples that coverage is measured on."""
        return self.vectors(self.measure.held.rows)


@dataclass(frozen=True)
class Random:
    """sizes: (k,) from 1 to all candidates. gaps: (k, draws, m) distance of each point to the nearest drawn one."""

    sizes: np.ndarray
    gaps: np.ndarray

    def at(self, size: int) -> np.ndarray:
        """(draws, m) of a size that was drawn."""
        return self.gaps[int(np.flatnonzero(self.sizes == size)[0])]

    @property
    def ends(self) -> tuple[float, float]:
        """Mean distance with one random sample, and with all."""
        return float(self.gaps[0].mean()), float(self.gaps[-1].mean())

    def share(self, distance: np.ndarray) -> np.ndarray:
        """Mean distances as shares of what labelling all covers; all cover nothing more where one does already."""
        one, all = self.ends
        return (one - distance) / (one - all) if one > all else np.ones_like(distance)

    def worth(self, distance: float) -> float:
        """How many random samples cover as much; infinite where all do not."""
        means = monotone(self.gaps.mean((1, 2), dtype=np.float64), higher_is_better=False)
        return worth(self.sizes, means, distance, higher_is_better=False)


def random_gaps(ground: Ground, also: list[int], draws: int = DRAWS) -> Random:
    """also: sizes that are wanted beside a grid of them."""
    n = len(ground.rows)
    sizes = np.unique([*grid(1, n), *also]).astype(np.int64)
    since = np.empty((n, draws), np.int16)
    for draw in range(draws):
        place = np.argsort(drawn(np.arange(n), draw))
        since[:, draw] = np.searchsorted(sizes, place, side="right")
    gaps = nearest_of_draws(ground.points, lambda part: ground.vectors(ground.rows[part]), since, len(sizes))
    return Random(sizes, gaps)


def gaps_by_pick(ground: Ground, picks: np.ndarray, progress: Progress) -> Iterator[np.ndarray]:
    """Blocks of (a few picks, m): distance of each point to the nearest of all picks up to this one. picks: rows."""
    points = unit(ground.points)
    best = np.full((1, len(points)), np.inf, np.float32)
    track = progress.track(len(picks), "measuring coverage")
    for start in range(0, len(picks), _BLOCK):
        anchors = unit(ground.vectors(picks[start : start + _BLOCK]))
        gaps = np.maximum(1 - anchors @ points.T, 0)
        found = np.minimum.accumulate(np.concatenate([best, gaps]), axis=0)[1:]
        best = found[-1:]
        yield found
        track.advance(len(found))
    track.finish()


def marks(picks: int) -> np.ndarray:
    """(j,) numbers of picks that a chart has a point of: the first and the last among them."""
    return np.unique(np.geomspace(1, picks, _MARKS).round().astype(np.int64))
