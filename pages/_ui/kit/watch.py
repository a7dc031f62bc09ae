"""Work that takes longer than a blink: started, watched, stopped and resumed from the screen. The work itself runs in a
process of its own.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core import worker
from datasel_core.actions.task import parse_task, parts
from datasel_core.cli.console import duration
from datasel_core.errors import DataselError
from datasel_core.worker import Job
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import keys, markdown

_EVERY = 0.7
_QUIET = 4.0
_BAD = ("failed", "stopped", "interrupted")


def start(key: str, do: str, **asked: Any) -> Job | None:
    """Starts work and remembers it under `key`; a wrong request becomes one line under `error(key)`, and nothing
    starts.
    """
    keys.put(f"error.{key}", None)
    try:
        job = worker.start(keys.workspace(), parse_task({"do": do, **asked}))
    except DataselError as error:
        keys.put(f"error.{key}", str(error))
        return None
    keys.put(f"job.{key}", str(job.folder))
    return job


def error(key: str) -> str | None:
    """Why the last `start` under this key was refused."""
    return keys.get(f"error.{key}")


def started(key: str) -> Job | None:
    """The work last started under this key, if its folder is still there."""
    folder = keys.get(f"job.{key}")
    return worker.find_job(Path(folder)) if folder else None


def watch(job: Job | None, *, key: str, done: Callable[[Any], None] | None = None) -> None:
    """Label, bar, count, rate, time left and Stop while it works; the message and Resume when it did not end well;
    nothing once it is done.

    done: called once with the job's result when it ends well while it is watched; then the whole page runs again.
    """
    if job is None:
        return
    state = job.status()["state"]
    seen = f"watched.{key}.{job.folder.name}"
    if state == "done":
        if keys.get(seen):
            keys.put(seen, None)
            if done is not None:
                done(job.result())
            st.rerun()
        return
    keys.put(seen, True)
    st.fragment(_panel, run_every=_EVERY if state in ("waiting", "running") else None)(job, key)


def at_work(name: str) -> bool:
    """How far this work is, or why it was refused. True while it goes on."""
    if (trouble := error(name)) is not None:
        markdown.trouble(trouble)
    job = started(name)
    watch(job, key=name)
    return job is not None and job.is_active


def _panel(job: Job, key: str) -> None:
    status = job.status()
    if status["state"] == "done":
        st.rerun(scope="app")
    with st.container(border=True, key=f"job-{key}"):
        if status["state"] in _BAD:
            _ended_badly(job, status, key)
            return
        st.progress(share(status), text=f"{_bold(job)} · {markdown.plain(numbers(status))}")
        asked_to_stop = (job.folder / "stop").exists()
        st.button(
            "Stopping ..." if asked_to_stop else "Stop",
            key=f"stop-{key}",
            disabled=asked_to_stop,
            icon=":material/stop:",
            help="What was finished is kept; it can go on later.",
            on_click=job.stop,
        )


def _ended_badly(job: Job, status: dict[str, Any], key: str) -> None:
    said = {
        "failed": status.get("message") or "It failed.",
        "stopped": "Stopped; what was finished is kept.",
        "interrupted": "Interrupted: its process ended without a word. What was finished is kept.",
    }[status["state"]]
    st.markdown(f"{_bold(job)} · {markdown.plain(numbers(status))}" if status.get("total") else _bold(job))
    (markdown.trouble if status["state"] == "failed" else markdown.warning)(said)
    with st.container(horizontal=True):
        if st.button(
            "Try again" if status["state"] == "failed" else "Resume", key=f"resume-{key}", icon=":material/play_arrow:"
        ):
            resume(job)
            st.rerun()
        if st.button("Dismiss", key=f"dismiss-{key}", type="tertiary"):
            dismiss(job)
            for name in (f"job.{key}", f"watched.{key}.{job.folder.name}"):
                keys.put(name, None)
            st.rerun()


def resume(job: Job) -> None:
    """Starts the same again: it goes on where it was."""
    try:
        worker.start(keys.workspace(), parse_task(job.spec))
    except DataselError as trouble:
        st.toast(markdown.plain(str(trouble)))


def dismiss(job: Job) -> None:
    """Takes unfinished work off the strip; nothing that was computed is deleted."""
    (job.folder / "dismissed").write_text(str(_stamp(job.folder / "status.json")))


def active_jobs(workspace: Workspace) -> None:
    """A strip of everything at work in the workspace, and of what was interrupted, whichever tab or terminal started
    it.
    """
    found = _open_jobs(workspace)
    st.fragment(_strip, run_every=_EVERY * 2 if any(job.is_active for job in found) else _QUIET)(
        workspace, [str(job.folder) for job in found]
    )


def _strip(workspace: Workspace, before: list[str]) -> None:
    found = _open_jobs(workspace)
    if [str(job.folder) for job in found] != before:
        st.rerun(scope="app")
    if not found:
        return
    st.caption("At work" if any(job.is_active for job in found) else "Unfinished work")
    for at, job in enumerate(found):
        status = job.status()
        with st.container(key=f"strip-{at}", gap="xsmall"):
            if status["state"] in ("waiting", "running"):
                st.progress(share(status), text=f"{_bold(job)}  \n{markdown.plain(_short(status))}")
            else:
                how = f"{worker.WORDS[status['state']]} · {markdown.plain(numbers(status))}"
                st.markdown(f":small[{_bold(job)}]  \n:small[{how}]")
                with st.container(horizontal=True, gap="small"):
                    if st.button(
                        "Resume", key=f"strip-resume-{job.folder.name}", type="tertiary", icon=":material/play_arrow:"
                    ):
                        resume(job)
                        st.rerun()
                    if st.button("Dismiss", key=f"strip-dismiss-{job.folder.name}", type="tertiary"):
                        dismiss(job)
                        st.rerun()


def _open_jobs(workspace: Workspace) -> list[Job]:
    """Active and interrupted jobs, cheaply: a job whose last word was written long ago is not read again."""
    found = []
    for part in parts():
        for folder in workspace.folders(part):
            stamp = _stamp(folder / "status.json")
            if (
                not stamp
                or _last_word(str(folder), stamp) in ("done", "failed", "stopped")
                or _is_dismissed(folder, stamp)
            ):
                continue
            job = worker.find_job(folder)
            if job is not None and job.status()["state"] in ("waiting", "running", "interrupted"):
                found.append(job)
    return found[:6]


@functools.lru_cache(maxsize=20_000)
def _last_word(folder: str, stamp: int) -> str:
    return (read_json(Path(folder) / "status.json") or {}).get("state", "")


def _is_dismissed(folder: Path, stamp: int) -> bool:
    """Whether nothing was said since somebody dismissed it: not by the clock, which may be set back."""
    try:
        return (folder / "dismissed").read_text() == str(stamp)
    except OSError:
        return False


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _bold(job: Job) -> str:
    """What it does, which quotes names of people, as Markdown."""
    return f"**{markdown.plain(job.headline)}**"


def _short(status: dict[str, Any]) -> str:
    """For a narrow place: what is waited for, else the count alone."""
    return numbers(status if status["state"] == "waiting" else {**status, "label": ""})


def share(status: dict[str, Any]) -> float:
    """How much is done, 0 to 1."""
    total = status.get("total") or 0
    return min(1.0, status.get("done", 0) / total) if total else 0.0


def numbers(status: dict[str, Any]) -> str:
    """`reading photos 412 of 929 · 24 a second · 21 s left`."""
    if status["state"] == "waiting" and status.get("label"):
        return status["label"]
    if not status.get("total"):
        return "starting" if status["state"] in ("waiting", "running") else "before it began"
    text = f"{status.get('label', '')} {status.get('done', 0):,} of {status['total']:,}".strip()
    if status["state"] in ("waiting", "running"):
        text += f" · {rate(status['rate'])}" if status.get("rate") else ""
        text += f" · {duration(status['left'])} left" if status.get("left") and status["done"] < status["total"] else ""
    return text


def rate(a_second: float) -> str:
    """`1,470 a second`, `2.4 a second`, `31 a minute`."""
    if a_second < 0.95:
        return f"{a_second * 60:.2g} a minute"
    return f"{a_second:,.0f} a second" if a_second >= 10 else f"{a_second:.1f} a second"
