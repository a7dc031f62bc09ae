"""Work that takes longer than a blink: started, watched, stopped and resumed from the screen. The work itself runs in a
process of its own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core import worker
from datasel_core.actions.task import parse_task
from datasel_core.errors import DataselError
from datasel_core.worker import Job
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import disk, drawn, jobs, keys, markdown

_EVERY = 0.4
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
    keys.put(_seen(key, job), True)  # it may have ended before the page looks at it for the first time
    return job


def error(key: str) -> str | None:
    """Why the last `start` under this key was refused."""
    return keys.get(f"error.{key}")


def started(key: str, do: str | None = None, **asked: Any) -> Job | None:
    """The work last started under this key, if its folder is still there. do, asked: where this session started none,
    unfinished work with these fields that any other, or a terminal, did.
    """
    folder = keys.get(f"job.{key}")
    job = worker.find_job(Path(folder)) if folder else None
    if job is not None or do is None:
        return job
    wanted = {"do": do, **asked}.items()
    return next((one for one in jobs.unfinished(keys.workspace()) if wanted <= one.spec.items()), None)


def watch(job: Job | None, *, key: str, done: Callable[[Any], None] | None = None, beside_title: bool = False) -> None:
    """Label, bar, count, rate, time left and Stop while it works; the message and how to go on when it did not end
    well; nothing once it is done. beside_title: in the line of the page's title, where nothing else moves when work
    comes and goes; where it stands, else.

    done: called once with the job's result when it ends well while it is watched; then the whole page runs again.
    """
    if job is None:
        return
    state = job.status()["state"]
    seen = _seen(key, job)
    if state == "done":
        if keys.get(seen):
            keys.put(seen, None)
            if done is not None:
                done(job.result())
            st.rerun()
        return
    keys.put(seen, True)
    st.fragment(_panel, run_every=_EVERY if state in ("waiting", "running") else None)(job, key, beside_title)


def _seen(key: str, job: Job) -> str:
    return f"watched.{key}.{job.folder.name}"


def at_work(name: str) -> bool:
    """How far this work is, or why it was refused. True while it goes on."""
    if (trouble := error(name)) is not None:
        markdown.trouble(trouble)
    job = started(name)
    watch(job, key=name, beside_title=True)
    return job is not None and job.is_active


def _panel(job: Job, key: str, beside_title: bool) -> None:
    status = job.status()
    if status["state"] == "done":
        drawn.again()
    if status["state"] in _BAD:
        with st.container(border=True, key=f"job-{key}"):
            _ended_badly(job, status, key)
        return
    with st.container(
        border=True,
        key=f"{'title-work' if beside_title else 'job'}-{key}",
        horizontal=True,
        vertical_alignment="center",
        gap="small",
    ):
        st.progress(jobs.share(status), text=f"{_bold(job)} · {markdown.plain(jobs.numbers(status))}")
        _stop(job, f"stop-{key}", width="content")


def _stop(job: Job, key: str, **how: Any) -> None:
    asked = (job.folder / "stop").exists()
    st.button(
        "Stopping ..." if asked else "Stop",
        key=key,
        disabled=asked,
        icon=":material/stop:",
        help="What was finished is kept; it can go on later.",
        on_click=job.stop,
        **how,
    )


def _ended_badly(job: Job, status: dict[str, Any], key: str) -> None:
    said = {
        "failed": status.get("message") or "It failed.",
        "stopped": "Stopped; what was finished is kept.",
        "interrupted": "Interrupted: its process ended without a word. What was finished is kept.",
    }[status["state"]]
    st.markdown(f"{_bold(job)} · {markdown.plain(jobs.numbers(status))}" if status.get("total") else _bold(job))
    (markdown.trouble if status["state"] == "failed" else markdown.warning)(said)
    with st.container(horizontal=True):
        if st.button(jobs.again(job, status), key=f"resume-{key}", icon=":material/play_arrow:"):
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
    (job.folder / "dismissed").write_text(str(disk.stamp(job.folder / "status.json")))


def active_jobs(workspace: Workspace) -> None:
    """A strip of everything at work in the workspace, and of what was interrupted, whichever tab or terminal started
    it.
    """
    found = jobs.unfinished(workspace)
    every = _EVERY * 3 if any(job.is_active for job in found) else _QUIET
    st.fragment(_strip)(workspace, [str(job.folder) for job in found], every)


def _strip(workspace: Workspace, before: list[str], every: float) -> None:
    drawn.tick(every)
    found = jobs.unfinished(workspace)
    if [str(job.folder) for job in found] != before:
        drawn.again()
    found = [job for job in found if str(job.folder) not in (keys.get("jobs.listed") or ())]  # the page lists them
    if not found:
        return
    st.caption("At work" if any(job.is_active for job in found) else "Unfinished work")
    for at, job in enumerate(found):
        with st.container(key=f"strip-{at}", gap="xsmall"):
            _line(job)


def _line(job: Job) -> None:
    """One piece of work in the strip: how far it is and Stop, or how to go on."""
    status, name = job.status(), job.folder.name
    if status["state"] in ("waiting", "running"):
        st.progress(jobs.share(status), text=f"{_bold(job)}  \n{markdown.plain(jobs.short(status))}")
        _stop(job, f"strip-stop-{name}", type="tertiary")
        return
    how = f"{worker.WORDS[status['state']]} · {markdown.plain(jobs.numbers(status))}"
    st.markdown(f":small[{_bold(job)}]  \n:small[{how}]")
    with st.container(horizontal=True, gap="small"):
        if st.button(
            jobs.again(job, status), key=f"strip-resume-{name}", type="tertiary", icon=":material/play_arrow:"
        ):
            resume(job)
            st.rerun()
        if st.button("Dismiss", key=f"strip-dismiss-{name}", type="tertiary"):
            dismiss(job)
            st.rerun()


def _bold(job: Job) -> str:
    """What it does, which quotes names of people, as Markdown."""
    return f"**{markdown.plain(job.headline)}**"
