"""Shares and quotas over arrays: each share walks its own order of preference and takes what makes no quota impossible.

The law. Quotas are met first: of the picks, as many as the groups lack are owed to them, dealt to the shares by largest
remainder; a share spends no more of the others than its part of them. Then shares, by largest remainder, in the order
in which they were declared. A thing counts once. A cap is never broken. Whatever a share passes over is passed over for
good, so the answer is the same whether its order comes at once or piece by piece. What a method has no more candidates
for, the others make up for, in order; it is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from datasel_core.runs.mixtures.ledgers import Count, Purse
from datasel_core.runs.mixtures.shares import deal


@dataclass(frozen=True)
class Ranked:
    """thing: (m,) int, what may be taken, best first; the same thing may come again. cell: (m,) int, where it lies.
    size: (m,) int, samples it has.
    """

    thing: np.ndarray
    cell: np.ndarray
    size: np.ndarray


class Mixing:
    """One choice under way. parts: each share's weight; the budget is what the ledger has left at the beginning. taken:
    things that were taken before, of which the ledger knows. never: things that nobody may take.
    """

    def __init__(
        self,
        ledger: Count | Purse,
        parts: Sequence[int | Fraction],
        taken: Mapping[int, int] | None = None,
        never: Sequence[int] = (),
    ):
        self.ledger, self._never = ledger, list(never)
        self.portions = deal(ledger.left, parts)
        owed = deal(ledger.needed, parts) if isinstance(ledger, Count) else [0] * len(parts)
        self._free = [mine - its for mine, its in zip(self.portions, owed, strict=True)]
        self._counts = isinstance(ledger, Count)
        self._budget, self._spent_free = ledger.left, 0
        self.taken: dict[int, int] = dict(taken or {})
        """Thing -> the share that took it, in order."""

    def missing(self, share: int) -> int:
        """What this share may still spend: with what those before it left."""
        return sum(self.portions[: share + 1]) - (self._budget - self.ledger.left)

    def fits(self, share: int, cell: int, size: int) -> bool:
        """Whether the share may take a thing of this cell and size now. Once it may not, it never may again."""
        if (size if not self._counts else 1) > self.missing(share):
            return False
        if self._counts and not self.ledger.needs(cell) and self._spent_free >= sum(self._free[: share + 1]):
            return False
        return self.ledger.may(cell, size)

    def walk(self, share: int, ranked: Ranked, within: int | None = None) -> np.ndarray:
        """Takes from front to back. within: the share up to which may be spent; itself where none is said. Returns the
        positions in `ranked` that were taken.
        """
        found, within = [], share if within is None else within
        for at, (thing, cell, size) in enumerate(
            zip(ranked.thing.tolist(), ranked.cell.tolist(), ranked.size.tolist(), strict=True)
        ):
            if thing in self.taken or not self.fits(within, cell, size):
                continue
            self._spent_free += not self.ledger.needs(cell)
            self.ledger.take(cell, size)
            self.taken[thing] = share
            found.append(at)
        return np.array(found, np.int64)

    def open(self, share: int, every: Ranked) -> np.ndarray:
        """(m,) bool: which of these things the share may take now."""
        _, first, which = np.unique(
            every.cell * (every.size.max(initial=0) + 1) + every.size, return_index=True, return_inverse=True
        )
        kinds = zip(every.cell[first].tolist(), every.size[first].tolist(), strict=True)
        fits = np.array([self.fits(share, cell, size) for cell, size in kinds], bool)
        return fits[which] & ~np.isin(every.thing, [*self.taken, *self._never])


def mixed(
    ledger: Count | Purse, parts: Sequence[int | Fraction], turns: Sequence[tuple[int, Ranked]]
) -> list[tuple[int, int]]:
    """(thing, share) in the order in which they are taken. turns: share, and all that it may come to; first every share
    once, in order, then those that make up for what a method had no more candidates for.
    """
    mixing = Mixing(ledger, parts)
    for at, (share, order) in enumerate(turns):
        mixing.walk(share, order, min(at, len(parts) - 1))
    return list(mixing.taken.items())
