"""Samples of one pool that are like samples of another, in pairs: all counted, those most alike listed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

LISTED = 5
"""Partners that are listed of one sample; a text in a thousand copies on either side makes a million pairs."""


@dataclass(frozen=True)
class Pairs:
    """Positions among the samples that were compared. rows, others: (k,) listed pairs; like: (k,) 1 is the same;
    shared: (k,) runs of words in common, 0 where none were counted. n: all pairs. touched, touched_others: ascending
    positions of every sample that is in a pair; each is in a listed one.
    """

    rows: np.ndarray
    others: np.ndarray
    like: np.ndarray
    shared: np.ndarray
    n: int
    touched: np.ndarray
    touched_others: np.ndarray


@dataclass
class Collected:
    """Pairs as they are found. n, m: samples on either side."""

    n: int
    m: int
    many: int = 0
    _listed: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._touched, self._best = np.zeros(self.n, bool), np.full(self.m, -np.inf)
        self._partner, self._shared = np.zeros(self.m, np.int64), np.zeros(self.m, np.int64)

    def add(self, rows: np.ndarray, others: np.ndarray, like: np.ndarray, shared: np.ndarray | None = None) -> None:
        """All pairs of some rows, in one call; each pair once."""
        shared = np.zeros(len(rows), np.int64) if shared is None else shared
        self.many += len(rows)
        order = np.lexsort((others, -like, rows))
        rows, others, like, shared = rows[order], others[order], like[order], shared[order]
        first = np.searchsorted(rows, rows)
        near = np.arange(len(rows)) - first < LISTED
        self._listed.append((rows[near], others[near], like[near], shared[near]))
        self._touched[rows] = True
        best = np.lexsort((rows, -like, others))
        best = best[np.unique(others[best], return_index=True)[1]]  # the pair most alike of each
        better = best[like[best] > self._best[others[best]]]
        self._best[others[better]], self._partner[others[better]] = like[better], rows[better]
        self._shared[others[better]] = shared[better]

    def add_equal(self, keys: Sequence[Hashable | None], other_keys: Sequence[Hashable | None]) -> None:
        """Samples with the same key; None is no key."""
        places: dict[Hashable, list[int]] = {}
        for at, key in enumerate(other_keys):
            if key is not None:
                places.setdefault(key, []).append(at)
        first: dict[Hashable, int] = {}
        rows, others = [], []
        for at, key in enumerate(keys):
            if key is None or key not in places:
                continue
            self.many += len(places[key])
            listed = places[key] if key not in first else places[key][:LISTED]  # each of the others once
            first.setdefault(key, at)
            rows += [at] * len(listed)
            others += listed
        counted = self.many
        self.add(np.array(rows, np.int64), np.array(others, np.int64), np.ones(len(rows)))
        self.many = counted

    def pairs(self) -> Pairs:
        touched_others = np.flatnonzero(np.isfinite(self._best))
        mine = (self._partner[touched_others], touched_others, self._best[touched_others], self._shared[touched_others])
        rows, others, like, shared = (np.concatenate(part) for part in zip(*self._listed, mine, strict=True))
        _, once = np.unique(rows * max(self.m, 1) + others, return_index=True)
        rows, others, like, shared = rows[once], others[once], like[once], shared[once]
        order = np.lexsort((others, rows, -like))
        return Pairs(
            rows[order],
            others[order],
            like[order],
            shared[order],
            self.many,
            np.flatnonzero(self._touched),
            touched_others,
        )
