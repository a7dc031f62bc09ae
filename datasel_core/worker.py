"""Worker processes: start, watch, stop. A job is a folder: spec.json goes in, status.json changes, the answer comes
last.
"""

import contextlib
import dataclasses
import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.actions.task import Task, parse_task, parts, perform
from datasel_core.base import registry
from datasel_core.base.progress import Progress, Step
from datasel_core.base.standby import OURS, Standby, forks
from datasel_core.errors import BadInput, BadRequest, DataselError, Failed, Stopped
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock, is_held
from datasel_core.workspace.trouble import as_failed

WORDS = {
    "waiting": "waiting to start",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
}


_YOUNG = 15
"""Seconds in which a process that was started has to say its first word."""


@dataclass(frozen=True)
class Job:
    """One piece of work in its folder. `spec["do"]` names the task; the rest are its fields."""

    folder: Path
    spec: Mapping[str, Any]

    def status(self) -> dict[str, Any]:
        """{"state", "label", "done", "total", "rate", "left", "message"}; state is one of WORDS. `left` is of the loop
        at work; where the work has phases, "phase" says where it is in the whole: {"name", "at", "of", "share",
        "left"}.

        A worker that died without a word is `interrupted`: starting the same again goes on where it was.
        """
        status = _word(self.folder) or {"state": "waiting", "updated": time.time()}
        fresh = abs(time.time() - status.get("updated", 0)) < _YOUNG  # a time in the future is no word of just now
        if (
            status["state"] in ("running", "waiting")
            and not is_held(self.folder / "work")
            and not (status["state"] == "waiting" and fresh)
        ):
            again = _word(self.folder) or status  # it may have ended between the two looks
            return {**again, "state": "interrupted"} if again["state"] in ("running", "waiting") else again
        return status

    @property
    def is_active(self) -> bool:
        return self.status()["state"] in ("waiting", "running")

    @property
    def headline(self) -> str:
        """What it does, for people."""
        try:
            return parse_task(self.spec).headline()
        except BadRequest:
            return str(self.spec.get("do"))  # of a version that knew other work

    def stop(self) -> None:
        """Asks the worker to stop; it does within two seconds, and keeps what was finished."""
        (self.folder / "stop").touch()

    def result(self) -> Any:
        """What the worker answered with, a small JSON value; None while it has not."""
        return self.status().get("result")


def _word(folder: Path) -> dict[str, Any]:
    """What a worker said last; of a file that was damaged, that it was at work: whether it still is, its lock says."""
    try:
        said = read_json(folder / "status.json", {})
        return said if not said or "state" in said else {"state": "running"}
    except (BadInput, TypeError):
        return {"state": "running"}


def start(workspace: Workspace, task: Task) -> Job:
    """Checks the request here, so that a wrong one fails at once; then a process of its own does it. Asked twice, it is
    done once. Raises BadRequest.
    """
    work = task.prepare(workspace)
    folder = work.folder
    job = Job(folder, task.spec())
    with Lock(folder / "start").hold():
        work.asked()
        if not job.is_active or not (folder / "status.json").exists():
            (folder / "stop").unlink(missing_ok=True)
            write_json(folder / "job.json", dict(job.spec))
            write_json(folder / "status.json", {"state": "waiting", "updated": time.time()})
            _spawn(workspace, folder)
            _ring(workspace)
    return job


def _ring(workspace: Workspace) -> None:
    with contextlib.suppress(DataselError), writing(workspace.started()):
        """Only when it was written counts."""


def find_job(folder: Path) -> Job | None:
    try:
        spec = read_json(folder / "job.json")
    except BadInput:  # nobody knows what it was to do
        return None
    return Job(folder, spec) if isinstance(spec, dict) else None


def jobs(workspace: Workspace) -> list[Job]:
    """All jobs of the workspace, the latest changed first."""
    found = [find_job(folder) for part in parts() for folder in workspace.folders(part)]
    return sorted((job for job in found if job is not None), key=lambda job: -job.status().get("updated", 0))


_STANDBY = Standby()
_BEGUN: dict[str, str] = {}
"""The environment when this process first asked for one that stands by."""
_FIRST = ("faiss", "pandas", "pyarrow.compute")
"""What nearly all work imports, late."""


def warm() -> None:
    """From now on, work that this process starts begins at once: in a fork of a process that has imported what it
    needs. Whatever started it, work is a process of its own; when this process ends, nothing stands by any more.
    """
    if not _BEGUN:
        _BEGUN.update(_environment())
    _STANDBY.start([sys.executable, "-m", "datasel_core", "work", "--stand-by"], _as_begun(_environment()))


def cool() -> None:
    """Undoes `warm`; work that goes on is left alone."""
    _STANDBY.end()


def stand_by() -> Path | None:
    """What the process that stands by runs: imports first. Returns the folder of a job in a process that is to do it,
    None where nothing more will come.
    """
    for kind in registry.PACKAGES:
        registry.every(kind)
    for name in _FIRST:
        importlib.import_module(name)
    gc.freeze()  # what all have in common is not copied because somebody counts it
    folder = forks(sys.stdin.buffer)
    return None if folder is None else Path(folder)


def _spawn(workspace: Workspace, folder: Path) -> None:
    mine = {**_environment(), "DATASEL_WORKSPACE": str(workspace.path)}
    if _STANDBY.take(str(folder), folder / "log.txt", _as_begun(mine)):
        return
    with open(folder / "log.txt", "ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "datasel_core", "work", str(folder), "--workspace", str(workspace.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=os.getcwd(),
            env=mine,
        )


def _environment() -> dict[str, str]:
    here = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def _as_begun(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what was added since: scikit-learn and others set variables when this process imports them, and what
    stands by imports them for itself. A variable that has another value than then stays as it is.
    """
    return {name: value for name, value in environment.items() if name in _BEGUN or name.startswith(OURS)}


def work(workspace: Workspace, folder: Path) -> int:
    """The worker itself: does what job.json says, keeping status.json. Returns the exit code."""
    spec = read_json(folder / "job.json")
    if spec is None:
        raise BadRequest(f"{folder} holds no job.json.")
    status: dict[str, Any] = {"state": "running", "started": time.time(), "pid": os.getpid()}

    def tell(**changes: Any) -> None:
        status.update(changes, updated=time.time())
        with contextlib.suppress(Failed):  # a full disk must not turn a finished answer into a failure
            write_json(folder / "status.json", status)

    def report(step: Step) -> None:
        state = "waiting" if step.waiting else "running"
        phase = step.standing and dataclasses.asdict(step.standing)
        now = {"label": step.label, "done": step.done, "total": step.total, "rate": step.rate, "left": step.left}
        tell(state=state, **now, phase=phase)

    def should_stop() -> bool:
        return (folder / "stop").exists()

    signal.signal(signal.SIGTERM, lambda *_: (folder / "stop").touch())
    with Lock(folder / "work").hold(), _insisting(should_stop) as ended:
        tell()
        try:
            result = perform(workspace, parse_task(spec), Progress(report, should_stop)).result
            ended.set()
        except Stopped as stop:
            tell(state="stopped", message=str(stop))
            return 130
        except DataselError as error:
            tell(state="failed", message=str(error))
            return 2 if isinstance(error, BadRequest) else 1
        except Exception as error:
            if (known := as_failed(error)) is not None:
                tell(state="failed", message=str(known))
                return 1
            tell(
                state="failed", message=f"It broke ({type(error).__name__}: {error}). The log is {folder / 'log.txt'}."
            )
            raise
        tell(state="done", result=result, left=0)
    return 0


@contextlib.contextmanager
def _insisting(should_stop: Callable[[], bool]) -> Iterator[threading.Event]:
    """Some loops of other libraries never ask whether to stop: a second and a half after the request, Stopped is raised
    in the midst of them.
    """
    ended = threading.Event()

    def interrupt(*_: object) -> None:
        if not ended.is_set():
            ended.set()
            raise Stopped("Stopped; what was finished is kept.")

    def watch() -> None:
        while not ended.wait(0.3):
            if should_stop() and not ended.wait(1.2):
                os.kill(os.getpid(), signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, interrupt)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield ended
    finally:
        ended.set()
