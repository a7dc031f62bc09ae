"""Drawing a held-out set: at random, part by part, before anything is chosen."""

import contextlib
import time

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.evidence.parts import parts
from datasel_core.features.roles import Roles
from datasel_core.methods.selection import granted
from datasel_core.pools import holdout
from datasel_core.pools.holdout import CALLED, SetAside
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.run import runs
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_LOCK = "aside"
"""One for all kinds: each must see what the others took."""

_STREAM = 0x5E7A51DE
"""Its own random numbers: a selection by `random` under the same seed is another draw, not the same samples."""


def check(pool: Pool, kind: str, share: str, by: str | None) -> None:
    """Raises BadRequest when a set of this kind is there already, or cannot be drawn like this."""
    if by is not None:
        pool.column(by)
    if granted(share, pool.n) == pool.n:
        raise BadParameter(f"The share is {share}; some samples must be left to choose from.")
    if (found := holdout.read(pool, kind)) is not None:
        flag = " --gold" if kind == holdout.GOLD else ""
        raise BadRequest(
            f"{pool.name} has a {CALLED[kind]} already: {found.about['n']:,} samples, drawn "
            f"{found.about['created_utc']}. It is frozen, so that all that is measured on it compares; to give it up: "
            f"python -m datasel_core holdout {pool.name}{flag} --remove"
        )


def draw(
    workspace: Workspace,
    pool: Pool,
    share: str,
    by: str | None = None,
    near: bool = False,
    kind: str = holdout.HOLDOUT,
    seed: int = 0,
    progress: Progress | None = None,
) -> SetAside:
    """Draws a set and keeps it. share: a count, or a share of the pool. by: a column whose values are drawn as wholes.
    near: near-duplicates in the embedding are on one side, too.

    Raises BadRequest, UnknownName, Stopped.
    """
    progress = progress or Progress()
    with Lock(pool.folder / _LOCK).hold(progress.check):
        check(pool, kind, share, by)
        roles = Roles.of(workspace, pool) if near else None
        of = parts(pool, by, roles, progress)
        wanted, rng = granted(share, pool.n), np.random.default_rng([_STREAM, seed])
        others = _others(pool, kind)
        rows = drawn(of, others, wanted, rng)
        if not len(rows):
            raise BadRequest(
                f"No part of {pool.name} is small enough for {wanted:,} samples: the largest holds "
                f"{np.bincount(of).max():,}, the smallest {np.bincount(of).min():,}; ask for a larger share, or draw "
                "by another column."
            )
        if len(rows) + len(others) == pool.n:
            raise BadRequest(
                f"Nothing of {pool.name} would be left to choose from: of {pool.n:,} samples {len(others):,} are set "
                f"aside, and {len(rows):,} were drawn; ask for a smaller share, or draw by another column."
            )
        about = {
            "share": share,
            "by": by,
            "near": near,
            "seed": seed,
            "parts": int(len(np.unique(of[rows]))),
            "pool": {"name": pool.name, "fingerprint": pool.fingerprint, "n": pool.n},
            "feature": roles.about((EMBEDDING.name,))[EMBEDDING.name] if roles else None,
            "created_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        return holdout.save(pool, kind, pool.ids[rows].tolist(), of[rows], about)


def drawn(parts: np.ndarray, taken: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of whole parts, in pool order, as near to `wanted` as a random order of parts allows: a part that would
    carry the number further beyond it than it is short of it is passed over.

    parts: (n,). taken: rows of which no part may be drawn.
    """
    sizes, chosen, n = np.bincount(parts), [], 0
    free = np.setdiff1d(np.unique(parts), np.unique(parts[taken]))
    for part in rng.permutation(free).tolist():
        if n < wanted and n + sizes[part] / 2 <= wanted:
            chosen.append(part)
            n += int(sizes[part])
    return np.flatnonzero(np.isin(parts, chosen))


def kept_before(workspace: Workspace, pool: Pool, found: SetAside) -> int:
    """How many kept selections of the pool were made before the set was drawn: they may hold samples of it."""
    before = 0
    for folder in runs(workspace):
        with contextlib.suppress(BadInput):  # a damaged one shows nothing any more
            said = manifest.read(folder)
            seen = (said.get("holdout") or {}).get(found.kind, {}).get("ids_sha256") != found.about["ids_sha256"]
            before += seen and said["pool"]["fingerprint"] == pool.fingerprint
    return before


def _others(pool: Pool, kind: str) -> np.ndarray:
    """Rows of the sets of other kinds."""
    sets = [one for other in holdout.KINDS if other != kind and (one := holdout.read(pool, other)) is not None]
    return np.concatenate([one.rows(pool) for one in sets]) if sets else np.empty(0, np.int64)
