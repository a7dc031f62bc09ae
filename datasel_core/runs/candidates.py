"""Which rows of a pool may be chosen: readable, inside an earlier selection, matching a filter, not chosen already."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress, current
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.pools.holdout import Aside
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog import lists, places
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.filters.condition import read
from datasel_core.runs.filters.evaluation import matching
from datasel_core.runs.filters.macros import columns_of, filter_macros
from datasel_core.workspace.layout import Workspace, without_home


@dataclass(frozen=True)
class Earlier:
    """A selection that was made before. ids: in pick order. about: what the manifest of a later one says of it. called:
    how a command names it, by its key where it has one.
    """

    ids: list[str]
    about: dict[str, Any]
    called: str


@dataclass(frozen=True)
class Filter:
    """A condition on the pool's columns, and on the numbers and words that features gave its samples.

    numbers: role -> (n,) array, NaN or None where a sample has no value. features: role -> fingerprint, of those that
    the condition names.
    """

    where: str
    numbers: Mapping[str, np.ndarray]
    features: Mapping[str, str]

    @classmethod
    def of(cls, pool: Pool, where: str, roles: Roles) -> "Filter":
        """A column of the pool comes before a role of the same name. Raises BadRequest."""
        taken = {column.lower() for column in pool.columns}
        others = [role for role in (*roles.numbers(), *roles.words()) if role.lower() not in taken]
        named = [role for role in others if _names(where, role)]
        read(where, [*pool.columns, *others], columns_of(filter_macros(pool)))
        return cls(where, {role: roles.array(role) for role in named}, roles.keys(named))

    def rows(self, pool: Pool, progress: Progress) -> np.ndarray:
        """(n,) bool: where it holds; asked once per process. Raises BadRequest, Stopped."""
        found = _ANSWERS.get(self._key(pool))
        if found is None:
            found = matching(pool, self.where, self.numbers, progress)
            found.flags.writeable = False
            _ANSWERS[self._key(pool)] = found
            for old in list(_ANSWERS)[:-_MOST_ANSWERS]:
                _ANSWERS.pop(old, None)
        return found

    def is_answered(self, pool: Pool) -> bool:
        """Whether `rows` takes no time any more."""
        return self._key(pool) in _ANSWERS

    def _key(self, pool: Pool) -> tuple:
        return pool.table_sha256, self.where, tuple(sorted(self.features.items()))


_ANSWERS: dict[tuple, np.ndarray] = {}
_MOST_ANSWERS = 16
NOTHING_ASIDE = "none"


@dataclass(frozen=True)
class Candidates:
    """given: rows the method sees, in pool order. already: those of them chosen earlier. free: those it may choose."""

    given: np.ndarray
    already: np.ndarray
    free: np.ndarray


def find_candidates(
    pool: Pool,
    missing: np.ndarray,
    within: Earlier | None,
    already: Earlier | None,
    filter: Filter | None,
    aside: Aside | None = None,
) -> Candidates:
    """missing: rows that cannot be read. aside: what no method may see, unless it was chosen before. Raises
    BadRequest.
    """
    allowed = np.ones(pool.n, dtype=bool)
    allowed[missing] = False
    if aside is not None:
        allowed[aside.rows(pool)] = False
    if within is not None:
        inside = np.zeros(pool.n, dtype=bool)
        inside[pool.rows(within.ids)] = True
        allowed &= inside
    if filter is not None:
        allowed &= filter.rows(pool, current())
    earlier = np.empty(0, np.int64) if already is None else np.setdiff1d(pool.rows(already.ids), missing)
    allowed[earlier] = False
    free = np.flatnonzero(allowed)
    if not len(free):
        raise BadRequest(f"No sample of {pool.name} is left to choose from; loosen --within, --already or --where.")
    return Candidates(np.union1d(free, earlier), earlier, free)


def find_aside(workspace: Workspace, pool: Pool, said: str | None) -> Aside | None:
    """What is set aside. said: of the pool as it is now where nothing is said; `none`; or the file beside a manifest.
    Raises BadInput.
    """
    if said is None:
        return holdout.of(pool)
    return None if said == NOTHING_ASIDE else holdout.read_aside(workspace.allowed(said))


def find_earlier(workspace: Workspace, pool: Pool, folder: str | None, flag: str) -> Earlier | None:
    """folder: of a selection, its key, its name, what was exported of it, or a Parquet file of ids; also
    KEY/already.parquet, and a list that was kept, lists/HASH.parquet. What counts as chosen (`already`) is what the
    selection kept and what had counted as chosen before it: of a second batch, both. A file of ids is these ids alone.

    Raises BadRequest when it cannot be trusted, or is from another pool.
    """
    if folder is None:
        return None
    path = _place(workspace, folder)
    called = path.name if path.parent == workspace.path / "runs" else without_home(folder)
    if path.suffix == ".parquet":
        try:
            ids = lists.read(path) if lists.is_list(workspace, path) else manifest.read_ids(path)
        except BadInput as error:
            raise BadInput(f"--{flag} {error}") from None
        return Earlier(ids, {"ids_sha256": manifest.ids_sha256(ids), "n": len(set(ids))}, called)
    if found := manifest.problems(path):
        raise BadInput(f"--{flag} {folder} cannot be used: {found[0]}")
    other = manifest.read(path)
    if other["pool"]["fingerprint"] != pool.fingerprint:
        raise BadRequest(
            f"--{flag} {folder} is a selection from the pool {other['pool']['name']}, not from {pool.name} as it is "
            "now."
        )
    ids, of = manifest.kept_table(path)["id"].to_pylist(), {}
    if flag == "already" and (before := other["already"]):
        ids = list(dict.fromkeys([*ids, *manifest.earlier_ids(path, other)]))
        of = {"of": [other["result"]["ids_sha256"], *before.get("of", [before["ids_sha256"]])]}
    about = {"ids_sha256": manifest.ids_sha256(ids), "n": len(ids)}
    return Earlier(ids, {**about, **of, "method": other["method"], "budget": other["budget"]}, called)


def _place(workspace: Workspace, said: str) -> Path:
    if (listed := lists.place(workspace, said)) is not None:
        return listed
    inside = workspace.path / "runs" / said
    if not os.path.exists(said) and inside.is_file():
        return workspace.allowed(inside)
    if said.endswith(".parquet") and os.path.isfile(said) and not places.beside(Path(said)).is_dir():
        return workspace.allowed(said)  # a list of ids that was made elsewhere
    return find_folder(workspace, said)


def _names(where: str, role: str) -> bool:
    """Whether a condition says this name, as a word outside quoted text."""
    said = re.sub(r"'(?:[^']|'')*'", "''", where)
    return re.search(rf"(?<!\w){re.escape(role)}(?!\w)", said, flags=re.IGNORECASE) is not None
