"""The phases of a piece of work: one share and one time left over all of them, however many loops each has.

What a phase takes is known from the last time, else it is to the phase at work as their weights are.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_FULL = 0.99
"""A bar is full when the work is done, not before."""


@dataclass(frozen=True)
class Phase:
    """name: what is done, as a person would say it: `choosing`. weight: how long it takes beside the others."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Standing:
    """Where work is among its phases. at: from 1. share: 0 to 1 of all of them, never less than before. left: seconds
    until the last of them is over, None while unknown.
    """

    name: str
    at: int
    of: int
    share: float
    left: float | None


class Plan:
    """known: seconds that phases took the last time, for as much as there is to do now. now: a clock."""

    def __init__(
        self,
        phases: Sequence[Phase],
        known: Mapping[str, float] | None = None,
        now: Callable[[], float] = time.monotonic,
    ):
        self.phases, self.known, self.now = tuple(phases), dict(known or {}), now
        self.seconds: dict[str, float] = {}
        """What each phase that is over took."""
        self._went_on = False
        self._at, self._began, self._share = -1, now(), 0.0

    def enter(self, name: str) -> bool:
        """This phase begins, the one before is over. False, and nothing changes, where it is none of the plan, or one
        that has begun: work that is part of this work has phases of its own.
        """
        later = [at for at, phase in enumerate(self.phases) if phase.name == name and at > self._at]
        if later:
            self.over()
            self._at = later[0]
        return bool(later)

    def over(self) -> None:
        """The phase at work is over."""
        if self._at >= 0:
            self.seconds[self.phases[self._at].name] = self.now() - self._began
        self._began = self.now()

    def standing(self, left: float | None, before: float = 0.0) -> Standing:
        """left: seconds until the loop at work is over, where that is known. before: the share of it that an earlier
        attempt did.
        """
        at, self._went_on = max(0, self._at), self._went_on or before > 0
        phase, later = self.phases[at], self.phases[at + 1 :]
        spent, mine = self.now() - self._began, self._mine(phase, left)
        past = sum(self.seconds.values())
        if mine is None:
            unit = past / sum(one.weight for one in self.phases[:at]) if past else None
            whole = None if unit is None else unit * phase.weight
        else:
            whole = (spent + mine) / max(1 - before, 1e-3)
            unit = whole / phase.weight
        rest = [self.known.get(one.name, None if unit is None else unit * one.weight) for one in later]
        left = None if mine is None or None in rest else mine + sum(rest)
        if left is not None and (all_of := past + whole + sum(rest)) > 0:
            self._share = max(self._share, min(_FULL, 1 - left / all_of))
        return Standing(phase.name, at + 1, len(self.phases), self._share, left)

    @property
    def is_typical(self) -> bool:
        """Whether every phase was gone through from its beginning to its end, so that the next time will be alike."""
        return len(self.seconds) == len(self.phases) and not self._went_on

    def _mine(self, phase: Phase, left: float | None) -> float | None:
        """Seconds that the phase at work still takes: what its loop says, else what is left of the last time."""
        if left or phase.name not in self.known:
            return left
        return max(0.0, self.known[phase.name] - (self.now() - self._began))


def scaled(seconds: Mapping[str, float], size: float, now: float) -> dict[str, float]:
    """Seconds of phases of work of one size, for work of another: in proportion."""
    return {name: one * now / size for name, one in seconds.items()} if size > 0 and now > 0 else dict(seconds)
