"""What there is to choose among, what must be kept of it, and whether both go together: exact, by largest flow.

Things lie in cells: each belongs to one group, which has minima, and to one bin, which has a cap. A cap on the same
column as the minima is one whose bins are the groups.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Room:
    """group, bin: (k,) int, of each cell, no pair twice; there: (k,) int, things in it."""

    group: np.ndarray
    bin: np.ndarray
    there: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, bin: np.ndarray) -> tuple["Room", np.ndarray]:
        """The cells of n things, and the (n,) cell of each. group, bin: (n,) int from 0."""
        width = int(bin.max(initial=0)) + 1
        pairs, cell, there = np.unique(group * width + bin, return_inverse=True, return_counts=True)
        return cls(pairs // width, pairs % width, there), cell


@dataclass(frozen=True)
class Quotas:
    """least, most: (g,) int, things of each group. cap: (b,) int, at most so many things of each bin."""

    least: np.ndarray
    most: np.ndarray
    cap: np.ndarray


def fill(room: Room, quotas: Quotas, budget: int) -> np.ndarray | None:
    """(k,) int: how many things of each cell make up the budget and meet all quotas; None where nothing does."""
    flow, cells = _flow(room, quotas, budget - int(quotas.least.sum()))
    return cells if flow == budget and int(quotas.least.sum()) <= budget else None


def largest(room: Room, quotas: Quotas) -> int:
    """The largest budget that caps and sizes leave. Where the minima can be met at all, every budget from their sum up
    to this one is possible: a flow that meets them grows to the largest without taking from any group.
    """
    none = np.zeros_like(quotas.least)
    return _flow(room, Quotas(none, quotas.most, quotas.cap), int(room.there.sum()))[0]


def _flow(room: Room, quotas: Quotas, free: int) -> tuple[int, np.ndarray]:
    """The largest flow source -> groups -> bins -> sink, and what goes through each cell. `least` of each group comes
    straight from the source, `free` more through a node of their own.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    n_groups, n_bins = len(quotas.least), len(quotas.cap)
    source, extra, first, sink = 0, 1, 2 + n_groups, 2 + n_groups + n_bins
    groups, bins = 2 + np.arange(n_groups), first + np.arange(n_bins)
    starts = [[source], np.full(n_groups, source), np.full(n_groups, extra), 2 + room.group, bins]
    ends = [[extra], groups, groups, first + room.bin, np.full(n_bins, sink)]
    most = [[max(0, free)], quotas.least, quotas.most - quotas.least, room.there, quotas.cap]
    whole = np.minimum(np.concatenate(most), int(room.there.sum())).astype(np.int32)
    shape = (sink + 1, sink + 1)
    graph = csr_array((whole, (np.concatenate(starts), np.concatenate(ends))), shape=shape)
    found = maximum_flow(graph, source, sink)
    return int(found.flow_value), np.asarray(found.flow[2 + room.group, first + room.bin]).ravel().astype(np.int64)
