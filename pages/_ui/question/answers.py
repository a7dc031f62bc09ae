"""A question on the select page: what is asked, which run answers it already, and starting or keeping one that does."""

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog.label import Label, default_name, read_label
from datasel_core.runs.manifest import Counts, counts, kept_table
from datasel_core.runs.question import Question
from datasel_core.runs.run import Run, answers, is_preview
from datasel_core.runs.spec import parse_spec
from datasel_core.worker import Job
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.question import label

AT_LEAST, AT_MOST = 500, 10_000
"""A run for the screen is made for half the pool, from 500 up to 10,000 picks, so that smaller budgets can be shown at
once.
"""


def ask(pool: Pool, method: Method, use: Mapping[str, str], **asked: Any) -> Question:
    """The question, resolved once for as long as nothing that it names changes. asked: the other fields of a spec.

    Its budget is of no account; `Question.at` says one. Raises BadRequest in one line.
    """
    spec = parse_spec(
        pool=pool.name, method=method.id, params=method.model_dump(mode="json"), budget="1", use=dict(use), **asked
    )
    return disk.question(pool, spec)


def free(asked: Question) -> int:
    """How many can be chosen."""
    return len(asked.candidates.free)


def longer(asked: Question, budget: int) -> int:
    """How many to choose so that smaller budgets can be shown without waiting."""
    if not asked.method.prefix:
        return budget
    return min(free(asked), max(budget, min(AT_MOST, max(AT_LEAST, free(asked) // 2))))


def by(asked: Question, method: str) -> Question:
    """The same question to another method with its default parameters."""
    spec = asked.spec
    same = {"seed": spec.seed, "within": spec.within, "already": spec.already, "where": spec.where}
    return ask(asked.pool, registry.find("method", method)(), {}, **same)


@dataclass(frozen=True)
class Answer:
    """The beginning of a run: the first `shown` of its picks. longer: rows of the whole run. exact: it was made for
    exactly the budget asked. earlier: rows that count as chosen before it.
    """

    run: Run
    rows: np.ndarray
    longer: np.ndarray
    exact: bool
    whys: list[dict[str, Any]]
    earlier: np.ndarray

    @property
    def counts(self) -> Counts:
        """How many of how many are shown: as the manifest says it, but for those of a longer run that are not."""
        return dataclasses.replace(counts(self.run.manifest), new=len(self.rows))


def answer(asked: Question, budget: int) -> Answer | None:
    """The longest run that answers the question for this budget, or as far as it is known; for methods whose smaller
    answers differ, only the same budget.
    """
    best = None
    for n, folder in answers(asked.workspace, asked.open()):
        if (asked.method.prefix or n == budget) and (best is None or n > best[0]):
            run = disk.run(folder)
            best = best if run is None else (n, run)
    if best is None:
        return None
    rows = disk.rows(best[1])
    whys = _whys(str(best[1].folder), best[1].manifest["sha256"])
    return Answer(best[1], rows[:budget], rows, best[0] == budget, whys, asked.earlier)


def exact(asked: Question, budget: int) -> Run | None:
    """The run that was kept for exactly this question and budget."""
    found = answers(asked.workspace, asked.open())
    return next((disk.run(folder) for n, folder in found if n == budget and not is_preview(folder)), None)


def start(
    asked: Question, budget: int, name: str, keep: bool, said: Mapping[str, str] = types.MappingProxyType({})
) -> Job | None:
    """Starts a run. keep: it is a selection of the person's; otherwise it is only looked at, and no list names it until
    it is kept. said: its `name` and `note`.
    """
    spec = asked.spec.model_copy(update={"budget": str(budget)})
    return watch.start(name, "select", **spec.model_dump(), preview=not keep, **said)


def keep(choice: Question, budget: int) -> None:
    """Asks, when the page is drawn the next time, what the selection is to be called; then the run is made at exactly
    this budget, and `kept()` opens it when it is there.
    """
    keys.put("select.naming", (choice, budget))


def _not_keep() -> None:
    keys.put("select.naming", None)


def _keep_as(choice: Question, budget: int) -> None:
    usual, before = default_name(choice.method.what(), budget), exact(choice, budget)
    said = Label() if before is None else read_label(before.folder)
    one = look.samples(choice.pool, budget)
    st.markdown(f"{one} of {choice.pool.n:,}, by {choice.method.title}.")
    entered = label.fields("keep-as", said.name or usual, said.note, usual, f"Keep {one}")
    if entered is None:
        return
    job = start(choice, budget, "keep", keep=True, said={"name": entered[0], "note": entered[1]})
    if job is None:
        markdown.trouble(watch.error("keep"))
        keys.put("error.keep", None)  # it is said here, and need not be said on the page
        return
    keys.put("select.keeping", str(job.folder))
    _not_keep()
    st.rerun()


def kept(pool: Pool) -> Run | None:
    """The run that was being kept, once, when it is there; it becomes the active one."""
    folder = keys.get("select.keeping")
    run = disk.find_run(pool, Path(folder).name) if folder else None
    if run is not None:
        keys.put("select.keeping", None)
        keys.put("run", run.key)
    return run


def tell_kept(pool: Pool) -> None:
    """Asks what the selection is to be called that is to be kept, and says once that it is there."""
    run = kept(pool)
    if run is not None:
        keys.put("select.told", run.key)
        st.rerun()  # the strip above shows it; what was said before a rerun may never be seen
    if run := disk.find_run(pool, keys.get("select.told")):
        keys.put("select.told", None)
        st.toast(f"Kept as {markdown.plain(run.name)}: {look.kept_of(run)}.", icon=":material/check:")
    asked = keys.get("select.naming")
    if asked is not None and asked[0].pool.name == pool.name:
        st.dialog("Keep this selection", on_dismiss=_not_keep)(_keep_as)(*asked)


@st.cache_resource(max_entries=16, show_spinner=False)
def _whys(folder: str, sha256: str) -> list[dict[str, Any]]:
    return [json.loads(text) if text else {} for text in kept_table(Path(folder))["why"].to_pylist()]
