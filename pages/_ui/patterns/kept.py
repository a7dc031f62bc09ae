"""A region of the map kept as a selection: asked for, and what comes after."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog import lists
from datasel_core.runs.catalog.label import Label, read_label
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import ids_sha256
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.kit.onward import onward
from pages._ui.question import label

_JOB, _NAMING = "keep-region", "region.naming"
_REVIEW = "pages/review.py"
_HAS_REVIEW = (Path(__file__).parents[3] / _REVIEW).is_file()


def button(pool: Pool, rows: np.ndarray) -> None:
    """Keep; nothing where it is kept."""
    if _kept(pool, rows) is None:
        st.button(
            "Keep as a selection",
            key="region-keep",
            icon=":material/check:",
            help="Makes all of these a selection, which can be exported and compared like any other.",
            on_click=keys.put,
            args=(_NAMING, True),
        )


def at_work(pool: Pool, rows: np.ndarray, words: str) -> None:
    """The dialog that asks for a name, how far the work is, and where to go with what is kept. words: what the list of
    these samples is called.
    """
    if (run := _kept(pool, rows)) is not None:
        _onward(run)
    if keys.get(_NAMING):
        st.dialog("Keep this selection", on_dismiss=_not_now)(_keep_as)(pool, rows, words)
    if said := watch.error(_JOB):
        markdown.trouble(said)
    watch.watch(watch.started(_JOB), key=_JOB, done=_done)


def _onward(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="region-kept"):
        st.caption(f"Kept as {markdown.plain(run.name)}.", width="content")
        onward("Export these", "pages/export.py", key="region", run=run.key)
        if _HAS_REVIEW:
            onward("Review these", _REVIEW, key="region-review", leads=False, run=run.key)


def _keep_as(pool: Pool, rows: np.ndarray, words: str) -> None:
    before, usual = _kept(pool, rows), f"{words}, {len(rows)}"
    said = Label() if before is None else read_label(before.folder)
    these = look.samples(pool, len(rows))
    st.markdown(f"{look.samples(pool, len(rows))} of {pool.n:,}, as you marked them.")
    entered = label.fields("keep-region-as", said.name or usual, said.note, usual, f"Keep {these}")
    if entered is None:
        return
    listed = lists.keep(disk.home(pool), pool, rows, f"{these} of a region").value
    name, note = entered
    job = watch.start(_JOB, "keep", pool=pool.name, list=listed, holds=words, name=name, note=note)
    if job is None:
        markdown.trouble(watch.error(_JOB))
        keys.put(f"error.{_JOB}", None)  # it is said here, and need not be said on the page
        return
    _not_now()
    st.rerun()


def _not_now() -> None:
    keys.put(_NAMING, None)


def _done(result: dict[str, Any]) -> None:
    keys.put("run", result["run"])


def _kept(pool: Pool, rows: np.ndarray) -> Run | None:
    """The active selection, where it is exactly these."""
    run = disk.find_run(pool, keys.get("run"))
    params = {} if run is None else run.manifest["method"]["params"]
    if params.get("ids_sha256") != ids_sha256([str(pool.ids[row]) for row in np.sort(rows)]):
        return None
    return run
