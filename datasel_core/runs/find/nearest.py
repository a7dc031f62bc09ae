"""What is like a sample, or like a vector: exact, by the cosine, among the rows that are asked for."""

import difflib
from dataclasses import dataclass

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, IMAGE, TEXT
from datasel_core.errors import BadRequest, MissingFeature
from datasel_core.features.likely import has_vectors
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.find.words import fold
from datasel_core.vectors.neighbors import search

_ROLES = (EMBEDDING, IMAGE, TEXT)
"""Whose vectors say what is alike, the first that there is."""
_COMPARED = 5000
"""Ids among which the nearest to a wrong one is looked for."""


@dataclass(frozen=True)
class Nearest:
    """rows: (m,) the nearest first, equal ones in pool order. alike: (m,) float64 cosine, 1 is the same."""

    rows: np.ndarray
    alike: np.ndarray


def source(pool: Pool, roles: Roles) -> StoredFeature:
    """The feature that says what is alike: the pool's embedding, else what stands for its pictures or texts. Raises
    MissingFeature.
    """
    for role in _ROLES:
        if (found := roles.features.get(role.name)) is not None and has_vectors(found):
            return found
    raise MissingFeature(f"Nothing says what is alike in {pool.name} yet. {how_to_get(pool, EMBEDDING.name)}")


def row_of(pool: Pool, id: str) -> int:
    """The row of a sample. Raises BadRequest, naming the nearest id where there is none of this name."""
    found = np.flatnonzero(pool.ids == id) if id else ()
    if len(found):
        return int(found[0])
    near = _near(pool, id)
    hint = f" Did you mean {near}?" if near else f" Its ids look like {pool.ids[0]}."
    raise BadRequest(f"There is no sample {_short(id)!r} in {pool.name}.{hint}")


def alike(
    pool: Pool, kept: StoredFeature, row: int, many: int, rows: np.ndarray, progress: Progress | None = None
) -> Nearest:
    """The samples among `rows` that are most alike a sample, itself left out. Raises BadRequest where it has no
    vector.
    """
    why = {entry["row"]: entry["reason"] for entry in kept.unreadable}
    if row in why:
        raise BadRequest(f"{pool.ids[row]} has no vector in {kept.id}: {str(why[row]).rstrip('.')}.")
    vector = np.asarray(kept.values()[row])
    if not vector.any():
        raise BadRequest(f"The vector of {pool.ids[row]} in {kept.id} is all zeros, so nothing is like it.")
    return to_vector(kept, vector, many, rows[rows != row], progress)


def to_vector(
    kept: StoredFeature, vector: np.ndarray, many: int, rows: np.ndarray, progress: Progress | None = None
) -> Nearest:
    """The samples among `rows` whose vectors are nearest to one. Those without a vector are none of them."""
    rows = np.setdiff1d(rows, kept.lacking)
    if not len(rows):
        return Nearest(rows, np.empty(0))
    values = kept.values()
    base = values if len(rows) == len(values) else values[rows]
    found, far = search(np.asarray(vector, np.float32)[None], np.asarray(base), many, "cosine", progress)
    return Nearest(rows[found[0]], 1 - far[0])


def _near(pool: Pool, id: str) -> str | None:
    """The id that was likely meant."""
    if not id or len(id) > 4 * max(map(len, pool.ids[:1000].tolist())):
        return None
    typed = fold(id)
    inside = [one for one in pool.ids.tolist() if typed in fold(one)]
    among = inside[:_COMPARED] or pool.ids[:_COMPARED].tolist()
    found = difflib.get_close_matches(id, among, n=1, cutoff=0.4)
    return found[0] if found else inside[0] if inside else None


def _short(id: str) -> str:
    return id if len(id) <= 80 else f"{id[:80]} ..."
