"""A pool of some samples of another: ids and media as there, and what was computed for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.features.external import said_of
from datasel_core.features.stored import UNMEASURED, StoredFeature, kept_features, load, save_rows
from datasel_core.features.stored_files import FROM_LABELS
from datasel_core.pools import labels
from datasel_core.pools.persistence import save_pool
from datasel_core.pools.pool import Pool
from datasel_core.pools.scan import Scan
from datasel_core.runs.target import PART_OF
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock


def part_of(
    workspace: Workspace,
    pool: Pool,
    name: str,
    rows: np.ndarray,
    said: Mapping[str, Any],
    beside: Mapping[str, pa.Array] | None = None,
) -> Pool:
    """A pool of these rows, in pool order, with the vectors that the pool has. said: what pool.json remembers of where
    it is from. beside: further columns, one value for each row.
    """
    rows = np.unique(rows)
    table = pool.take(rows, pool.names)
    for column, values in (beside or {}).items():
        if column.lower() not in {name.lower() for name in table.column_names}:
            table = table.append_column(column, values)
    own = [pool.labels(row) for row in rows.tolist()] if pool.boxes is not None else None
    stamps = [pool.stamp(row) for row in rows.tolist()]
    scan = Scan(
        table,
        pool.root,
        notes=[f"{len(rows):,} of the {pool.n:,} samples of {pool.name}."],
        stamps=np.array(stamps, dtype=np.int64) if all(stamps) else None,
        boxes=None if own is None else labels.boxes(own),
        layout=pool.layout,
        part_of={"pool": pool.name, "fingerprint": pool.fingerprint, **said},
    )
    checked_name("pool", name)
    with Lock(workspace.pool(name)).hold():
        made = save_pool(workspace, name, pool.how, Path(pool.about["source"]), scan)
    for kept in kept_features(workspace, pool.fingerprint):
        if kept.meta["shape"] == "rows" and kept.id != FROM_LABELS and kept.is_intact():
            _carry(workspace, kept, made, rows)
    return made


def _carry(workspace: Workspace, kept: StoredFeature, made: Pool, rows: np.ndarray) -> None:
    """The values of these rows, as a feature of the part; they came from the same encoder."""
    key = key_of({"part": kept.key, "values": kept.meta["fingerprint"], "pool": made.fingerprint})
    folder, values = workspace.feature(key), np.asarray(kept.values()[rows])
    reasons = {entry["row"]: entry["reason"] for entry in kept.unreadable}
    has = np.flatnonzero(~np.isin(rows, kept.lacking))
    missing = [(at, reasons[row]) for at, row in enumerate(rows.tolist()) if row in reasons]
    about = {name: kept.meta[name] for name in ("id", "version", "params", "role")}
    if UNMEASURED in kept.meta:
        about[UNMEASURED] = {**kept.meta[UNMEASURED], "n": int(np.isin(rows, kept.unmeasured).sum())}
    about["facts"] = {**kept.meta.get("facts", {}), PART_OF: kept.key}
    with Lock(folder).hold():
        if load(folder) is None and len(has):
            save_rows(folder, {"key": key, **about, "pool": said_of(made)}, values[has], has, made.n, missing, made.ids)
