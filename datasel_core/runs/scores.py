"""Scores of a whole pool, computed once and kept: a cut at any budget then takes no time at all."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Inputs
from datasel_core.runs.question import Question
from datasel_core.workspace.arrays import load_array, save_array
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, key_of
from datasel_core.workspace.locks import Lock


def scores_what(asked: Question) -> dict[str, Any]:
    """What the scores of a question depend on: never on the budget, nor on which rows may be chosen. A pair is scored
    against the whole pool.
    """
    return {
        "scores": 1,
        "pool": asked.pool.fingerprint,
        "method": asked.method.what(),
        "features": asked.roles.keys(asked.method.roles()),
        "target": asked.target and asked.target.what(),
        "seed": asked.spec.seed,
        **({"holdout": asked.aside.what()} if asked.aside else {}),
    }


def check_scorer(asked: Question) -> None:
    """Raises BadRequest when its method gives no scores."""
    if not isinstance(asked.method, Scorer):
        raise BadRequest(f"{asked.method.id} chooses a set and gives no scores.")


def scores_folder(asked: Question) -> Path:
    """Where they are kept."""
    return asked.workspace.scores(key_of(scores_what(asked)))


@dataclass(frozen=True)
class Scores:
    """values: (n,) float64 over the pool, higher is kept, NaN where a sample has no score; read-only, memory-mapped."""

    folder: Path
    meta: Mapping[str, Any]
    values: np.ndarray


def read_scores(folder: Path) -> Scores | None:
    """What was kept in this folder, or None while it is not finished or no longer whole."""
    try:
        meta = read_json(folder / "meta.json")
        if meta is None or hash_file(folder / "scores.npy") != meta["sha256"]:
            return None
        return Scores(folder, meta, load_array(folder / "scores.npy"))
    except (BadInput, OSError, KeyError, TypeError):
        return None


def kept_scores(asked: Question, progress: Progress) -> Scores:
    """The scores, from the workspace when they were computed before. Raises BadInput, Stopped."""
    folder = scores_folder(asked)
    with Lock(folder).hold(progress.check):
        if (found := read_scores(folder)) is not None:
            return found
        started = time.time()
        save_array(folder / "scores.npy", compute(asked, progress))
        meta = {
            **scores_what(asked),
            "key": folder.name,
            "pool": {"name": asked.pool.name, "fingerprint": asked.pool.fingerprint, "n": asked.pool.n},
            "target": asked.target and asked.target.about(),
            "about": asked.roles.about(asked.method.roles()),
            "seconds": round(time.time() - started, 1),
            "sha256": hash_file(folder / "scores.npy"),
        }
        write_json(folder / "meta.json", meta)
        return Scores(folder, meta, load_array(folder / "scores.npy"))


def compute(asked: Question, progress: Progress, rng: np.random.Generator | None = None) -> np.ndarray:
    """(n,) float64: every sample that has values in the roles is scored, whether it may be chosen or not; only what is
    set aside is not even looked at. rng: made of the question's seed, for whoever wants to see whether it is used.
    """
    needs = asked.method.roles()
    rows = np.setdiff1d(np.arange(asked.pool.n), np.union1d(asked.roles.missing_rows(needs), asked.unseen))
    inputs = Inputs(
        {role: asked.roles.array(role, rows) for role in needs},
        np.random.default_rng(asked.spec.seed) if rng is None else rng,
        target=asked.target.arrays() if asked.target else {},
        progress=progress,
        facts=asked.roles.facts(needs),
    )
    check_scorer(asked)
    asked.method.check(inputs)
    values = np.full(asked.pool.n, np.nan)
    values[rows] = np.asarray(asked.method.score(inputs), dtype=np.float64)
    return values
