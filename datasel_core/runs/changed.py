"""Photos that are no longer what the pool of a manifest named: replaced since it was added, or out of reach."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.pools.media.photos import reason
from datasel_core.pools.media.pictures import KeptFile, ReplacedPhoto
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace

_NAMED = 20


@dataclass(frozen=True)
class Changes:
    """replaced: (id, reason) of photos that are others by now. away: of those that cannot be looked at, so that nothing
    is known of them: a disk that is not here, say.
    """

    replaced: tuple[tuple[str, str], ...] = ()
    away: tuple[tuple[str, str], ...] = ()

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


def changes(workspace: Workspace, folder: Path, progress: Progress, kept_only: bool = False) -> Changes:
    """Looks at the size and times of the photos of a selection's pool, and at the bytes of those where these differ.

    Of a pool that was added anew since, and with kept_only, only the photos that were kept. Nothing is said where the
    pool is not in the workspace, or its samples are no files of their own.
    """
    said = manifest.read(folder)
    found = _pool_of(workspace, said["pool"])
    if found is None:
        return Changes()
    pool, is_same = found
    checks = list(_of_pool(pool) if is_same and not kept_only else _of_kept(workspace, folder, pool, is_same))
    answers = in_order(lambda check: _trouble(check[1]), checks)
    replaced, away = [], []
    for (id, _), (trouble, is_other) in progress.over(answers, len(checks), "looking at photos"):
        if trouble:
            (replaced if is_other else away).append((id, trouble))
    return Changes(tuple(replaced), tuple(away))


def _pool_of(workspace: Workspace, said: Mapping[str, Any]) -> tuple[Pool, bool] | None:
    """The pool of a manifest, and whether it holds what it held; its own name comes first."""
    known = {name: read_json(workspace.pool(name) / "pool.json", {}) for name in pool_names(workspace)}
    same = [name for name, about in known.items() if about.get("fingerprint") == said["fingerprint"]]
    if not same and said["name"] not in known:
        return None
    name = said["name"] if said["name"] in same or not same else same[0]
    return load_pool(workspace, name), bool(same)


def _of_pool(pool: Pool) -> Iterator[tuple[str, Callable[[], None]]]:
    return ((str(id), _checking(pool, row)) for row, id in enumerate(pool.ids))


def _of_kept(workspace: Workspace, folder: Path, pool: Pool, is_same: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    table = manifest.kept_table(folder)
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
    captions = row.get("captions") or ([row["caption"]] if row.get("caption") else [])

    def compare() -> None:
        KeptFile(workspace.allowed(root / row["path"], roots), row["content"], tuple(captions)).check()

    return compare


def _trouble(check: Callable[[], None]) -> tuple[str, bool]:
    """Why a photo is not what it was, if so, and whether it is another one."""
    try:
        check()
    except (BadRequest, OSError) as error:
        return reason(error) if isinstance(error, OSError) else str(error), isinstance(error, ReplacedPhoto)
    return "", False
