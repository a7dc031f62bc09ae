"""What a small model knows by heart before and after: trained on everything, and on the kept alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import RELATION
from datasel_core.evidence.facts import answers
from datasel_core.evidence.facts.counts import kept_rows
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.probes.evaluate import given_to, of_models
from datasel_core.probes.numbers.facts import DROPPED
from datasel_core.probes.numbers.seeds import of_seeds
from datasel_core.probes.probe import Probe
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

PROBE = "facts"
BEFORE, AFTER = "everything", "kept"
_OF_EACH = ("by_relation", "examples", "dropped_by_seed")


def place(workspace: Workspace, roles: Roles, run: Run, probe: Probe) -> Path:
    pool, aside = roles.pool, holdout.of(roles.pool)
    what = {
        "pool": pool.fingerprint,
        "table": pool.table_sha256,
        "run": run.manifest["result"]["ids_sha256"],
        "already": (run.manifest["already"] or {}).get("ids_sha256"),
        "aside": None if aside is None else aside.what(),
        "probe": probe.what(),
        "features": roles.keys([one for one in (*probe.needs, *probe.wants) if roles.has(one)]),
    }
    return answers.place(workspace, "memory", {**what, "dropped": "asked of both"})


def measured(folder: Path, roles: Roles, run: Run, probe: Probe, progress: Progress) -> dict[str, Any]:
    """Both trainings with the same steps or epochs and the same seeds; both are also asked the same questions about
    what was dropped, of which `moved` says how the shares of the two differ, seed by seed. What is set aside is in
    neither. Raises BadRequest, Stopped.
    """
    with Lock(folder).hold(progress.check):
        if (found := answers.read(folder)) is not None:
            return found
        pool, aside = roles.pool, holdout.of(roles.pool)
        out = np.empty(0, np.int64) if aside is None else aside.rows(pool)
        every, kept = np.setdiff1d(np.arange(pool.n), out), kept_rows(pool, run)
        given = given_to(probe, pool, roles)
        with of_models(probe):
            before = probe.measure(given, every, every[:0], progress, beside=kept)
            after = probe.measure(given, kept, np.setdiff1d(every, kept), progress)
        names = _names(roles)
        said = {
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "run": run.key,
            "probe": probe.what()["params"],
            "arms": {BEFORE: _numbers(before), AFTER: _numbers(after)},
            "relations": _relations(before, after, names),
            "moved": _moved(before["dropped_by_seed"], after["dropped_by_seed"]),
            "examples": [
                {**one, "before": other["said"]}
                for one, other in zip(after["examples"], before["examples"], strict=True)
            ],
        }
        return answers.keep(folder, said)


def points(moved: Mapping[str, float], name: str) -> str:
    """What pruning added to a share, in points of a hundred: `-40.0 (-42.1 to -37.9)`."""
    ends = [f"{100 * moved[end]:+.1f}" for end in (f"{name}_low", f"{name}_high") if end in moved]
    return f"{100 * moved[name]:+.1f}" + (f" ({' to '.join(ends)})" if ends else "")


def _numbers(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in _OF_EACH}


def _moved(before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> dict[str, float]:
    """Of each share of what is said of dropped facts, what pruning added to it: the mean over the seeds, of which each
    begins with the same weights in both, and its interval. Nothing where nothing was dropped.
    """
    found: dict[str, float] = {}
    for name in DROPPED:
        if None not in after[name]:
            found |= of_seeds(name, (np.array(after[name]) - np.array(before[name]))[:, None])
    return found


def _relations(before: Mapping[str, Any], after: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """A line per relation of which something was asked, the one that loses most right answers first: facts answered
    rightly before and after; those that were asked about stand for all that were trained on.
    """
    one, other = before.get("by_relation", {}), after.get("by_relation", {})
    lines = []
    for at, said in one.items():
        then = other.get(at, {"facts": 0, "exact_match": 0.0})
        if None in (said["exact_match"], then["exact_match"]):
            continue
        right = {name: part["facts"] * part["exact_match"] for name, part in (("before", said), ("after", then))}
        lines.append({"relation": names[int(at)], "facts": said["facts"], "kept": then["facts"], **right})
    return sorted(lines, key=lambda line: line["after"] - line["before"])


def _names(roles: Roles) -> list[str]:
    """Names of relations in the order in which they come first, as a probe numbers them."""
    if RELATION.name not in roles.columns:
        return []
    values = roles.pool.column(roles.columns[RELATION.name])
    return [str(one) for one in dict.fromkeys(value for value in values.tolist() if value is not None)]
