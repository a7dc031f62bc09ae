"""How many mismatched pairs the cut of a score would keep: captions are dealt to wrong images and scored as the pool
is.

Half of the pictures that are measured get captions of the other half, which is out of the pool meanwhile: where a score
compares a pair with the rest, neither its right caption nor the caption's own picture is there to give it away.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from datasel_core.analysis.agreement import LEAST_AUC, auc, short
from datasel_core.base.progress import Progress
from datasel_core.base.role import PICTURE, TEXT
from datasel_core.errors import BadInput
from datasel_core.evidence.promises.kind import Kind, Said
from datasel_core.methods.selection import Inputs
from datasel_core.pools.holdout import HOLDOUT
from datasel_core.runs.question import Question
from datasel_core.runs.scores import kept_scores, scores_folder
from datasel_core.workspace.arrays import read_arrays, write_arrays
from datasel_core.workspace.hashing import ids_sha256, key_of

_MOST = 500
"""Pairs that are measured."""
_LEAST = 20
"""Held-out pairs from which they are measured alone."""
_AMONG = 32_768
"""Pairs that they are scored among, where a score does not ask for more."""
_HELD_OUT, _CANDIDATES = "held out", "candidates"


def _measure(asked: Question, rows: np.ndarray, progress: Progress) -> Said | None:
    measured, on = _pairs(asked)
    scores = _scores(asked, measured, on, progress)
    if scores is None:
        return None
    cut = float(kept_scores(asked, progress).values[rows].min())
    right, wrong = scores["right"], scores["wrong"]
    return {
        "measure": "mismatches",
        "value": round(float((wrong >= cut).mean()), 6),
        "right": round(float((right >= cut).mean()), 6),
        "random": round(len(rows) / len(asked.candidates.free), 6),
        "auc": round(auc(right, wrong), 4),
        "on": on,
        "measured_on": len(wrong),
    }


def _words(said: Said) -> str:
    held = "held-out " if said["on"] == _HELD_OUT else ""
    first = (
        f"Of {said['measured_on']:,} {held}captions dealt to wrong images this cut would keep "
        f"{_percent(said['value'])}, of the right ones {_percent(said['right'])}; random keeps "
        f"{_percent(said['random'])} of either."
    )
    if said["auc"] >= LEAST_AUC:
        return first
    if said["auc"] <= 1 - LEAST_AUC:
        return f"{first} It takes the wrong ones first."
    return f"{first} This score cannot tell them apart: AUC {short(said['auc'])}, where .50 would be chance."


def _percent(share: float) -> str:
    """`30 %`, `3.2 %`, `0 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def _pairs(asked: Question) -> tuple[np.ndarray, str]:
    """Rows of the pairs that are measured, the same ones every time: held-out ones where there are enough, else
    candidates, and of them no more than half of what they are scored among.
    """
    rng, held = np.random.default_rng(0), asked.aside and asked.aside.sets.get(HOLDOUT)
    if held:
        rows = np.setdiff1d(held.rows(asked.pool), asked.roles.missing_rows(asked.method.roles()))
        if asked.filter is not None:
            rows = rows[asked.filter.rows(asked.pool, Progress())[rows]]
        if len(rows) >= _LEAST:
            return np.sort(rng.permutation(rows)[:_MOST]), _HELD_OUT
    most = min(_MOST, len(_scored(asked)) // 2)
    return np.sort(rng.permutation(asked.candidates.free)[:most]), _CANDIDATES


def _scored(asked: Question) -> np.ndarray:
    """Rows that a score of the pool compares."""
    missing = asked.roles.missing_rows(asked.method.roles())
    return np.setdiff1d(np.arange(asked.pool.n), np.union1d(missing, asked.unseen))


def _scores(asked: Question, measured: np.ndarray, on: str, progress: Progress) -> Mapping[str, np.ndarray] | None:
    """right, wrong: (m,) scores of the pairs that have one, as they are and dealt anew; no budget changes them, so they
    are kept. None where no caption has another picture to go to.
    """
    path = _place(asked, measured, on)
    try:
        return read_arrays(path)
    except (BadInput, FileNotFoundError):
        pass
    rng = np.random.default_rng(0)
    _, code = np.unique(asked.roles.array(PICTURE.name, measured), return_inverse=True)
    pictures = code.max(initial=-1) + 1
    if pictures < 2:
        return None
    first = (rng.permutation(pictures) < pictures // 2)[code]
    wrong = np.full(len(measured), np.nan)
    for half in (first, ~first):
        captions = np.resize(rng.permutation(measured[~half]), half.sum())
        wrong[half] = _score(asked, measured[half], captions, _others(asked, measured, half.sum()), progress)
    if on == _CANDIDATES:
        right = kept_scores(asked, progress).values[measured]
    else:
        right = _score(asked, measured, measured, _others(asked, measured, len(measured)), progress)
    there = np.isfinite(right) & np.isfinite(wrong)  # a zero vector is never kept, whatever is said of it
    if not there.any():
        return None
    write_arrays(path, {"right": right[there], "wrong": wrong[there]})
    return {"right": right[there], "wrong": wrong[there]}


def _others(asked: Question, measured: np.ndarray, n: int) -> np.ndarray:
    """The pairs beside which n planted ones are scored: as many as the pool has with them, or a batch."""
    rows = _scored(asked)
    most = min(len(rows), max(_AMONG, getattr(asked.method, "batch_size", 0))) - n
    return np.sort(np.random.default_rng(0).permutation(np.setdiff1d(rows, measured))[: max(most, 0)])


def _score(
    asked: Question, images: np.ndarray, captions: np.ndarray, others: np.ndarray, progress: Progress
) -> np.ndarray:
    """(k,) of pairs of these images and captions, scored among others that are as they were. All are rows."""
    shown, told = np.concatenate([others, images]), np.concatenate([others, captions])
    roles = asked.method.roles()
    arrays = {role: asked.roles.array(role, told if role == TEXT.name else shown) for role in roles}
    inputs = Inputs(arrays, np.random.default_rng(asked.spec.seed), progress=progress)
    return np.asarray(asked.method.score(inputs), np.float64)[len(others) :]


def _place(asked: Question, measured: np.ndarray, on: str) -> Path:
    ids = ids_sha256(asked.pool.ids[measured].tolist())
    return scores_folder(asked) / f"mismatches-{key_of({'mismatches': 1, 'ids': ids, 'on': on})[:16]}.npz"


KINDS = {"mismatches": Kind(_measure, _words)}
