"""The consensus as columns of the pool: `label`, `labellers`, `agreement`, `label_seconds`.

They are kept as features under a hash of what they hold, so the pool's fingerprint and the keys of earlier runs stay as
they are: a filter by them enters the key of a run as any feature does, and a later import makes newer ones.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from datasel_core.base.role import AGREEMENT, LABEL, LABEL_SECONDS, LABELLERS
from datasel_core.features import roles
from datasel_core.features.external import said_of
from datasel_core.features.stored import StoredFeature, kept_features, load, renewed, save_rows
from datasel_core.features.stored_files import FROM_LABELS
from datasel_core.labels.consensus import Labels, of_pool
from datasel_core.labels.records import folder_of
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

NAMES = (LABEL.name, LABELLERS.name, AGREEMENT.name, LABEL_SECONDS.name)


def renew(workspace: Workspace, pool: Pool) -> list[StoredFeature]:
    """Keeps the columns as they are by now; nothing where no labels came back."""
    if not folder_of(workspace, pool.name).is_dir():
        return []
    with Lock(folder_of(workspace, pool.name)).hold():  # of two at once the later sees all
        names, values = _values(of_pool(workspace, pool))
        before = {one.role for one in kept_features(workspace, pool.fingerprint)}  # what nobody knows any more goes
        return [
            _keep(workspace, pool, role, array, {roles.NAMES: names} if role == LABEL.name else {})
            for role, array in values.items()
            if role in before or not np.isnan(array).all()
        ]


def _values(labels: Labels) -> tuple[list[str], Mapping[str, np.ndarray]]:
    """Names of consensus labels, and role -> (n,) float32, NaN where nothing is known; of labels their positions."""
    names = sorted({item.label for item in labels.items if item.label is not None})
    place = {name: at for at, name in enumerate(names)}
    found = {name: np.full(labels.pool.n, np.nan, dtype=np.float32) for name in NAMES}
    for item in labels.items:
        known = (
            None if item.label is None else place[item.label],
            len(item.own),
            item.agreement,
            item.seconds,
        )
        for name, value in zip(NAMES, known, strict=True):
            if value is not None:
                found[name][item.row] = value
    return names, found


def _keep(
    workspace: Workspace, pool: Pool, role: str, array: np.ndarray, facts: Mapping[str, list[str]]
) -> StoredFeature:
    key = key_of({"labels": 1, "role": role, "pool": pool.fingerprint, "values": _hash(array), **facts})
    folder, rows = workspace.feature(key), np.flatnonzero(~np.isnan(array))
    about = {"key": key, "id": FROM_LABELS, "version": 1, "params": {}, "role": role, "pool": said_of(pool)}
    with Lock(folder).hold():
        newest = next((one for one in reversed(kept_features(workspace, pool.fingerprint)) if one.role == role), None)
        if (before := load(folder)) is not None and before.is_intact():
            return (
                before if newest and newest.key == key else renewed(before, {})
            )  # what was brought last fills the role
        missing = [(row, "no label came back") for row in np.flatnonzero(np.isnan(array)).tolist()]
        return save_rows(folder, {**about, "facts": dict(facts)}, array[rows], rows, pool.n, missing, pool.ids)


def _hash(array: np.ndarray) -> str:
    return hashlib.sha256(array.astype("<f4").tobytes()).hexdigest()


def shadowed(pool: Pool) -> list[str]:
    """Columns that the pool has itself, and which are therefore meant where a filter names them."""
    taken = {column.lower() for column in pool.columns}
    return [name for name in NAMES if name in taken]
