"""A process that has imported what work needs and stands by; for each piece of work it forks, so that the work begins
at once, in a process of its own that outlives whoever asked. It ends when the process that started it does.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

OURS = "DATASEL_"
"""How the names of our own variables begin: each piece of work gets those of the moment at which it is asked for."""


def can_fork() -> bool:
    """Whether a process may go on after a fork, whatever it has imported: the frameworks of macOS may not."""
    return sys.platform == "linux"


class Standby:
    """The side of who asks. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment: Mapping[str, str] = {}

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it, unless one stands by already. command: what calls `forks`. Does nothing where a fork is not to be
        trusted.
        """
        with self._lock:
            if not can_fork() or self._stands_by():
                return
            self._environment = _others(environment)
            with contextlib.suppress(OSError):  # no room for another process: then work begins as it would without
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    env=dict(environment),
                )

    def take(self, work: Mapping[str, Any], log: Path, environment: Mapping[str, str]) -> bool:
        """Hands a piece of work on, a small JSON value. False, and nothing has begun, where none stands by, or one
        whose libraries were loaded with other variables than those of `environment`.
        """
        with self._lock:
            if not self._stands_by() or _others(environment) != self._environment:
                return False
            ours = {name: value for name, value in environment.items() if name.startswith(OURS)}
            asked = {"work": work, "log": os.path.abspath(log), "environment": ours, "folder": os.getcwd()}
            try:
                self._process.stdin.write(json.dumps(asked).encode() + b"\n")
                self._process.stdin.flush()
            except OSError:  # it has just died
                return False
            return True

    def end(self) -> None:
        """Nothing stands by any more; work that has begun goes on."""
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
                self._process.wait()
                self._process = None

    @property
    def pid(self) -> int | None:
        """Of the process that stands by."""
        with self._lock:
            return self._process.pid if self._stands_by() else None

    def _stands_by(self) -> bool:
        return self._process is not None and self._process.poll() is None


def _others(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OURS)}


def forks(asked: BinaryIO) -> Any:
    """The side of what stands by. Forks for each line of `asked`; in the new process it returns the work, here None
    when nobody can ask any more. No thread may have been started here, nor work begun.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the end of the work: its folder says it
    for line in asked:
        if os.fork() == 0:
            return _begin(json.loads(line))
    return None


def _begin(asked: Mapping[str, Any]) -> Any:
    """From here on this is a process as if it had been started for the work alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for own, other in ((0, nothing), (1, log), (2, log)):
        os.dup2(other, own)
    os.close(log)
    os.close(nothing)
    os.chdir(asked["folder"])
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(asked["environment"])
    return asked["work"]
