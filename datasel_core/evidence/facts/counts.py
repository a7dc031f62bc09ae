"""What a selection does to the facts of a pool: how often each is stated before and after, what each relation loses,
and which facts are dropped whole.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.entropy import Profile
from datasel_core.analysis.facts.sensitivity import with_frequency
from datasel_core.analysis.facts.table import Facts, frequency, rank_frequency
from datasel_core.base.role import find_role
from datasel_core.evidence.facts import answers
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.loss_pruning import LossPruning
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.run import Run
from datasel_core.workspace.arrays import read_arrays, write_arrays
from datasel_core.workspace.layout import Workspace

_DROPPED = "dropped.npz"
_LEVELS = ("relation", "count", "many")
_DECIDED = "digit by digit"
"""How bits of facts are decided; in the key, so that what was counted otherwise is counted anew."""


def asked(pool: Pool, columns: Mapping[str, str | None], run: Run | None, loss: StoredFeature | None) -> dict[str, Any]:
    """All that decides the counts. columns: answer, relation and fact; run: whose kept samples; loss: of samples."""
    what = {"pool": pool.fingerprint, "table": pool.table_sha256, **columns, "bits": _DECIDED}
    what["run"] = None if run is None else run.manifest["sha256"]
    return what | {"loss": None if loss is None else loss.meta["fingerprint"]}


def place(workspace: Workspace, what: Mapping[str, Any]) -> Path:
    return answers.place(workspace, "counts", what)


def loss_of(roles: Roles) -> StoredFeature | None:
    """The losses that pruning by the loss would go by; None where there are none yet."""
    wanted = [role for need in LossPruning.needs for role in (need, *find_role(need).also)]
    return next((roles.features[role] for role in wanted if role in roles.features), None)


def kept_rows(pool: Pool, run: Run) -> np.ndarray:
    """Rows of the pool that a training on this selection sees: what was kept, and what counted as chosen before."""
    ids = [*manifest.kept_table(run.folder)["id"].to_pylist(), *manifest.earlier_ids(run.folder, run.manifest)]
    return np.unique(pool.rows(ids))


def count(
    facts: Facts, rows: np.ndarray, kept: np.ndarray | None, loss: np.ndarray | None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A document, and of the facts of which nothing is kept, the most frequent first: row (where each is stated first),
    exposures, relation (code), loss (mean over its samples, NaN where unknown), by_loss (their order, lowest first,
    unknown last).

    rows: (m,) of the samples that state the facts. kept: rows; None where nothing was chosen. loss: (n,) of every row
    of the pool, NaN where unknown.
    """
    given = facts.profile()
    said: dict[str, Any] = {
        "facts": len(facts),
        **meter.taken(facts),
        "profile": {name: getattr(given, name).tolist() for name in (*_LEVELS, "digits")} | {"n": given.n},
        "names": list(facts.relations),
        "with_frequency": None if loss is None else frequency_rank(loss[rows], facts.of),
        "after": None,
        "lost": [],
        "dropped": 0,
        "dropped_with_loss": 0,
    }
    if kept is None:
        return said, {}
    stated = np.bincount(facts.of[np.isin(rows, kept)], minlength=len(facts))
    there = stated[stated > 0]
    after = dataclasses.replace(facts, exposures=there) if len(there) else None
    rank, often = rank_frequency(there) if len(there) else (np.empty(0, int), np.empty(0, int))
    said["after"] = {
        "frequency": None if after is None else frequency(after),
        "rank_frequency": {"rank": rank.tolist(), "exposures": often.tolist()},
    }
    said["lost"] = _lost(facts, stated)
    gone = np.flatnonzero(stated == 0)
    gone = gone[np.argsort(-facts.exposures[gone], kind="stable")]
    of_fact = np.full(len(facts), np.nan) if loss is None else _mean_loss(loss[rows], facts)
    said |= {"dropped": len(gone), "dropped_with_loss": int(np.isfinite(of_fact[gone]).sum())}
    return said, {
        "row": rows[facts.first[gone]],
        "exposures": facts.exposures[gone],
        "relation": facts.relation[gone],
        "loss": of_fact[gone].astype(np.float32),
        "by_loss": np.argsort(of_fact[gone], kind="stable"),
    }


def profile_of(said: Mapping[str, Any]) -> Profile:
    """As the document keeps it."""
    levels = (np.array(said["profile"][name], dtype=np.int64) for name in _LEVELS)
    return Profile(*levels, said["profile"]["n"], np.array(said["profile"]["digits"], dtype=np.float64))


def keep(folder: Path, said: Mapping[str, Any], dropped: dict[str, np.ndarray]) -> dict[str, Any]:
    if dropped:
        write_arrays(folder / _DROPPED, dropped)
    return answers.keep(folder, said)


def dropped(folder: Path) -> dict[str, np.ndarray]:
    """As `count` gives them. Raises BadInput, FileNotFoundError."""
    return read_arrays(folder / _DROPPED)


def _lost(facts: Facts, stated: np.ndarray) -> list[dict[str, Any]]:
    """A line per relation, the one that loses the largest share of its facts first."""
    n = len(facts.relations)
    whole = np.bincount(facts.relation, minlength=n)
    kept = np.bincount(facts.relation[stated > 0], minlength=n)
    samples = np.bincount(facts.relation, weights=facts.exposures, minlength=n)
    left = np.bincount(facts.relation, weights=stated, minlength=n)
    order = np.lexsort((-whole, kept / np.maximum(whole, 1)))
    return [
        {
            "relation": facts.relations[at],
            "facts": int(whole[at]),
            "kept": int(kept[at]),
            "samples": int(samples[at]),
            "kept_samples": int(left[at]),
        }
        for at in order.tolist()
    ]


def _mean_loss(loss: np.ndarray, facts: Facts) -> np.ndarray:
    known = np.isfinite(loss)
    many = np.bincount(facts.of[known], minlength=len(facts))
    total = np.bincount(facts.of[known], weights=loss[known], minlength=len(facts))
    return np.divide(total, many, out=np.full(len(facts), np.nan), where=many > 0)


def frequency_rank(loss: np.ndarray, fact: np.ndarray) -> float | None:
    """Spearman of how often a fact is stated and the loss of its samples; None where all are stated as often, so that
    nothing could be told.
    """
    known = np.isfinite(loss)
    many = np.bincount(fact[known])
    return with_frequency(loss[known], fact[known]) if len(np.unique(many[many > 0])) > 1 else None
