"""Random batches that cover a pool: each partition deals every sample into exactly one part of equal size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Partition:
    """order: (n,) the samples, shuffled; part p is dealt order[p size : (p + 1) size].

    When the last part comes out short it borrows samples from the beginning of the order until it is as large as the
    others. What is borrowed is company only: its own part is the one it was dealt into. So every sample is compared
    exactly once in each partition, always in a batch of `size` drawn uniformly.
    """

    order: np.ndarray
    size: int

    @property
    def n_parts(self) -> int:
        return -(-len(self.order) // self.size)

    @property
    def n_borrowed(self) -> int:
        return self.n_parts * self.size - len(self.order)

    def part(self, p: int) -> tuple[np.ndarray, np.ndarray]:
        """(own, borrowed): rows dealt into part p, and those that fill it up; each ascending."""
        own = np.sort(self.order[p * self.size : (p + 1) * self.size])
        return own, np.sort(self.order[: self.size - len(own)])

    def homes(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) the part each sample was dealt into, and (n,) the part that borrows it, -1 where none does."""
        home, guest = np.empty(len(self.order), np.int64), np.full(len(self.order), -1)
        home[self.order] = np.arange(len(self.order)) // self.size
        guest[self.order[: self.n_borrowed]] = self.n_parts - 1
        return home, guest


def partitions(n: int, size: int, times: int, rng: np.random.Generator) -> Iterator[Partition]:
    """`times` seeded partitions of n samples; one part with all of them, and no randomness, when n is at most
    `size`.
    """
    if n <= size:
        yield Partition(np.arange(n), max(n, 1))
        return
    for _ in range(times):
        yield Partition(rng.permutation(n), size)


@dataclass(frozen=True)
class Group:
    """Samples to compare with each other. places: (m,) which they are, the first n_own of them to be scored, the others
    company.

    home, guest: (m, k), for each of k partitions the column (part) of each sample, and the one that borrows it; -1 for
    none. Only those who share a column are compared.
    """

    places: np.ndarray
    n_own: int
    home: np.ndarray
    guest: np.ndarray
    n_columns: int


def together(dealt: Iterable[Partition]) -> Group:
    """All parts of all partitions as one group, so that each pair of samples meets once, whatever the number of
    partitions they share.
    """
    homes, guests, n_columns = [], [], 0
    for partition in dealt:
        home, guest = partition.homes()
        homes.append(home + n_columns)
        guests.append(np.where(guest < 0, -1, guest + n_columns))
        n_columns += partition.n_parts
    n = len(homes[0])
    return Group(np.arange(n), n, np.stack(homes, axis=1), np.stack(guests, axis=1), n_columns)


def one_by_one(dealt: Iterable[Partition]) -> Iterator[Group]:
    """Each part of each partition as a group of its own."""
    for partition in dealt:
        for p in range(partition.n_parts):
            own, borrowed = partition.part(p)
            places = np.concatenate([own, borrowed])
            home = np.where(np.arange(len(places)) < len(own), 0, -1)[:, None]
            yield Group(places, len(own), home, -1 - home, 1)
