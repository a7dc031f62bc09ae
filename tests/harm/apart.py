"""Command lines in processes of their own, and how such a process dies."""

import contextlib
import functools
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.harm.loaded"])
_LONG = 900
"""Seconds after which a command is taken to hang."""
_CHANGES = {"link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate", "chmod"}
_DEMO = {"scenes": ("make_scenes", {"n": 6}), "questions": ("make_questions", {"per_source": 3})}


@dataclass(frozen=True)
class Death:
    """What ends a process, without a word: the so-many-th change of the disk, a file that grows beyond so many bytes,
    or so many seconds. room: it lives on where a file finds no room for more bytes than this, as on a full disk.
    """

    step: int | None = None
    size: int | None = None
    seconds: float | None = None
    room: int | None = None


NONE = Death()


@dataclass(frozen=True)
class Ended:
    """code: the exit code, negative where a signal ended it. steps: changes of the disk. encoded: samples that a
    feature was computed for. seconds: of wall time.
    """

    code: int
    out: str
    err: str
    steps: int
    encoded: int
    seconds: float


class Running:
    """One command at work."""

    def __init__(self, place: Path, words: Sequence[str], death: Death = NONE, gate: Any = None, late: float = 0.0):
        """place: changes below it are counted; the workspace is in it, and sources may be. gate: where it waits for
        others that begin at the same time. late: seconds to wait after that.
        """
        self._report = Path(tempfile.mkdtemp(prefix="datasel-harm-"))
        self._death, self._began = death, time.monotonic()
        given = (str(place), [str(word) for word in words], str(self._report), death, gate, late)
        self._process = _FORKS.Process(target=_live, args=given)
        self._process.start()

    def end(self) -> Ended:
        """Waits for its end, or brings it about."""
        if self._death.seconds is not None:
            self._process.join(self._death.seconds)
            self._process.kill()
        self._process.join(_LONG)
        hangs = self._process.is_alive()
        if hangs:
            self._process.kill()
            self._process.join()
        try:
            out, err, steps, encoded = (self._said(name) for name in ("out", "err", "steps", "encoded"))
        finally:
            shutil.rmtree(self._report, ignore_errors=True)
        err += f"It hung for {_LONG} seconds.\n" if hangs else ""
        seconds = time.monotonic() - self._began
        return Ended(self._process.exitcode, out, err, int(steps or 0), sum(map(int, encoded.split())), seconds)

    def _said(self, name: str) -> str:
        path = self._report / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def call(place: Path, words: Sequence[str], death: Death = NONE) -> Ended:
    """One command from its beginning to its end."""
    return Running(place, words, death).end()


def at_once(place: Path, lines: Sequence[Sequence[str]], late: Sequence[float]) -> list[Ended]:
    """Several commands that begin together, each so many seconds late."""
    gate = _FORKS.Barrier(len(lines))
    running = [Running(place, words, NONE, gate, after) for words, after in zip(lines, late, strict=True)]
    return [one.end() for one in running]


def environment(place: Path) -> dict[str, str]:
    """What a process has to be told so that it works at this place and nowhere else."""
    return {
        "DATASEL_WORKSPACE": str(place / "workspace"),
        "DATASEL_DATA_ROOTS": str(place),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


def _live(place: str, words: list[str], report: str, death: Death, gate: Any, late: float) -> None:
    """What the process does; never returns."""
    os.environ.update(environment(Path(place)))
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{report}/{name}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    from datasel_core.__main__ import main

    _small_demos()
    _count_encoded(f"{report}/encoded")
    if gate is not None:
        gate.wait(_LONG)
        time.sleep(late)
    changes = _Changes(place, death.step)
    if death.size is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and is told that there is no room
    if (most := death.room if death.size is None else death.size) is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    code = main(words)
    Path(report, "steps").write_text(str(changes.n))
    sys.exit(code)


class _Changes:
    """Counts what changes the disk below a place, locks apart; the process dies instead of the last of them."""

    def __init__(self, place: str, last: int | None):
        self.n, self._place, self._last = 0, place, last
        sys.addaudithook(self._hear)
        for name in ("fsync", "posix_fallocate"):  # Python says nothing of these
            if hasattr(os, name):
                setattr(os, name, self._counted(getattr(os, name)))

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        changes = event.startswith("os.") and event[3:] in _CHANGES
        if event == "open":
            changes = isinstance(given[2], int) and bool(given[2] & (os.O_WRONLY | os.O_RDWR))
        if changes and isinstance(given[0], str | os.PathLike):
            path = os.fspath(given[0])
            if isinstance(path, str) and path.startswith(self._place) and not path.endswith(".lock"):
                self._step()

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def one(*given: Any, **named: Any) -> Any:
            self._step()
            return real(*given, **named)

        return one

    def _step(self) -> None:
        self.n += 1
        if self.n == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def _small_demos() -> None:
    """The demo pools as small as can be: a kill falls on any of their steps just as well."""
    from datasel_core.pools.demo import questions, scenes

    for module, (name, sizes) in zip((scenes, questions), _DEMO.values(), strict=True):
        setattr(module, name, functools.partial(getattr(module, name), **sizes))


def _count_encoded(path: str) -> None:
    """Notes, outside of what is killed, how many samples each block of a feature answers for."""
    from datasel_core.features.chunks import Chunks

    file, add = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND), Chunks.add

    def counted(chunks: Any, block: Any) -> int:
        with contextlib.suppress(OSError):
            os.write(file, f"{len(block.rows) + len(block.unreadable)}\n".encode())
        return add(chunks, block)

    Chunks.add = counted
