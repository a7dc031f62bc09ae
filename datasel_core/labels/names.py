"""Which sample a file of labels means: by the id, or by the name that an export gave its picture; never by guessing.

Some tools drop folders; a name without folders means a sample only where no other sample of the pool is called so, and
how many were found that way is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from datasel_core.pools.pool import Pool

_BELOW = "images/"
"""Where exports put pictures that lie elsewhere."""


class Names:
    """The samples of a pool by all that exports call them. bare: rows that were found by a name without folders."""

    def __init__(self, pool: Pool):
        ids = [str(id) for id in pool.ids]
        paths = pool.table["path"].to_pylist() if "path" in pool.columns else []
        self._pool = pool.name
        self._ids = {id: row for row, id in enumerate(ids)}
        self._paths, self._stems = _gathered(paths), _gathered(map(_stem, paths or ids))
        self._bare = _gathered(PurePosixPath(stem).name for stem in map(_stem, paths or ids))
        self.bare: set[int] = set()

    def row(self, names: Sequence[str]) -> int | str:
        """The row of the sample, or the reason why there is none that is meant for sure."""
        for name in names:
            if name in self._ids:
                return self._ids[name]
        for name in names:
            for called in _called(name):
                found = self._at(called)
                if len(found) == 1:
                    return found[0]
                if found:
                    return f"{len(found)} samples of {self._pool} are called so; bring labels by id"
        return (
            found if (found := self._without_folders(names)) is not None else f"{self._pool} has no sample of this name"
        )

    def _without_folders(self, names: Sequence[str]) -> int | str | None:
        for called in (called for name in names for called in _called(name) if "/" not in called):
            found = self._bare.get(_stem(called), [])
            if len(found) == 1:
                self.bare.add(found[0])
                return found[0]
            if found:
                return f"{len(found)} samples of {self._pool} are called so in their folders; bring labels by id"
        return None

    def _at(self, name: str) -> list[int]:
        if name in self._ids:
            return [self._ids[name]]
        if found := self._paths.get(name):
            return found
        stem = _stem(name)
        if stem in self._ids and name != stem:  # a picture that was taken out of a table or shard, with its ending
            return [self._ids[stem]]
        return self._stems.get(name, [])  # a text of boxes is called as its picture, without the ending


def _called(name: str) -> list[str]:
    """A name, and what it was before an export put it below `images`."""
    plain = name.replace("\\", "/").removeprefix("./").lstrip("/")
    return list(dict.fromkeys((plain, plain.removeprefix(_BELOW))))


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).name else path


def _gathered(names: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        found[name].append(row)
    return dict(found)
