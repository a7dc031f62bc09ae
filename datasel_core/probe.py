"""A probe of a finished selection."""

from pathlib import Path
from typing import Any

import numpy as np

from datasel_core import manifest
from datasel_core.errors import BadRequest
from datasel_core.features._twins import Twins
from datasel_core.pools._pool import load_pool
from datasel_core.progress import Progress
from datasel_core.registry import find
from datasel_core.roles import Roles
from datasel_core.store import Workspace


def run_probe(workspace: Workspace, folder: Path, id: str, progress: Progress) -> dict[str, Any]:
    """Trains on what was kept, measures on the readable rest of the pool. Raises BadRequest."""
    probe = find("probe", id)()
    said = manifest.read(folder)
    pool = load_pool(workspace, said["pool"]["name"])
    if pool.fingerprint != said["pool"]["fingerprint"]:
        raise BadRequest(f"The pool {pool.name} is not what it was when the selection was made.")
    lacking = [what for what in probe.opens if what not in pool.opens]
    if lacking:
        raise BadRequest(f"The probe {id} looks at {' and '.join(probe.opens)} of every sample; the pool {pool.name} has no {lacking[0]} to open.")
    roles = Roles.of(workspace, pool, needs=probe.needs)
    progress.check()
    kept = pool.rows(manifest.kept_table(folder)["id"].to_pylist())
    out = roles.missing_rows(probe.needs)
    train = np.setdiff1d(kept, out)
    test = np.setdiff1d(np.arange(pool.n), np.union1d(kept, out))
    twins = Twins.of(pool.picture_keys()) if probe.opens else None
    if twins is not None:  # a picture with several captions must not be learned with one and tested with another
        test = test[~np.isin(twins.first[test], twins.first[train])]
    opened = {"image": lambda row: pool.open(row, at_least=256), "text": pool.text}
    if twins is not None:
        return probe.measure({what: opened[what] for what in probe.opens} | {"picture": twins.first}, train, test)
    return probe.measure({role: roles.array(role) for role in probe.needs} | {what: opened[what] for what in probe.opens}, train, test)
