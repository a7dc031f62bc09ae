"""Samples that belong on one side of a held-out set: the same picture or text, the same group, near-duplicates."""

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadRequest
from datasel_core.features.roles import Roles
from datasel_core.features.twins import Twins
from datasel_core.pools.pool import Pool
from datasel_core.vectors import directions

NEAR = 0.95
"""Cosine from which two samples count as near-duplicates, as in the method deduplicate."""
_BLOCK = 1024


def parts(pool: Pool, by: str | None, roles: Roles | None, progress: Progress) -> np.ndarray:
    """(n,) int64: the number of the part that each sample belongs to; parts are drawn as a whole.

    Samples with the same content or the same picture are always together. by: a column; samples of one value are, those
    without a value are not. roles: of the pool, where near-duplicates in its embedding are, too. Raises UnknownName,
    Stopped.
    """
    links = [_same(pool.take(np.arange(pool.n), ["content"])["content"].to_numpy(zero_copy_only=False))]
    if (twins := Twins.of(pool.picture_keys())) is not None:
        links.append(np.stack([np.arange(pool.n), twins.first]))
    if by is not None:
        links.append(_same(pool.column(by)))
    if roles is not None:
        links.append(_near(roles, progress))
    return _components(np.concatenate(links, axis=1), pool.n)


def _components(links: np.ndarray, n: int) -> np.ndarray:
    """(n,) the number of the component of each of n things. links: (2, m) pairs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(links.shape[1], np.int8), (links[0], links[1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _same(values: np.ndarray) -> np.ndarray:
    """(2, m): each row that has a value, and the first with the same one. An empty text is none."""
    known = np.flatnonzero([value is not None and value == value and value != "" for value in values.tolist()])
    _, first, of = np.unique(values[known].astype(str), return_index=True, return_inverse=True)
    return np.stack([known, known[first[of]]])


def _near(roles: Roles, progress: Progress) -> np.ndarray:
    """(2, m): pairs that connect all samples whose vectors point nearly the same way."""
    if EMBEDDING.name not in roles.features:
        raise BadRequest(
            f"--near looks for near-duplicates in an embedding, and {roles.pool.name} has none yet; compute one first, "
            "or leave --near out."
        )
    rows = np.setdiff1d(np.arange(roles.pool.n), roles.missing_rows((EMBEDDING.name,)))
    unit, found = directions.unit(roles.array(EMBEDDING.name, rows)), []
    starts = range(0, len(rows), _BLOCK)
    for start in progress.over(starts, len(starts), "looking for near-duplicates"):
        for then in range(start, len(rows), _BLOCK):
            close = unit[start : start + _BLOCK] @ unit[then : then + _BLOCK].T >= NEAR
            found.append(_fewest(np.nonzero(close), rows[start : start + _BLOCK], rows[then : then + _BLOCK]))
    return np.concatenate(found, axis=1) if found else np.empty((2, 0), np.int64)


def _fewest(pairs: tuple[np.ndarray, np.ndarray], mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(2, m) rows: as few pairs as connect the same, for a crowd of thousands alike has millions."""
    both = np.concatenate([mine, others])
    of = _components(np.stack([pairs[0], pairs[1] + len(mine)]), len(both))
    _, first = np.unique(of, return_index=True)
    return np.stack([both, both[first[of]]])[:, first[of] != np.arange(len(both))]
