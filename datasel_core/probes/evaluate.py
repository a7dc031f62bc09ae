"""A probe of a finished selection."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.base.role import GROUP
from datasel_core.base.trouble import in_words
from datasel_core.errors import BadRequest
from datasel_core.features.roles import Roles
from datasel_core.features.twins import Twins
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.probes.probe import Probe
from datasel_core.runs import manifest
from datasel_core.workspace.layout import Workspace

REST = "rest"
"""Said instead of a pool: the rest of the pool."""


def run_probe(
    workspace: Workspace,
    folder: Path,
    id: str,
    progress: Progress,
    params: Mapping[str, Any] | None = None,
    held_out: str | None = None,
) -> dict[str, Any]:
    """Trains on what was kept, now or earlier (`already`), measures on the pool's held-out set. params: of the probe,
    as words. held_out: another pool to measure on, or REST: what was not kept, which flatters whoever leaves the easy
    ones there. Raises BadRequest, Stopped.
    """
    probe: Probe = find("probe", id).of(params or {})
    for file in probe.files():
        workspace.allowed(file)
    said = manifest.intact(folder, "evaluated")
    pool = load_pool(workspace, said["pool"]["name"])
    if pool.fingerprint != said["pool"]["fingerprint"]:
        raise BadRequest(f"The pool {pool.name} is not what it was when the selection was made.")
    check_opens(probe, pool)
    roles = Roles.of(workspace, pool, needs=probe.needs)
    progress.check()
    kept = pool.rows([*manifest.kept_table(folder)["id"].to_pylist(), *manifest.earlier_ids(folder, said)])
    out = roles.missing_rows(probe.needs)
    train = np.setdiff1d(kept, out)
    if held_out not in (None, REST):
        return _elsewhere(workspace, probe, pool, roles, train, held_out, progress)
    rest = np.arange(pool.n) if held_out == REST else _set_aside(pool, said, kept)
    test = np.setdiff1d(rest, np.union1d(kept, out))
    if held_out is None and not len(test):
        raise BadRequest(
            f"No held-out sample of {pool.name} has {' and '.join(probe.needs) or 'a value'}, so there is nothing to "
            "test on; draw another set, or compute the feature of all samples."
        )
    given = given_to(probe, pool, roles)
    if held_out is None and GROUP.name in probe.needs:
        check_shared(pool, given[GROUP.name], rest)
    if "turns" in probe.opens:
        test = _unseen(pool, test, pool, train)
    elif probe.opens:  # a picture with several captions must not be learned with one and tested with another
        twins = Twins.of(pool.picture_keys())
        if twins is not None:
            test, given = test[~np.isin(twins.first[test], twins.first[train])], given | {"picture": twins.first}
    with of_models(probe):
        return {**probe.measure(given, train, test, progress), "held_out": held_out or holdout.HOLDOUT}


def _set_aside(pool: Pool, said: Mapping[str, Any], kept: np.ndarray) -> np.ndarray:
    """Rows of the held-out set, which the method never saw. Raises BadRequest."""
    found = holdout.held_out(pool)
    if found is None:
        raise BadRequest(
            f"The pool {pool.name} has no held-out set to test on. Draw one, and choose after that: "
            f"python -m datasel_core holdout {pool.name} --share 20%. Or name another pool with --held-out, or "
            f"--held-out {REST} to test on what was not kept, which flatters some methods."
        )
    rows = found.rows(pool)
    seen = (said.get("holdout") or {}).get(holdout.HOLDOUT, {}).get("ids_sha256") != found.about["ids_sha256"]
    if seen or np.isin(rows, kept).any():
        raise BadRequest(
            f"The held-out set of {pool.name} was among what this selection could choose; it proves nothing here: "
            "choose again, now that it is set aside."
        )
    return rows


def shared(groups: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Groups that held-out samples and others are of: a set that was drawn by whole groups has none, so that nobody can
    learn what it asks. groups: (n,) text, empty where there is none. held: rows.
    """
    return np.setdiff1d(np.intersect1d(groups[held], np.delete(groups, held)), [""])


def check_shared(pool: Pool, groups: np.ndarray, held: np.ndarray) -> None:
    """Raises BadRequest where a probe of groups could name no held-out sample rightly."""
    if len(held) and not len(shared(groups, held)):
        raise BadRequest(
            f"No held-out sample of {pool.name} is of a group that others are of, so no probe can name one rightly: "
            "the set was drawn by whole groups; draw one by another column to ask a probe."
        )


def of_models(probe: Probe) -> AbstractContextManager[None]:
    """Where what torch and its like raise becomes one line."""
    return in_words(
        f"The probe {probe.id} could not measure",
        "Take other parameters (--set name=value).",
        "Take smaller parameters (--set name=value), or close other programs.",
    )


def _elsewhere(
    workspace: Workspace, probe: Probe, pool: Pool, roles: Roles, train: np.ndarray, held_out: str, progress: Progress
) -> dict[str, Any]:
    if not probe.elsewhere:
        raise BadRequest(f"The probe {probe.id} tests on the pool's own held-out set; leave out --held-out {held_out}.")
    other = load_pool(workspace, held_out)
    check_opens(probe, other)
    there = Roles.of(workspace, other, needs=probe.needs)
    test = _unseen(other, np.setdiff1d(np.arange(other.n), there.missing_rows(probe.needs)), pool, train)
    if not len(test):
        raise BadRequest(f"Every sample of {held_out} is among the kept; hold out a pool that was not trained on.")
    with of_models(probe):
        found = probe.measure(
            given_to(probe, pool, roles), train, test, progress, elsewhere=given_to(probe, other, there)
        )
    return {**found, "held_out": held_out}


def check_opens(probe: Probe, pool: Pool) -> None:
    """Raises BadRequest where a probe looks at what the pool cannot open."""
    lacking = [what for what in probe.opens if what not in pool.opens]
    if lacking:
        raise BadRequest(
            f"The probe {probe.id} looks at {' and '.join(probe.opens)} of every sample; the pool {pool.name} has no "
            f"{lacking[0]} to open."
        )


def given_to(probe: Probe, pool: Pool, roles: Roles) -> dict[str, Any]:
    """What a probe measures by: arrays of the roles that it needs or takes, functions of a row for what it opens."""

    def image(row: int) -> Any:
        try:
            return pool.open(row, at_least=256)
        except BadRequest as error:
            raise BadRequest(f"The probe {probe.id} cannot look at {pool.ids[row]}: {error}.") from None

    opened = {"image": image, "text": pool.text, "turns": pool.turns}
    wanted = [role for role in probe.wants if role not in probe.needs and roles.has(role)]
    return (
        {role: roles.array(role) for role in (*probe.needs, *wanted)}
        | {what: opened[what] for what in probe.opens}
        | ({"facts": roles.facts(probe.knows)} if probe.knows else {})
        | {"n": pool.n}
    )


def _unseen(of: Pool, test: np.ndarray, pool: Pool, train: np.ndarray) -> np.ndarray:
    """Those of the test rows that say nothing word for word that a training sample says."""
    seen = np.unique(pool.table["content"].to_numpy(zero_copy_only=False)[train].astype(str))
    return test[~np.isin(of.table["content"].to_numpy(zero_copy_only=False)[test].astype(str), seen)]
