"""How near a choice comes to a target, beside a random choice and the nearest possible; and what of the target nothing
among the candidates resembles.

Distances are Euclidean, each candidate's to the target example nearest to it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.methods.algorithms.transport import Neighbours
from datasel_core.vectors import neighbors
from datasel_core.vectors.directions import blocks

_ROWS, _COLUMNS = 1024, 4096
_SOME = 1000  # candidates of which it is measured how far the nearest other one is
_DUPLICATE = 0.1  # of what two candidates are usually apart: nearer is a near-duplicate, and says nothing of the pool
_RARE = 99  # per cent of candidates have another one within `beyond`
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Closeness:
    """Mean distances to the nearest target example. kept: of what is kept, each sample once. random: expected of any
    choice among the same candidates. nearest: of as many, the nearest of all. in_turn: of as many, the nearest of each
    target example, then the second nearest of each, and so on: as near as it gets in the target's proportions.

    Where the lines are drawn was measured (`tests/benchmarks/tsds_closeness.py`) on sentence vectors of instructions:
    4,000 candidates, 10 % or 42 % of them of the target's own source, alpha 0 to .99, budgets 50 to 400. Below a third
    of the way from `random` to `in_turn`, the share of that source among the kept had come .11 to .35 of its own way,
    from the pool's to that of the nearest; above it .24 and more, at alpha .5 never less than .43. `nearest` alone
    would mislead: those may stand for a few target examples only, and a choice that serves all of them comes a quarter
    of that way (a test makes one). So would the effective size: of a plan six times as wide as the budget 89 % of the
    kept were of the target's source, of one less than four times as wide, towards another target, 44 %.
    """

    kept: float
    random: float
    nearest: float
    in_turn: float

    @property
    def way(self) -> float | None:
        """How far what is kept comes from `random` (0) to `in_turn` (1): beyond 1 where it is nearer still, below 0
        where it is farther than random; None where there is no way to go.
        """
        whole = self.random - self.in_turn
        return (self.random - self.kept) / whole if whole > _ROUNDING * self.random else None

    @property
    def is_random(self) -> bool:
        """Nearly: less than a third of the way from random to the nearest in turn."""
        return self._falls_short(self.in_turn, 1 / 3)

    @property
    def is_wide(self) -> bool:
        """Less than two fifths of the way from random to the nearest possible."""
        return self._falls_short(self.nearest, 2 / 5)

    @property
    def is_close(self) -> bool:
        """At least half of that way, and not nearly random: a setting that is worth a change to it."""
        return not self.is_random and not self._falls_short(self.nearest, 1 / 2)

    def _falls_short(self, best: float, share: float) -> bool:
        """Nothing falls short where there is no way to go, but for rounding."""
        way = self.random - best
        return way > _ROUNDING * self.random and self.random - self.kept < share * way


@dataclass(frozen=True)
class Outlook:
    """What a draw comes to. alpha, then: where it is spread too wide, the least alpha that is closer, and what it would
    come to; None where there is none.
    """

    now: Closeness
    alpha: float | None = None
    then: Closeness | None = None

    @property
    def words(self) -> str:
        """One line where it is nearly random, or could be much closer; empty otherwise."""
        now, closer = self.now, ""
        if self.then is not None:
            closer = f" With alpha = {self.alpha:g} they would be {self.then.kept:.3g}."
        if now.is_random:
            return (
                f"Nearly random at this setting: the kept are {now.kept:.3g} from the nearest target example on "
                f"average, a random choice {now.random:.3g}, the nearest of each example in turn {now.in_turn:.3g}."
                f"{closer or ' No alpha below 1 changes that for this budget; nearest_targets takes the last.'}"
            )
        if now.is_wide and closer:
            return (
                f"Spread wide at this setting: the kept are {now.kept:.3g} from the nearest target example on "
                f"average, nearer to a random choice ({now.random:.3g}) than to the nearest possible "
                f"({now.nearest:.3g}).{closer}"
            )
        return ""

    @property
    def facts(self) -> dict[str, float | str]:
        """What a manifest says of it."""
        found: dict[str, float | str] = {f"distance_{name}": value for name, value in vars(self.now).items()}
        if self.alpha is not None:
            found["alpha_closer"] = self.alpha
        return {**found, **({"spread": self.words} if self.words else {})}


def foresee(at: Callable[[float], Closeness | None], alpha: float) -> Outlook:
    """at: what a draw at an alpha comes to, None where too few have any chance; there is a draw at `alpha` itself.

    Where it is spread too wide, the least alpha in hundredths that is close, or at least not nearly random; it is found
    by halving, for what is kept comes nearer as alpha grows.
    """
    now, known = at(alpha), functools.cache(at)
    goals = [lambda one: one.is_close] * (now.is_random or now.is_wide) + [
        lambda one: not one.is_random
    ] * now.is_random
    for goal in goals:
        low, high = int(alpha * 100 + 1e-9) + 1, 99
        while low < high:
            middle = (low + high) // 2
            there = known(middle / 100)
            low, high = (low, middle) if there is None or goal(there) else (middle + 1, high)
        there = known(low / 100) if low == high else None
        if there is not None and goal(there):
            return Outlook(now, low / 100, there)
    return Outlook(now)


def to_target(pool: np.ndarray, target: np.ndarray, progress: Progress | None = None) -> np.ndarray:
    """(n,) float64: how far each candidate is from the nearest target example.

    float32 only says which example that is, seen from the middle of the target; how far it is is measured in float64.
    """
    examples = np.asarray(target, np.float32).astype(np.float64)
    centre, away = examples.mean(axis=0), np.empty(len(pool))
    for part in blocks(len(pool), _ROWS):
        some = np.asarray(pool[part], np.float32).astype(np.float64)
        size = max(np.abs(some - centre).max(), np.abs(examples - centre).max()) or 1.0  # squares fit into float32
        _, which = neighbors.nearest((some - centre) / size, (examples - centre) / size, "euclidean", progress)
        away[part] = np.sqrt(np.square(some - examples[which]).sum(axis=1))
    return away


def closeness(
    away: np.ndarray, neighbours: Neighbours, kept: np.ndarray, already: np.ndarray | tuple = ()
) -> Closeness:
    """away: (n,) of `to_target`. kept: rows, each at most once. already: rows that could not be chosen."""
    free = np.ones(len(away), bool)
    free[np.asarray(already, np.int64)] = False
    mine, b = away[free], len(kept)
    return Closeness(
        float(away[kept].mean()),
        float(mine.mean()),
        float(np.partition(mine, b - 1)[:b].mean()),
        _in_turn(away, neighbours, free, b),
    )


def _in_turn(away: np.ndarray, neighbours: Neighbours, free: np.ndarray, b: int) -> float:
    """Mean distance of b free rows: whole rounds, in which each target example adds the next nearest of its list, and
    of the last round, which may be a part of one, the mean.
    """
    first = np.empty(len(neighbours.rows), np.int64)
    for at in range(neighbours.max_k - 1, -1, -1):
        first[neighbours.places[:, at]] = at
    rows, first = neighbours.rows[free[neighbours.rows]], first[free[neighbours.rows]]
    upto = np.cumsum(np.bincount(first))
    last = min(int(np.searchsorted(upto, b)), len(upto) - 1)
    before, part = away[rows[first < last]], away[rows[first == last]]
    return float((before.sum() + (b - len(before)) * part.mean()) / b)


def beyond(pool: np.ndarray, progress: Progress | None = None) -> float:
    """How far 99 of 100 candidates at most are from the nearest other one that is no near-duplicate: what is farther
    from all of them is like none. Infinite where there is nothing to compare.

    Measured on at most 1,000 of them, evenly taken, among all; in float32. Distances between target examples would not
    do: what is foreign in a target is far from the rest of it too, and would raise the line over itself.
    """
    progress, n = progress or Progress(), len(pool)
    rows = np.unique(np.linspace(0, n - 1, min(n, _SOME)).astype(np.int64))
    some = np.asarray(pool[rows], np.float64)
    centre = some.mean(axis=0)
    size = np.abs(some - centre).max() or 1.0
    some = ((some - centre) / size).astype(np.float32)
    squares = np.square(some).sum(axis=1)
    usual = np.median((squares[:, None] + squares - 2 * some @ some.T)[np.triu_indices(len(rows), 1)]) if n > 1 else 0.0
    best = np.full(len(rows), np.inf, np.float32)
    for part in blocks(n, _COLUMNS):
        progress.check()
        others = ((np.asarray(pool[part], np.float64) - centre) / size).astype(np.float32)
        gaps = squares[:, None] + np.square(others).sum(axis=1) - 2 * some @ others.T
        gaps[gaps < _DUPLICATE**2 * usual] = np.inf
        own = np.flatnonzero((rows >= part.start) & (rows < part.stop))
        gaps[own, rows[own] - part.start] = np.inf
        np.minimum(best, gaps.min(axis=1), out=best)
    there = np.maximum(best[np.isfinite(best)], 0)
    return float(np.sqrt(np.percentile(there, _RARE)) * size) if len(there) else float("inf")


def unlike(neighbours: Neighbours, line: float) -> np.ndarray:
    """Positions of the target examples from which every candidate is farther than `line`, the farthest first."""
    nearest = neighbours.distances[:, 0]
    far = np.flatnonzero(nearest > line)
    return far[np.argsort(-nearest[far], kind="stable")]


def unlike_words(many: int, m: int, line: float) -> str:
    """What to say where nothing resembles so many of m target examples."""
    return (
        f"Nothing in the pool resembles {many:,} of {m:,} target examples: the nearest candidate is more than "
        f"{line:.3g} away, as it is for 1 in 100 of the candidates themselves."
    )


def lacking(neighbours: Neighbours, line: float) -> dict[str, Any]:
    """What a manifest says of target examples that nothing resembles; of which, by their positions. line: of
    `beyond`.
    """
    far, m = unlike(neighbours, line), len(neighbours.places)
    found = {"unlike": len(far), **({"unlike_beyond": line} if np.isfinite(line) else {})}
    if not len(far):
        return found
    return {**found, "unlike_examples": far, "lacking": unlike_words(len(far), m, line)}
