"""What may still be taken without making a quota impossible: of things that count one each, and of units that cost as
many samples as they have.
"""

import bisect
from collections.abc import Sequence

import numpy as np

from datasel_core.runs.mixtures.room import Quotas, Room, fill

_UNSEEN, _START, _AROUND = -3, -2, -1


class Count:
    """Things that count one each; exactly `budget` of them. Holds one way to complete the choice (`plan`), and turns it
    where another thing is wanted: a thing may be taken if and only if that is possible.
    """

    def __init__(self, room: Room, quotas: Quotas, budget: int):
        """Raises ValueError where no choice of so many meets the quotas; see `largest`."""
        plan = fill(room, quotas, budget)
        if plan is None:
            raise ValueError("no choice of this budget meets the quotas")
        self._group, self._bin, self._left = room.group, room.bin, room.there.copy()
        self._need, self._most, self._cap = quotas.least.copy(), quotas.most.copy(), quotas.cap.copy()
        self._plan, self._closed = plan, np.zeros(len(plan), bool)
        self.left = budget

    def needs(self, cell: int) -> bool:
        """Whether the cell's group still lacks things that it must have."""
        return self._need[self._group[cell]] > 0

    @property
    def needed(self) -> int:
        """How many things the groups still lack."""
        return int(self._need.sum())

    def may(self, cell: int, size: int) -> bool:
        """Whether another thing of the cell may be taken. Once it may not, it never may again."""
        if self._closed[cell] or not self.left:
            return False
        group, bin = self._group[cell], self._bin[cell]
        full = not (self._left[cell] and self._most[group] and self._cap[bin])
        if full or not (self._plan[cell] or self._turn(cell)):
            self._closed[cell] = True
        return not self._closed[cell]

    def take(self, cell: int, size: int) -> None:
        """Only where it may."""
        group, bin = self._group[cell], self._bin[cell]
        self._plan[cell] -= 1
        self._left[cell] -= 1
        self._most[group] -= 1
        self._cap[bin] -= 1
        self._need[group] = max(0, self._need[group] - 1)
        self.left -= 1

    def _turn(self, cell: int) -> bool:
        """Makes the plan take one of the cell, if any plan does: along a cycle through it in the rest of the flow."""
        by_group, by_bin, source, sink = self._reach(cell)
        group, end = self._group[cell], self._bin[cell]
        if by_group[group] == _UNSEEN:
            return False
        self._plan[cell] += 1
        at, is_group = group, True
        for _ in range(2 * (len(by_group) + len(by_bin)) + 4):  # no node twice
            if not is_group and at == end and by_bin[at] == _START:
                return True
            by = (by_group if is_group else by_bin)[at]
            if by == _AROUND:
                at = source if is_group else sink
                continue
            self._plan[by] += -1 if is_group else 1
            at, is_group = (self._bin[by], False) if is_group else (self._group[by], True)
        raise AssertionError("a way back that never ends")

    def _reach(self, cell: int) -> tuple[np.ndarray, np.ndarray, int, int]:
        """How each group and bin is reached from the cell's bin: by which cell, or around by source or sink. source,
        sink: the group or bin from which that was reached.
        """
        flow_g = np.bincount(self._group, self._plan, len(self._need)).astype(int)
        flow_b = np.bincount(self._bin, self._plan, len(self._cap)).astype(int)
        by_group, by_bin = np.full(len(flow_g), _UNSEEN), np.full(len(flow_b), _UNSEEN)
        by_bin[self._bin[cell]] = _START
        source = sink = _UNSEEN
        for _ in range(len(flow_g) + len(flow_b) + 2):
            before = np.count_nonzero(by_group != _UNSEEN) + np.count_nonzero(by_bin != _UNSEEN)
            fewer = (self._plan > 0) & (by_bin[self._bin] != _UNSEEN) & (by_group[self._group] == _UNSEEN)
            by_group[self._group[fewer]] = np.flatnonzero(fewer)
            if by_group[self._group[cell]] != _UNSEEN:
                break
            if sink == _UNSEEN and len(some := np.flatnonzero((by_bin != _UNSEEN) & (flow_b < self._cap))):
                sink = int(some[0])
                by_bin[(by_bin == _UNSEEN) & (flow_b > 0)] = _AROUND
            if source == _UNSEEN and len(some := np.flatnonzero((by_group != _UNSEEN) & (flow_g > self._need))):
                source = int(some[0])
                by_group[(by_group == _UNSEEN) & (flow_g < self._most)] = _AROUND
            more = (self._plan < self._left) & (by_group[self._group] != _UNSEEN) & (by_bin[self._bin] == _UNSEEN)
            by_bin[self._bin[more]] = np.flatnonzero(more)
            if before == np.count_nonzero(by_group != _UNSEEN) + np.count_nonzero(by_bin != _UNSEEN):
                break
        return by_group, by_bin, source, sink


class Purse:
    """Units that cost as many samples as they have; at most `budget` samples. Minima and caps are of units, both of the
    same groups: then the cheapest way to meet what is lacking is the smallest units of each group.
    """

    def __init__(self, sizes: Sequence[Sequence[int]], least: Sequence[int], cap: Sequence[int], budget: int):
        """sizes: of the units of each group. Raises ValueError where the budget is below the cheapest way."""
        self._sizes = [sorted(one) for one in sizes]
        self._need, self._cap, self.left = list(least), list(cap), budget
        if cheapest(self._sizes, self._need) > budget:
            raise ValueError("no choice of this budget meets the quotas")

    def needs(self, cell: int) -> bool:
        return self._need[cell] > 0

    @property
    def needed(self) -> int:
        return sum(self._need)

    def may(self, cell: int, size: int) -> bool:
        """Whether a unit of this group and size may be bought: then what is lacking can still be."""
        if not self._cap[cell] or size > self.left:
            return False
        rest = self._sizes[cell].copy()
        rest.pop(bisect.bisect_left(rest, size))
        others = cheapest(self._sizes, self._need) - sum(self._sizes[cell][: self._need[cell]])
        return size + others + sum(rest[: max(0, self._need[cell] - 1)]) <= self.left

    def take(self, cell: int, size: int) -> None:
        self._sizes[cell].pop(bisect.bisect_left(self._sizes[cell], size))
        self._need[cell] = max(0, self._need[cell] - 1)
        self._cap[cell] -= 1
        self.left -= size


def cheapest(sizes: Sequence[Sequence[int]], least: Sequence[int]) -> int:
    """Samples of the smallest units that meet the minima. sizes: of each group, ascending."""
    return sum(sum(one[:least_of]) for one, least_of in zip(sizes, least, strict=True))


def dearest(sizes: Sequence[Sequence[int]], cap: Sequence[int]) -> int:
    """Samples of the largest units that the caps leave."""
    return sum(sum(sorted(one, reverse=True)[:cap_of]) for one, cap_of in zip(sizes, cap, strict=True))


def sizes_of(group: np.ndarray, size: np.ndarray, n: int) -> list[list[int]]:
    """The sizes of the things of each of n groups, ascending. group, size: (t,) int."""
    order = np.argsort(group, kind="stable")
    parts = np.split(size[order], np.cumsum(np.bincount(group, minlength=n))[:-1])
    return [sorted(part.tolist()) for part in parts]


def ledger(
    group: np.ndarray, bin: np.ndarray, size: np.ndarray, quotas: Quotas, budget: int, is_purse: bool
) -> Count | Purse:
    """What may be taken of things with these groups, bins and sizes, (t,) int each; the quotas were found possible."""
    if is_purse:
        return Purse(sizes_of(group, size, len(quotas.least)), quotas.least.tolist(), quotas.cap.tolist(), budget)
    return Count(Room.of(group, bin)[0], quotas, budget)
