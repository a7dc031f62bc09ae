"""Progress and cancel are one object, called at the same point of the loop."""

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from datasel_core.base.phases import Plan, Standing
from datasel_core.errors import Stopped

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """Where a long loop is. `rate` is items per second, `left` seconds to go (None while unknown)."""

    label: str
    done: int
    total: int
    rate: float | None
    left: float | None
    waiting: bool = False
    """Whether it has not begun: something else comes first, which the label names."""
    standing: Standing | None = None
    """Where the loop is in the whole, where the work has phases."""


@dataclass
class Progress:
    """report: called at most every `every` seconds, and at the first and last item. should_stop: asked equally often.

    `over` and `advance` raise Stopped as soon as somebody asked to stop. The default is silent and never stops.
    """

    report: Callable[[Step], None] = lambda step: None
    should_stop: Callable[[], bool] = lambda: False
    every: float = 0.2
    plan: Plan | None = None
    """The phases of the work, where it has declared any."""
    _asked: float = field(default=0.0, repr=False)

    def over(self, items: Iterable[T], total: int, label: str) -> Iterator[T]:
        """Yields the items, one unit of progress each; `total` is how many there are."""
        track = self.track(total, label)
        for item in items:
            yield item
            track.advance()
        track.finish()

    def track(self, total: int, label: str) -> "Track":
        """For loops whose steps are uneven: call `advance(n)` yourself."""
        return Track(self, total, label)

    def enter(self, phase: str) -> None:
        """The next phase of the work begins; for work without phases, or of other ones, nothing changes."""
        self.check()
        if self.plan is not None and self.plan.enter(phase):
            self.report(Step(phase, 0, 0, None, None, standing=self.plan.standing(None)))

    def wait(self, label: str) -> None:
        """Says what is waited for, and raises Stopped if somebody asked to stop."""
        self.check()
        self.report(Step(label, 0, 0, None, None, waiting=True))

    def check(self) -> None:
        """Raises Stopped if somebody asked to stop; cheap enough for inner loops."""
        now = time.monotonic()
        if now - self._asked >= self.every:
            self._asked = now
            if self.should_stop():
                raise Stopped("Stopped; what was finished is kept.")


_HEARD: contextvars.ContextVar[Progress | None] = contextvars.ContextVar("progress", default=None)


@contextlib.contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """While a question is resolved, which takes no progress, `current` is this one."""
    token = _HEARD.set(progress)
    try:
        yield
    finally:
        _HEARD.reset(token)


def current() -> Progress:
    """Who listens by now: whoever called `listening`; else nobody does, and nothing stops."""
    return _HEARD.get() or Progress()


class Track:
    """One announced loop."""

    def __init__(self, progress: Progress, total: int, label: str):
        self.progress, self.total, self.label, self.done = progress, total, label, 0
        self._start, self._start_done, self._reported = time.monotonic(), 0, 0.0
        self._earlier = 0
        progress.check()
        self._report()

    def start_at(self, done: int) -> None:
        """So many were done by an earlier attempt; they do not count for the rate."""
        self._earlier = done
        self.measure_from(done)

    def measure_from(self, done: int) -> None:
        """So many are done, and how long they took says nothing of the others: a model was loaded meanwhile."""
        self.done = self._start_done = done
        self._report()

    def advance(self, n: int = 1) -> None:
        self.done += n
        self.progress.check()
        if time.monotonic() - self._reported >= self.progress.every:
            self._report()

    def finish(self) -> None:
        self.done = self.total
        self._report()

    def _report(self) -> None:
        self._reported = time.monotonic()
        spent, made = self._reported - self._start, self.done - self._start_done
        rate = made / spent if made and spent > 0 else None
        left = (self.total - self.done) / rate if rate else None
        plan = self.progress.plan
        before = self._earlier / self.total if self.total else 0.0
        standing = plan.standing(left, min(before, 1.0)) if plan is not None else None
        self.progress.report(Step(self.label, self.done, self.total, rate, left, standing=standing))
