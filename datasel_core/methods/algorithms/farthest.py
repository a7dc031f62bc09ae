"""Farthest-first traversal: always the pattern with the largest gap. Gonzalez 1985; ties keep pool order."""

from collections.abc import Iterator

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.errors import Fault
from datasel_core.methods.algorithms.gaps import Gaps

_FEW, _MANY = 16, 64
_PICKS = 128
_SMALL = 512
_EARLY = 100


def farthest(gaps: Gaps, patterns: Ragged, owners: np.ndarray, chosen: np.ndarray, progress: Progress) -> Iterator[int]:
    """Yields places of patterns, one per sample; stops when every gap left is zero.

    The caller marks `chosen[owner]` and adds the owner's patterns to `gaps` before asking for the next. Bounds are
    brought up to date only at the very top: a pattern whose stale bound is below the best true gap needs no arithmetic.
    """
    size, step, total, renew_at = _SMALL, 0.0, 0, 0
    for _ in range(64 * (len(patterns) + 1)):  # a front without a pick is followed by one twice as large
        if (
            total >= renew_at and total <= _EARLY
        ):  # the first picks change every gap: all bounds are renewed while that is cheap
            gaps.refresh_all(progress)
            gaps.gap[chosen[owners]] = -1  # chosen samples' patterns can never be drawn again
            renew_at = 2 * total + 2
        front = _Front(gaps, size, step)
        picked, most = 0, _PICKS if total > _EARLY else min(_PICKS, renew_at - total)
        while picked < most and (place := front.winner()) is not None:
            yield place
            picked += 1
            front.drop(patterns.span(owners[place]))
        if front.exhausted:
            return
        total += picked
        if not picked and front.outside < 0:
            break
        size = size * 2 if picked < min(16, most) else max(size * 3 // 4, _SMALL) if picked == most else size
        step = front.step
    raise Fault("No pattern is the farthest")


class _Front:
    """The patterns with the largest bounds: a winner is looked for among them while it beats every bound outside.

    `step`: how far below the best bound patterns are brought up to date together; it grows and shrinks so that they are
    neither few nor many.
    """

    def __init__(self, gaps: Gaps, size: int, step: float):
        self.gaps = gaps
        self.places, self.outside = _largest(gaps.gap, size)
        gaps.refresh(
            self.places[gaps.gap[self.places] >= 0]
        )  # many rows at once: each centre is read once for all of them
        self.gap = gaps.gap[self.places]
        self.step = step
        self.exhausted = False

    def winner(self) -> int | None:
        """The pattern with the largest gap, decided exactly where float32 cannot tell; None when it may lie outside the
        front, or all are zero.
        """
        slack = 2 * self.gaps.tolerance
        for _ in range(len(self.places) + 1):  # each time at least one more is brought up to date
            best = float(self.gap.max())
            if best < 0 or (self.outside >= 0 and best - slack <= self.outside):
                self.exhausted = best < 0 and self.outside < 0
                return None
            close = np.flatnonzero(self.gap >= best - slack)
            if (self.gaps.seen[self.places[close]] == self.gaps.n_centres).all():
                break
            self._refresh_leaders(best, slack)
        else:
            raise Fault("A gap changes though it is up to date")
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

    def _refresh_leaders(self, best: float, slack: float) -> None:
        self.step = max(self.step or best / 64, slack)
        leaders = np.flatnonzero(self.gap >= max(best - self.step, 0))
        self.gaps.refresh(self.places[leaders])
        self.gap[leaders] = self.gaps.gap[self.places[leaders]]
        if len(leaders) > _MANY:
            self.step /= 2
        elif len(leaders) < _FEW:
            self.step *= 1.5


def _largest(bounds: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Places of the `size` largest bounds in pool order, and the largest bound outside them (-1 when there is none)."""
    if size >= len(bounds):
        return np.arange(len(bounds)), -1.0
    order = np.argpartition(bounds, len(bounds) - size - 1)
    return np.sort(order[-size:]), float(bounds[order[len(bounds) - size - 1]])
