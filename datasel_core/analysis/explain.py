"""Why a sample was kept, and why another was not: neighbours, distances and ranks, from arrays alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from datasel_core.base.ragged import Ragged

_BLOCK = 1 << 14
_RECENT = 6
EARLIER = 0
"""The rank of a sample that was chosen before this selection, and counts as kept."""
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Neighbour:
    """Another sample, how far it is (1 - cosine), and its rank among the kept: from 1, EARLIER, or None: it was
    dropped.
    """

    row: int
    distance: float
    rank: int | None


@dataclass(frozen=True)
class Why:
    """One pick. before: the nearest of those kept before it, None for the first. kept, dropped: its neighbours on
    either side of the cut, nearest first.
    """

    rank: int
    before: Neighbour | None
    kept: list[Neighbour]
    dropped: list[Neighbour]


@dataclass(frozen=True)
class WhyNot:
    """One dropped sample. nearest: the nearest kept. approach: the nearest of those chosen earlier, then each pick that
    came nearer than all before it, in pick order.

    covered_at: the first rank from which it was no farther than `radius` from a kept one; EARLIER where one of an
    earlier selection is so near, None when no pick came so near.
    """

    nearest: Neighbour
    approach: list[Neighbour]
    covered_at: int | None
    radius: float
    kept: list[Neighbour]
    dropped: list[Neighbour]


class Space(Protocol):
    """Samples among which distances can be taken."""

    def distances(self, row: int) -> np.ndarray:
        """(n,) float32 from one sample to every sample; infinite where either has no value."""
        ...


@dataclass(frozen=True)
class Vectors:
    """One vector per sample; 1 - cosine. norms: (n,) lengths of the vectors, found once (`norms_of`)."""

    values: np.ndarray
    norms: np.ndarray
    recent: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def distances(self, row: int) -> np.ndarray:
        return _remembered(
            self.recent,
            row,
            lambda: _gaps(self.values, self.norms, np.asarray(self.values[row : row + 1], np.float32))[0],
        )


@dataclass(frozen=True)
class Patterns:
    """Several patterns per photo: how far, on average, the nearest pattern of the other photo is from each pattern of
    this one (1 - cosine).
    """

    values: Ragged
    norms: np.ndarray
    recent: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def distances(self, row: int) -> np.ndarray:
        if not len(self.values[row]):
            return np.full(len(self.values), np.inf, np.float32)
        return _remembered(self.recent, row, lambda: self.by_pattern(row).mean(axis=0))

    def by_pattern(self, row: int) -> np.ndarray:
        """(patterns of this photo, n) float32: from each to the nearest pattern of every photo."""
        gaps = _gaps(self.values.values, self.norms, np.asarray(self.values[row], np.float32))
        lengths = self.values.lengths()
        there = np.flatnonzero(lengths > 0)
        nearest = np.full((len(gaps), len(self.values)), np.inf, np.float32)
        nearest[:, there] = np.minimum.reduceat(gaps, self.values.offsets[:-1][there], axis=1)
        return nearest


def _remembered(recent: dict[int, np.ndarray], row: int, found: Callable[[], np.ndarray]) -> np.ndarray:
    """The distances of the last few samples that were asked for: while a budget is dragged, the sample stays the
    same.
    """
    if row not in recent:
        distances = found()
        distances.flags.writeable = False
        for old in list(recent)[: max(0, len(recent) - _RECENT + 1)]:
            recent.pop(old, None)
        recent[row] = distances
        return distances
    return recent[row]


def norms_of(values: np.ndarray | Ragged) -> np.ndarray:
    """(t,) float32 length of every vector; the slow part of a distance, found once and kept."""
    flat = values.values if isinstance(values, Ragged) else values
    norms = np.empty(len(flat), np.float32)
    for start in range(0, len(flat), _BLOCK):
        part = np.asarray(flat[start : start + _BLOCK], np.float32)
        norms[start : start + _BLOCK] = np.sqrt(np.einsum("ij,ij->i", part, part))
    return norms


def space(values: np.ndarray | Ragged, norms: np.ndarray | None = None) -> Vectors | Patterns:
    """The distances among samples of one feature."""
    norms = norms_of(values) if norms is None else norms
    return Patterns(values, norms) if isinstance(values, Ragged) else Vectors(values, norms)


def similar(among: Space, row: int, many: int, kept: Sequence[int] | np.ndarray = ()) -> list[Neighbour]:
    """The nearest samples on either side of the cut, nearest first, itself left out; equal distances keep pool
    order.
    """
    return _nearest(among.distances(row), row, _ranks(kept), None, many)


def why(among: Space, kept: np.ndarray, rank: int, many: int = 6, earlier: np.ndarray = _NONE) -> Why:
    """kept: kept rows in pick order. rank: which of them, from 1. earlier: rows that an earlier selection kept."""
    row, ranks = int(kept[rank - 1]), _ranks(kept, earlier)
    gaps = among.distances(row)
    before = _along(gaps, kept[: rank - 1], earlier)
    return Why(
        rank,
        before[-1] if before else None,
        _nearest(gaps, row, ranks, True, many),
        _nearest(gaps, row, ranks, False, many),
    )


def why_not(
    among: Space, kept: np.ndarray, row: int, radius: float = 0.0, many: int = 6, earlier: np.ndarray = _NONE
) -> WhyNot | None:
    """kept: kept rows in pick order. radius: how near is near enough. earlier: as of `why`. None when the sample has no
    value, or no kept one has.
    """
    gaps, ranks = among.distances(row), _ranks(kept, earlier)
    approach = _along(gaps, kept, earlier)
    if not approach:
        return None
    covered_at = next((step.rank for step in approach if step.distance <= radius), None)
    return WhyNot(
        approach[-1],
        approach,
        covered_at,
        radius,
        _nearest(gaps, row, ranks, True, many),
        _nearest(gaps, row, ranks, False, many),
    )


def sides(
    among: Space, kept: np.ndarray, row: int, many: int = 6, earlier: np.ndarray = _NONE
) -> tuple[list[Neighbour], list[Neighbour]]:
    """The nearest of the kept and of the dropped to any sample, itself left out; as of `why`."""
    gaps, ranks = among.distances(row), _ranks(kept, earlier)
    return _nearest(gaps, row, ranks, True, many), _nearest(gaps, row, ranks, False, many)


def covered_by(among: Space, kept: np.ndarray, row: int, earlier: np.ndarray = _NONE) -> list[Neighbour]:
    """The kept sample nearest to this one; for photos with patterns one for each of its patterns, in order. Their mean
    distance is how well it is covered. earlier: as of `why`.
    """
    gaps = among.by_pattern(row) if isinstance(among, Patterns) else among.distances(row)[None]
    nearest = [_along(mine, kept, earlier) for mine in gaps]
    return [steps[-1] for steps in nearest if steps]


def _ranks(kept: Sequence[int] | np.ndarray, earlier: np.ndarray = _NONE) -> dict[int, int]:
    return {int(row): EARLIER for row in earlier} | {int(row): rank for rank, row in enumerate(kept, 1)}


def _along(gaps: np.ndarray, kept: np.ndarray, earlier: np.ndarray) -> list[Neighbour]:
    """The nearest of those chosen earlier, then the picks that came nearer than all before them."""
    first = [int(earlier[gaps[earlier].argmin()])] if len(earlier) else []
    order = np.concatenate([first, kept]).astype(np.int64)
    distance = gaps[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(distance)])[:-1]
    steps = np.flatnonzero(distance < before)
    return [Neighbour(int(order[at]), float(distance[at]), int(at) + 1 - len(first)) for at in steps]


def _nearest(gaps: np.ndarray, row: int, ranks: dict[int, int], kept: bool | None, many: int) -> list[Neighbour]:
    """The `many` nearest: of the kept (True), of the dropped (False), or of all (None)."""
    gaps = gaps.copy()
    gaps[row] = np.inf
    rows = np.fromiter(ranks, np.int64, len(ranks))
    if kept is True:
        rows = np.sort(rows)
        order = rows[np.argsort(gaps[rows], kind="stable")[:many]]
    else:
        if kept is False:
            gaps[rows] = np.inf
        at_most = np.partition(gaps, many - 1)[many - 1] if many < len(gaps) else np.inf
        close = np.flatnonzero(gaps <= at_most)
        order = close[np.argsort(gaps[close], kind="stable")[:many]]
    return [Neighbour(int(at), float(gaps[at]), ranks.get(int(at))) for at in order if np.isfinite(gaps[at])]


def _gaps(values: np.ndarray, norms: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """(m, t) float32: 1 - cosine from each of m vectors to every vector; infinite where one has no value. A zero vector
    is 1 away from all.
    """
    length = np.sqrt(np.einsum("ij,ij->i", mine, mine, dtype=np.float64))
    mine = (mine / np.where(length > 0, length, 1)[:, None]).astype(np.float32)
    gaps = np.empty((len(mine), len(values)), np.float32)
    for start in range(0, len(values), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(values)))
        cosine = (mine @ np.asarray(values[part], np.float32).T) / np.where(norms[part] > 0, norms[part], 1)
        gap = np.maximum(1 - cosine, 0)
        gaps[:, part] = np.where(np.isfinite(gap), gap, np.inf)
    return gaps
