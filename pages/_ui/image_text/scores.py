"""Scores of the open pool: which are asked for, whether they are there, and starting the work that computes them."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from datasel_core.runs.question import Question
from datasel_core.runs.scores import Scores, read_scores, scores_folder
from pages._ui.kit import disk, keys, watch
from pages._ui.question import answers

_BY_ITSELF = 20_000
"""Pairs for which any score takes seconds."""


@dataclass(frozen=True)
class Scored:
    """values: (n,) over the pool, NaN where a sample has none. order: (m,) rows that may be chosen, best first.
    falling: (m,) their scores.

    place: (n,) int, from 1: the rank of each row; 0 where it has none.
    """

    key: str
    values: np.ndarray
    order: np.ndarray
    falling: np.ndarray
    place: np.ndarray

    def above(self, cut: float) -> int:
        """How many score at least this."""
        return int(np.searchsorted(-self.falling, -cut, side="right"))

    def cut(self, n: int) -> float:
        """The score of the n-th best: with it as the cut, so many are kept (more only where several score the same)."""
        return float(self.falling[max(0, min(n, len(self.falling)) - 1)])


def scored(choice: Question) -> Scored | None:
    """The scores, when they are there. With `within`, only what that run kept may be chosen; scores stay those against
    the whole pool.
    """
    folder = scores_folder(choice)
    stamp = disk.stamp(folder / "meta.json")
    if not stamp:
        return None
    inside = disk.find_run(choice.pool, choice.spec.within)
    return _scored(str(folder), stamp, inside and inside.key, folder, None if inside is None else disk.rows(inside))


def start(choice: Question) -> None:
    """Starts scoring the whole pool."""
    spec = choice.spec.model_dump(include={"pool", "method", "params", "seed", "use", "target"})
    watch.start(name(choice), "score", **spec)


def by_itself(choice: Question) -> bool:
    """Starts scoring without a click, once for each question, where it takes seconds; whether it did."""
    if choice.pool.n > _BY_ITSELF or keys.get("pairs.asked") == (asked := str(choice.open())):
        return False
    keys.put("pairs.asked", asked)
    start(choice)
    return True


def name(choice: Question) -> str:
    """Under which this work is watched."""
    return f"score.{choice.pool.name}.{choice.method.id}"


def keep(choice: Question, budget: int) -> None:
    """Makes the selection at this budget, with a manifest."""
    answers.keep(choice, budget)
    keys.put("pairs.started", True)


@st.cache_resource(max_entries=12, show_spinner=False)
def _scored(folder: str, stamp: int, within: str | None, _folder: object, _rows: np.ndarray | None) -> Scored | None:
    found: Scores | None = read_scores(_folder)
    if found is None:
        return None
    values = np.asarray(found.values)
    rows = np.arange(len(values)) if _rows is None else np.sort(_rows)
    rows = rows[~np.isnan(values[rows])]
    order = rows[np.argsort(-values[rows], kind="stable")]  # as `selection.top`: equal scores keep pool order
    place = np.zeros(len(values), np.int64)
    place[order] = np.arange(1, len(order) + 1)
    return Scored(f"{found.folder.name}-{within or ''}", found.values, order, values[order], place)
