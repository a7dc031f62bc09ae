"""Photos that are no longer what the pool of a manifest named: replaced since it was added, or out of reach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.persistence import described, load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace

_NAMED = 20
_TOGETHER = 32
"""Photos that a thread looks at in one go: to look at the size and times of one costs less than to hand it over."""


@dataclass(frozen=True)
class Changes:
    """replaced: (id, reason) of photos that are others by now. away: of those that cannot be looked at, so that nothing
    is known of them: a disk that is not here, say. unknown: why nothing is known of any.
    """

    replaced: tuple[tuple[str, str], ...] = ()
    away: tuple[tuple[str, str], ...] = ()
    unknown: str = ""

    def lines(self) -> list[str]:
        """What is to be said of replaced photos: the first by name, and how many more."""
        said = [f"{id}: {why}." for id, why in self.replaced[:_NAMED]]
        more = len(self.replaced) - len(said)
        return said + ([f"{more:,} more photos were replaced."] if more else [])

    def summary(self) -> str:
        """The same in one line."""
        n, names = len(self.replaced), ", ".join(id for id, _ in self.replaced[:5])
        more = f" and {n - 5:,} more" if n > 5 else ""
        what = "photo was" if n == 1 else "photos were"
        return f"{n:,} {what} replaced after the pool was added ({names}{more}); add the pool again"


def changes(
    workspace: Workspace, said: Mapping[str, Any], kept: pa.Table | None, progress: Progress, kept_only: bool = False
) -> Changes:
    """Looks at the size and times of the photos of a selection's pool, and at the bytes of those where these differ.

    said: of the pool, by the manifest. kept: id, path and content of the photos that were kept, None of a target; of a
    pool that was added anew since, and with kept_only, only these are looked at. Nothing is said where the pool is not
    in the workspace, or its samples are no files of their own.
    """
    try:
        found = pool_now(workspace, said)
    except BadRequest as error:  # it is damaged
        return Changes(unknown=str(error))
    if found is None or not _has_files(found[0]):
        return Changes()
    pool, is_same = found
    if is_same and not kept_only:
        return changes_of(pool, progress)
    if kept is None:
        return Changes()
    return _looked_over(list(_of_kept(workspace, kept, pool, is_same)), progress)


def changes_of(pool: Pool, progress: Progress) -> Changes:
    """The same of all photos of a pool."""
    if not _has_files(pool):
        return Changes()
    return _looked_over([(str(id), _checking(pool, row)) for row, id in enumerate(pool.ids)], progress)


def _looked_over(checks: Sequence[tuple[str, Callable[[], None]]], progress: Progress) -> Changes:
    replaced, away = [], []
    batches = [checks[at : at + _TOGETHER] for at in range(0, len(checks), _TOGETHER)]
    answers = in_order(lambda batch: [_trouble(check) for _, check in batch], batches)
    pairs = (pair for batch, found in answers for pair in zip(batch, found, strict=True))
    for (id, _), (trouble, is_other) in progress.over(pairs, len(checks), "looking at photos"):
        if trouble:
            (replaced if is_other else away).append((id, trouble))
    return Changes(tuple(replaced), tuple(away))


def pool_now(workspace: Workspace, said: Mapping[str, Any]) -> tuple[Pool, bool] | None:
    """The pool of a manifest, and whether it holds what it held; its own name comes first. None where none is here.

    said: of the pool, by the manifest. Raises BadInput when it is damaged.
    """
    known, damaged = described(workspace)
    same = [name for name, about in known.items() if about["fingerprint"] == said["fingerprint"]]
    if not same and said["name"] in damaged:
        raise BadInput(damaged[said["name"]])
    if not same and said["name"] not in known:
        return None
    name = said["name"] if said["name"] in same or not same else same[0]
    return load_pool(workspace, name), bool(same)


def _has_files(pool: Pool) -> bool:
    return "image" in pool.opens and ("path" in pool.columns or bool(pool.shard_stamps))


def _of_kept(
    workspace: Workspace, table: pa.Table, pool: Pool, is_same: bool
) -> Iterator[tuple[str, Callable[[], None]]]:
    if is_same:
        ids = table["id"].to_pylist()
        yield from ((id, _checking(pool, int(row))) for id, row in zip(ids, pool.rows(ids), strict=True))
    elif {"path", "content"} <= set(table.column_names):
        roots = workspace.roots()
        said = [name for name in ("path", "content", "caption", "captions") if name in table.column_names]
        for row in table.select(["id", *said]).to_pylist():
            yield row["id"], _comparing(workspace, pool.root, row, roots)


def _checking(pool: Pool, row: int) -> Callable[[], None]:
    return lambda: pool.check(row)


def _comparing(workspace: Workspace, root: Path, row: Mapping[str, Any], roots: list[Path]) -> Callable[[], None]:
    from datasel_core.pools.media.pictures import KeptFile  # brings Pillow, which is felt where no photo is read

    captions = row.get("captions") or ([row["caption"]] if row.get("caption") else [])

    def compare() -> None:
        KeptFile(workspace.allowed(root / row["path"], roots), row["content"], tuple(captions)).check()

    return compare


def _trouble(check: Callable[[], None]) -> tuple[str, bool]:
    """Why a photo is not what it was, if so, and whether it is another one."""
    from datasel_core.pools.media.photos import reason
    from datasel_core.pools.media.pictures import ReplacedPhoto

    try:
        check()
    except (BadRequest, OSError) as error:
        return reason(error) if isinstance(error, OSError) else str(error), isinstance(error, ReplacedPhoto)
    return "", False
