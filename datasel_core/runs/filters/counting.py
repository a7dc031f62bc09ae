"""A filter that is asked while somebody looks on: in a thread, so that a screen can say how far it is, and leave it."""

import threading
from collections.abc import Callable

import numpy as np

from datasel_core.base.progress import Progress, Step
from datasel_core.errors import DataselError, Stopped


class Counting:
    """ask: gives (n,) bool, and listens to a Progress.

    done, total: rows that were looked at, of how many; 0 of 0 for the first second.
    """

    def __init__(self, ask: Callable[[Progress], np.ndarray]):
        self.done = self.total = 0
        self.error: DataselError | None = None
        self._ask, self._stop, self._found = ask, threading.Event(), None
        self._thread = threading.Thread(target=self._run, name="counting", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, by then at the latest."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self._stop.set()

    @property
    def is_left(self) -> bool:
        return self._stop.is_set()

    @property
    def matches(self) -> int | None:
        """How many rows match; None while that is not known."""
        return None if self._found is None else int(self._found.sum())

    def _run(self) -> None:
        try:
            self._found = self._ask(Progress(report=self._report, should_stop=self._stop.is_set))
        except Stopped:
            self._stop.set()
        except DataselError as error:
            self.error = error

    def _report(self, step: Step) -> None:
        self.done, self.total = step.done, step.total
