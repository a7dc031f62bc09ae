"""Unfinished work on the first page: what was stopped, interrupted or lost, whoever started it, and how to go on."""

import streamlit as st

from datasel_core import worker
from datasel_core.worker import Job
from pages._ui.kit import jobs, keys, markdown, watch

_MOST = 100


def draw() -> None:
    """A list of it; nothing where there is none."""
    found = [job for job in jobs.unfinished(keys.workspace(), _MOST) if not job.is_active]
    keys.put("jobs.listed", [str(job.folder) for job in found])
    if not found:
        return
    st.markdown(f"**{len(found):,} unfinished** :small[:gray[what was finished of it is kept]]")
    with st.container(border=True, key="unfinished", gap="xsmall"):
        for job in found:
            _line(job)


def _line(job: Job) -> None:
    status, name = job.status(), job.folder.name
    words, go, away = st.columns([7, 2, 1.4], gap="small", vertical_alignment="center")
    how = f"{worker.WORDS[status['state']]} · {markdown.plain(jobs.numbers(status))}"
    words.markdown(f"**{markdown.plain(job.headline)}** :small[:gray[{how}]]")
    icon = ":material/play_arrow:"
    if go.button(jobs.again(job, status), key=f"unfinished-go-{name}", icon=icon, width="stretch"):
        watch.resume(job)
        st.rerun()
    tip = "Takes it off this list; nothing that was computed is deleted."
    if away.button("Put away", key=f"unfinished-away-{name}", type="tertiary", help=tip):
        watch.dismiss(job)
        st.rerun()
