"""Farthest-first traversal: always the pattern with the largest gap. Gonzalez 1985; ties keep pool order."""

from collections.abc import Iterator

import numpy as np

from datasel_core.methods._gaps import Gaps
from datasel_core.ragged import Ragged

_LEADERS = 32
_PICKS = 64
_SMALL = 512


def farthest(gaps: Gaps, patterns: Ragged, owners: np.ndarray, chosen: np.ndarray) -> Iterator[int]:
    """Yields places of patterns, one per sample; stops when every gap left is zero.

    The caller marks `chosen[owner]` and adds the owner's patterns to `gaps` before asking for the next. Bounds are brought up to date only at
    the very top: a pattern whose stale bound is below the best true gap needs no arithmetic.
    """
    size = _SMALL
    gaps.gap[chosen[owners]] = -1  # chosen samples' patterns can never be drawn again
    while True:
        front = _Front(gaps, size)
        picked = 0
        while picked < _PICKS and (place := front.winner()) is not None:
            yield place
            picked += 1
            front.drop(patterns.places(owners[place : place + 1]))
        if front.exhausted:
            return
        size = size * 2 if picked < 16 else max(size * 3 // 4, _SMALL) if picked >= _PICKS else size


class _Front:
    """The patterns with the largest bounds: a winner is looked for among them while it beats every bound outside."""

    def __init__(self, gaps: Gaps, size: int):
        self.gaps = gaps
        self.places, self.outside = _largest(gaps.gap, size)
        gaps.refresh(self.places[gaps.gap[self.places] >= 0])  # many rows at once: each centre is read once for all of them
        self.gap = gaps.gap[self.places]
        self.exhausted = False

    def winner(self) -> int | None:
        """The pattern with the largest gap, decided exactly where float32 cannot tell; None when it may lie outside the front, or all are zero."""
        slack = 2 * self.gaps.tolerance
        while True:
            best = float(self.gap.max())
            if best < 0 or best - slack <= self.outside:
                self.exhausted = self.outside < 0 and best < 0
                if not (self.outside < 0 and best >= 0):
                    return None
            close = np.flatnonzero(self.gap >= best - slack)
            if (self.gaps.seen[self.places[close]] == self.gaps.n_centres).all():
                break
            self._refresh_leaders(len(close))
        if len(close) == 1 and best > slack:
            return int(self.places[close[0]])
        exact = self.gaps.exact(self.places[close])
        first = int(np.argmax(exact))
        self.exhausted = exact[first] == 0
        return None if self.exhausted else int(self.places[close[first]])

    def drop(self, places: np.ndarray) -> None:
        self.gaps.gap[places] = -1
        at = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
        self.gap[at[self.places[at] == places]] = -1

    def _refresh_leaders(self, close: int) -> None:
        many = min(len(self.gap), max(_LEADERS, close))
        leaders = np.argpartition(self.gap, len(self.gap) - many)[-many:] if many < len(self.gap) else np.arange(many)
        leaders = leaders[self.gap[leaders] >= 0]
        self.gaps.refresh(self.places[leaders])
        self.gap[leaders] = self.gaps.gap[self.places[leaders]]


def _largest(bounds: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Places of the `size` largest bounds in pool order, and the largest bound outside them (-1 when there is none)."""
    if size >= len(bounds):
        return np.arange(len(bounds)), -1.0
    order = np.argpartition(bounds, len(bounds) - size - 1)
    return np.sort(order[-size:]), float(bounds[order[len(bounds) - size - 1]])
