"""What is known of work without doing anything about it: which is unfinished, and how far it is in words."""

import functools
from pathlib import Path
from typing import Any

from datasel_core import worker
from datasel_core.actions.task import parts
from datasel_core.base import registry
from datasel_core.cli.console import duration
from datasel_core.errors import BadInput
from datasel_core.worker import Job
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import disk

_TRAINS = "training"
"""What loops say that count steps."""
_QUIET: dict[str, int] = {}
"""Workspace -> when work was last started in it, where nothing is unfinished since."""


def unfinished(workspace: Workspace, most: int = 6) -> list[Job]:
    """Active and interrupted work, and long work that was stopped, cheaply: a job whose last word was written long ago
    is not read again. most: of very many, the first.
    """
    started = disk.stamp(workspace.started())
    if started and _QUIET.get(str(workspace.path)) == started:
        return []
    found = []
    for part in parts():
        for folder in workspace.folders(part):
            written = disk.stamp(folder / "status.json")
            if not written or _last_word(str(folder), written) in ("done", "failed") or _is_dismissed(folder, written):
                continue
            job = worker.find_job(folder)
            state = job.status()["state"] if job is not None else ""
            if state in ("waiting", "running", "interrupted") or (state == "stopped" and _goes_on(job)):
                found.append(job)
    if not found:
        _QUIET[str(workspace.path)] = started
    return found[:most]


def _goes_on(job: Job) -> bool:
    known = registry.every("task").get(str(job.spec.get("do")))
    return known is not None and known.goes_on


@functools.lru_cache(maxsize=20_000)
def _last_word(folder: str, stamp: int) -> str:
    try:
        return str(read_json(Path(folder) / "status.json")["state"])
    except (BadInput, TypeError, KeyError):
        return ""  # damaged: nobody knows how it ended


def _is_dismissed(folder: Path, stamp: int) -> bool:
    """Whether nothing was said since somebody dismissed it: not by the clock, which may be set back."""
    try:
        return (folder / "dismissed").read_text() == str(stamp)
    except OSError:
        return False


def again(job: Job, status: dict[str, Any]) -> str:
    """`Go on from 412 of 929`, `Go on from step 188`; `Try again` where it failed, `Start again` where nothing is
    kept of it.
    """
    if status["state"] == "failed":
        return "Try again"
    if not _goes_on(job):
        return "Start again"
    done, total = status.get("done") or 0, status.get("total") or 0
    if not 0 < done < total:
        return "Go on"
    return f"Go on from step {done:,}" if _TRAINS in status.get("label", "") else f"Go on from {done:,} of {total:,}"


def short(status: dict[str, Any]) -> str:
    """For a narrow place: what is waited for, else the phase or the count, and the time left."""
    phase = status.get("phase")
    if phase and phase["of"] > 1 and status["state"] == "running":
        return f"{_phase(phase)}{_left(phase['left'])}"
    return numbers(status if status["state"] == "waiting" else {**status, "label": ""})


def share(status: dict[str, Any]) -> float:
    """How much is done, 0 to 1; of all phases together."""
    if phase := status.get("phase"):
        return phase["share"]
    total = status.get("total") or 0
    return min(1.0, status.get("done", 0) / total) if total else 0.0


def numbers(status: dict[str, Any]) -> str:
    """`reading photos 412 of 929 · 24 a second · 21 s left`; where there are several phases `2 of 3: choosing · 412 of
    929 · 24 a second · 40 s left`, of which the time left is that of all.
    """
    phase, working = status.get("phase"), status["state"] in ("waiting", "running")
    if status["state"] == "waiting" and status.get("label"):
        return status["label"]
    if not status.get("total") and not (phase and working):
        return "starting" if working else "before it began"
    several = phase is not None and phase["of"] > 1
    count = f"{status.get('done', 0):,} of {status['total']:,}" if status.get("total") else ""
    text = " · ".join(filter(None, [_phase(phase), count])) if several else f"{status.get('label', '')} {count}".strip()
    if working:
        text += f" · {rate(status['rate'])}" if status.get("rate") else ""
        unfinished = several or (status.get("left") and status["done"] < status["total"])
        text += _left((phase or status)["left"]) if unfinished else ""
    return text


def _phase(phase: dict[str, Any]) -> str:
    """`2 of 3: choosing`."""
    return f"{phase['at']} of {phase['of']}: {phase['name']}"


def _left(seconds: float | None) -> str:
    return f" · {duration(seconds)} left" if seconds else ""


def rate(a_second: float) -> str:
    """`1,470 a second`, `2.4 a second`, `31 a minute`."""
    if a_second < 0.95:
        return f"{a_second * 60:.2g} a minute"
    return f"{a_second:,.0f} a second" if a_second >= 10 else f"{a_second:.1f} a second"
