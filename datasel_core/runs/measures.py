"""What is measured of a selection: metrics, and coverage pick by pick, kept beside the run; and of the encoders that it
trusts.

Where an earlier selection counts as chosen, curves and `metrics_with_earlier` are of both together, `metrics` of the
new ones alone; `named_metrics` says which is which.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.analysis import agreement
from datasel_core.analysis.curve import Curve, curve
from datasel_core.analysis.metrics.metric import KeptRows
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import EMBEDDING, GROUP, IMAGE, PATTERNS, PICTURE, TEXT, find_role
from datasel_core.base.role import roles as declared_roles
from datasel_core.errors import BadInput
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import writing

KEPT, TOGETHER, ALONE = "kept", "new and earlier together", "the new ones alone"
"""Of whom metrics are, in words."""
_ALONE, _TOGETHER = "metrics", "metrics_with_earlier"
"""As a manifest's result calls them."""
HELD_OUT = "held out"
"""What the curve on held-out samples is called, among those of roles."""


def measure_curves(roles: Roles, rows: np.ndarray, already: np.ndarray, progress: Progress) -> dict[str, Curve]:
    """Role -> curve, for every role in which coverage is measured. rows: kept rows in pick order. already: rows that
    counted as chosen before.
    """
    found = {}
    for role in covered(roles):
        values = roles.array(role)
        if values is None:
            continue
        readable = np.ones(roles.pool.n, dtype=bool)
        readable[roles.missing_rows((role,))] = False
        if isinstance(values, Ragged):
            readable &= values.lengths() > 0
        if readable.any() and readable[rows].any():
            found[role] = curve(values, np.flatnonzero(readable), rows, already, progress)
    return found


def write_curves(folder: Path, curves: dict[str, Curve]) -> list[str]:
    """curve.parquet: one row per role and mark. Returns the names of the files written."""
    parts = []
    for role, one in curves.items():
        m = len(one.picks)
        parts.append(
            pa.table(
                {
                    "role": [role] * m,
                    "picks": one.picks,
                    "mean": one.mean,
                    "largest": one.largest,
                    "measured_on": [one.measured_on] * m,
                }
            )
        )
    if not parts:
        return []
    with writing(folder / "curve.parquet") as temporary:
        pq.write_table(pa.concat_tables(parts), temporary, compression="zstd")
    return ["curve.parquet"]


def read_curves(folder: Path) -> dict[str, Curve]:
    """Role -> curve of a run; empty where none was measured. Raises BadInput when the file is damaged."""
    path = folder / "curve.parquet"
    if not path.exists():
        return {}
    try:
        table = pq.read_table(path)
        role = table["role"].to_numpy(zero_copy_only=False)
        columns = {name: table[name].to_numpy() for name in ("picks", "mean", "largest", "measured_on")}
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    return {
        str(name): Curve(
            columns["picks"][mine],
            columns["mean"][mine],
            columns["largest"][mine],
            int(columns["measured_on"][mine][0]),
        )
        for name in dict.fromkeys(role.tolist())
        for mine in [role == name]
    }


def measure_result(
    pool: Pool, roles: Roles, rows: np.ndarray, already: np.ndarray | None, used: Sequence[str], progress: Progress
) -> dict[str, Any]:
    """The metrics as a manifest's result says them. already: rows that counted as chosen before, None where there is no
    earlier selection; the rest as of `measure`.
    """
    found = {_ALONE: measure(pool, roles, rows, used, progress)}
    if already is not None:
        found[_TOGETHER] = measure(pool, roles, np.concatenate([already, rows]), used, progress)
    return found


def named_metrics(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Of whom -> metrics, as a manifest says them: KEPT, or TOGETHER and ALONE where some were chosen earlier. An older
    manifest has not measured both together.
    """
    found = recorded_metrics(said)
    if not said["already"]:
        return {KEPT: found[_ALONE]}
    return ({TOGETHER: found[_TOGETHER]} if _TOGETHER in found else {}) | {ALONE: found[_ALONE]}


def recorded_metrics(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The same under the names that a manifest gives them, for scripts."""
    return {name: said["result"][name] for name in (_ALONE, _TOGETHER) if name in said["result"]}


def metrics_of_all(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The metrics of everything that is kept, earlier ones too; None where a manifest has not measured that."""
    found = named_metrics(said)
    return found.get(KEPT, found.get(TOGETHER))


def coverage_in(role: str, metrics: Mapping[str, Any], roles: Roles) -> float | None:
    """The mean distance that the metrics say in the role of a curve; None where they were measured in another."""
    vectors = EMBEDDING if EMBEDDING.name in roles.features else IMAGE
    of = {PATTERNS.name: "pattern_coverage", vectors.name: "coverage"}
    return metrics.get(of.get(role, ""), {}).get("mean")


def measure(
    pool: Pool, roles: Roles, rows: np.ndarray, used: Sequence[str], progress: Progress | None = None
) -> dict[str, Any]:
    """Metric id -> its numbers. rows: kept rows of the pool. used: roles the method used.

    Rows without a value in some role are left out of what is measured there.
    """
    readable = measured(roles, used)
    progress = progress or Progress()
    kept = KeptRows(pool.n, rows[readable[rows]], roles.array, readable, progress)
    found, metrics = {}, registry.every("metric")
    for id, metric in progress.over(metrics.items(), len(metrics), "measuring"):
        numbers = metric().measure(kept)
        if numbers:
            found[id] = dict(numbers)
    return found


def measured(roles: Roles, used: Sequence[str]) -> np.ndarray:
    """(n,) bool: rows that have a value in every role that was used and in those that distances are taken in."""
    there = np.ones(roles.pool.n, dtype=bool)
    there[roles.missing_rows([*used, *covered(roles)])] = False
    return there


def covered(roles: Roles) -> list[str]:
    """The roles of a pool in which coverage is measured."""
    return [name for name, role in declared_roles().items() if role.covers and name in roles.features]


def caption_agreement(roles: Roles, used: Sequence[str]) -> agreement.Captions | None:
    """Whether the vectors that fill image and text tell right captions from wrong ones; of all pairs of the pool. None
    where a method does not use both, they are no vectors of one length, or all captions are of one picture. Raises
    DamagedFeature.
    """
    both = (IMAGE.name, TEXT.name)
    if not set(both) <= set(used):
        return None
    rows = np.setdiff1d(np.arange(roles.pool.n), roles.missing_rows(both))
    image, text = (np.asanyarray(roles.array(role)) for role in both)
    if image.ndim != 2 or image.shape != text.shape:
        return None
    return agreement.captions(image, text, roles.array(PICTURE.name), rows)


def caption_facts(roles: Roles, used: Sequence[str]) -> dict[str, Any]:
    """What a manifest's facts say of an encoder that is not to be trusted with captions; nothing of any other."""
    found = caption_agreement(roles, used)
    return {"caption_auc": round(found.auc, 4), "note": found.warning} if found and found.is_useless else {}


def group_agreement(roles: Roles, kept: StoredFeature) -> agreement.Groups | None:
    """Whether neighbours in a feature of the pool are of one group; of samples that have both, one of each picture: the
    captions of a picture are no proof of anything. None where it has no vectors of which the direction counts, or the
    pool has no groups. Raises DamagedFeature.
    """
    if find_role(kept.role).shape != "vector" or len(kept.meta["values"]) != 2 or roles.group is None:
        return None
    there = roles.groups != ""
    there[kept.lacking] = False
    rows = np.flatnonzero(there)
    _, first = np.unique(roles.array(PICTURE.name, rows), return_index=True)
    unit = "samples" if len(first) == len(rows) else "pictures"
    return agreement.groups(kept.values(), roles.array(GROUP.name), rows[first], unit=unit)
