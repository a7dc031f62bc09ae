"""Vectors computed elsewhere, matched to samples by id."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.features.stored import StoredFeature, load, renewed, save_rows
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.vector_files import check_values, finite_rows, open_arrays, read_ids
from datasel_core.vectors.directions import unit
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock

_ROWS = 1 << 14


@dataclass(frozen=True)
class Imported:
    """What an import matched: ids of the pool without a vector, and ids of the file that the pool does not have."""

    kept: StoredFeature
    matched: int
    missing: list[str]
    extra: list[str]


def import_feature(
    workspace: Workspace,
    pool: Pool,
    role: str,
    file: str,
    progress: Progress | None = None,
    encoder: str | None = None,
) -> Imported:
    """Vectors computed elsewhere: an .npz with `ids` and an array, matched by id. encoder: what made them. Raises
    BadInput when nothing matches.
    """
    progress = progress or Progress()
    checked_name("role", role)
    path = workspace.allowed(file)
    arrays = open_arrays(path)
    ids = arrays.pop("ids", None)
    array = arrays.get(role) if role in arrays else next(iter(arrays.values())) if len(arrays) == 1 else None
    if array is None:
        raise BadInput(f"{path.name} has no array called {role}; it has: {', '.join(arrays) or 'none'}.")
    check_values(array, f"{path.name}: {role}")
    if ids is None:
        raise BadInput(f"{path.name} has no array called ids; vectors are matched to samples by id, never by order.")
    ids = read_ids(ids, path)
    if len(ids) != len(array):
        raise BadInput(f"{path.name}: {role} has {len(array)} rows for {len(ids)} ids; it must have one row per id.")
    at = {id: row for row, id in enumerate(ids)}
    if len(at) < len(ids):
        raise BadInput(f"{path.name}: an id stands there twice; ids must be unique.")
    rows, values, used = matched(pool, at, array)
    if not len(rows):
        raise BadInput(
            f"None of the {len(ids)} ids in {path.name} is in the pool {pool.name} (there: {pool.ids[0]!r}, here: "
            f"{next(iter(at))!r})."
        )
    check_values(values, f"{path.name}: {role}", role)
    extra = [id for id in at if id not in used]
    missing = [(int(row), f"no vector in {path.name}") for row in np.setdiff1d(np.arange(pool.n), rows)]
    good = finite_rows(values)
    if not good.any():
        raise BadInput(
            f"{path.name}: every matched row of {role} holds NaN or infinite values, or larger ones than float32; "
            "nothing was imported."
        )
    missing += [(int(row), "the vector holds NaN or infinite values") for row in rows[~good]]
    kept = keep_imported(workspace, pool, role, values[good], rows[good], sorted(missing), path.name, progress, encoder)
    return Imported(kept, len(rows), [str(pool.ids[row]) for row, _ in missing], extra)


def matched(pool: Pool, at: Mapping[str, int], array: np.ndarray) -> tuple[np.ndarray, np.ndarray, set[str]]:
    """Rows of the pool that the array has a value for, those values, and the ids that were of use. at: id -> row of the
    array.

    Samples of a pairs pool that are called `picture#2` after the second caption of a picture also take what is said of
    `picture`: its vector, or of (n, captions, d) the second caption's. A sample that stands for all captions takes the
    mean of their unit vectors, at unit length.
    """
    names, parts = pool.ids.tolist(), [0] * pool.n
    if pool.kind == "pairs":
        split = [name.rsplit("#", 1) if name not in at and "#" in name else (name,) for name in names]
        ours = _captioned(pool)
        split = [
            one if len(one) == 2 and one[0] in at and one[0] in ours else (name,)
            for one, name in zip(split, names, strict=True)
        ]
        names, parts = [one[0] for one in split], [int(one[1]) if len(one) == 2 else 0 for one in split]
    places, part = np.array([at.get(name, -1) for name in names], dtype=np.int64), np.array(parts)
    captions = array.ndim == 3 and pool.kind == "pairs"
    if captions:
        places[part > array.shape[1]] = -1
    rows = np.flatnonzero(places >= 0)
    used = {names[row] for row in rows}
    if not captions:
        return rows, array[places[rows]], used
    return (
        rows,
        np.stack([_of_captions(array[place], part[row]) for row, place in zip(rows, places[rows], strict=True)]),
        used,
    )


def _captioned(pool: Pool) -> set[str]:
    """Names of pictures whose samples are called `name#1`, `name#2`, ...: all of one picture, and no sample is called
    `name` itself.
    """
    pictures: dict[str, set[tuple]] = {}
    for id, *picture in zip(pool.ids.tolist(), *pool.picture_keys(), strict=True):
        name, _, part = id.rpartition("#")
        if name and part.isdigit():
            pictures.setdefault(name, set()).add(tuple(picture))
    return {name for name, of in pictures.items() if len(of) == 1} - set(pool.ids.tolist())


def _of_captions(vectors: np.ndarray, part: int) -> np.ndarray:
    if part:
        return vectors[part - 1]
    mean = unit(vectors).mean(axis=0)
    return unit(mean[None])[0]


def keep_imported(
    workspace: Workspace,
    pool: Pool,
    role: str,
    array: np.ndarray,
    rows: np.ndarray,
    missing: list[tuple[int, str]],
    file: str,
    progress: Progress,
    encoder: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> StoredFeature:
    """array[i] becomes the value of sample rows[i] in this role. encoder: the name of what made them; where it is not
    said, the same vectors keep the name that they have. facts: what is to be known of the values.
    """
    params = {"file": file} | ({"encoder": named} if (named := (encoder or "").strip()) else {})
    about = {"id": "imported", "version": 1, "params": params, "role": role, "pool": said_of(pool)}
    about["facts"] = dict(facts or {})
    key = key_of(
        {"imported": 1, "role": role, "pool": pool.fingerprint, "rows": _content(rows), "content": _content(array)}
    )
    folder = workspace.feature(key)
    with Lock(folder).hold(progress.check):
        if (before := load(folder)) is not None and before.is_intact():
            known = {name: value for name, value in before.meta["params"].items() if name == "encoder"}
            return renewed(before, known | params)  # what was imported last fills the role
        return save_rows(folder, {"key": key, **about}, array, rows, pool.n, missing, pool.ids)


def _content(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape[1:]} ".encode())
    for start in range(0, len(array), _ROWS):
        digest.update(np.ascontiguousarray(array[start : start + _ROWS]).tobytes())
    return digest.hexdigest()


def said_of(pool: Pool) -> dict[str, Any]:
    """What a feature remembers of its pool."""
    return {"name": pool.name, "fingerprint": pool.fingerprint, "n": pool.n}
