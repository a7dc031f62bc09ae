"""Drawing patterns with probability proportional to squared distance, without touching every pattern at every draw.

Rejection sampling: propose a pattern from a law that dominates the wanted one, accept with the ratio of the two (von
Neumann 1951). The proposal law puts patterns on levels, powers of two above their distance, and is renewed now and
then, so at least a fair share of proposals is accepted and the law stays exact. Every comparison is decided exactly
(see `gaps`), so a seed gives the same draws whatever the block size, threads or machine.
"""

from collections.abc import Iterator

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import Fault
from datasel_core.methods.algorithms.gaps import Gaps

_WINDOW = 256


def draw(
    gaps: Gaps, owners: np.ndarray, chosen: np.ndarray, rng: np.random.Generator, progress: Progress
) -> Iterator[int]:
    """Yields places of patterns, one per sample, drawn by D^2 among samples not chosen; stops when every distance left
    is zero.

    The caller marks `chosen[owner]` and adds the owner's patterns to `gaps` before asking for the next.
    """
    power = 2 if gaps.metric == "cosine" else 1  # the squared distance: a Euclidean gap is squared already
    picked = 0
    for _ in range(len(chosen) + 1):  # under each law at least one is drawn
        levels = _Levels(gaps, owners, chosen, progress, power)
        if not levels.weights.sum():
            return
        drawn, wasted, renew_at = 0, 0, max(4, 4 * (picked + 1))
        # Renewed when picks have quadrupled, or when most proposals fail: both follow from decisions, never from
        # budgets or block sizes.
        while picked < renew_at and wasted <= 8 * drawn + 4 * _WINDOW:
            places, floors = levels.propose(rng, _WINDOW)
            hopeful = np.flatnonzero(~chosen[owners[places]] & (gaps.gap[places] + gaps.tolerance > floors))
            gaps.refresh(np.unique(places[hopeful]))
            last = -1
            for at in hopeful:
                place = int(places[at])
                if not chosen[owners[place]] and _exceeds(gaps, place, floors[at]):
                    wasted += int(at) - last - 1
                    last = int(at)
                    drawn, picked = drawn + 1, picked + 1
                    yield place
                    if picked == renew_at:
                        break
            else:
                wasted += _WINDOW - 1 - last
        if not drawn:  # at least one proposal in four is taken, and these were a thousand
            break
    raise Fault("No pattern can be drawn")


def _exceeds(gaps: Gaps, place: int, floor: float) -> bool:
    """Whether the true gap lies above the floor."""
    one = np.array([place])
    if gaps.gap[place] + gaps.tolerance <= floor:
        return False
    gaps.refresh(one)
    gap = float(gaps.gap[place])
    if abs(gap - floor) > gaps.tolerance:
        return gap > floor
    return bool(gaps.exact(one)[0] > floor)


class _Levels:
    """Patterns by the power of two just above their gap: pattern t is on level e when 2^(e-1) <= gap < 2^e."""

    def __init__(self, gaps: Gaps, owners: np.ndarray, chosen: np.ndarray, progress: Progress, power: int):
        self.power = power
        gaps.refresh_all(progress)
        places = np.flatnonzero(~chosen[owners])
        gap = gaps.gap[places].astype(np.float64)
        low, high = np.frexp(np.maximum(gap - gaps.tolerance, 0))[1], np.frexp(gap + gaps.tolerance)[1]
        unsure = np.flatnonzero((low != high) | (gap <= gaps.tolerance))
        gap[unsure] = gaps.exact(places[unsure])
        places, gap = places[gap > 0], gap[gap > 0]
        level = np.frexp(gap)[1]
        order = np.argsort(level, kind="stable")
        self.places = places[order]
        names, self.starts, self.counts = np.unique(level[order], return_index=True, return_counts=True)
        self.caps = np.ldexp(1.0, names)
        self.weights = self.counts * self.caps**power

    def propose(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """places: (size,) proposed patterns. floors: (size,) each is accepted iff its gap is above its floor."""
        uniform = rng.random((3, size))
        edges = np.cumsum(self.weights)
        level = np.minimum(np.searchsorted(edges, uniform[0] * edges[-1], side="right"), len(edges) - 1)
        within = np.minimum((uniform[1] * self.counts[level]).astype(np.int64), self.counts[level] - 1)
        floors = self.caps[level] * uniform[2] ** (1 / self.power)
        return self.places[self.starts[level] + within], floors
