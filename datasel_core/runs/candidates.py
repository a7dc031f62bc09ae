"""Which rows of a pool may be chosen: readable, inside an earlier selection, matching a filter, not chosen already."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.role import LABELS
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.workspace.layout import Workspace

_HAS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<has>(?<!\w)has\s*\()""", re.IGNORECASE)
"""Quoted text, which stays as it is, or the word."""


@dataclass(frozen=True)
class Earlier:
    """A selection that was made before. ids: in pick order. about: what the manifest of a later one says of it."""

    ids: list[str]
    about: dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """A condition on the pool's columns, and on the numbers that features gave its samples.

    numbers: role -> (n,) array, NaN where a sample has no value. features: role -> fingerprint, of those that the
    condition names.
    """

    where: str
    numbers: Mapping[str, np.ndarray]
    features: Mapping[str, str]

    @classmethod
    def of(cls, pool: Pool, where: str, roles: Roles) -> "Filter":
        """A column of the pool comes before a role of the same name."""
        taken = {column.lower() for column in pool.columns}
        named = [role for role in roles.numbers() if role.lower() not in taken and _names(where, role)]
        return cls(where, {role: roles.array(role) for role in named}, roles.keys(named))


@dataclass(frozen=True)
class Candidates:
    """given: rows the method sees, in pool order. already: those of them chosen earlier. free: those it may choose."""

    given: np.ndarray
    already: np.ndarray
    free: np.ndarray


def find_candidates(
    pool: Pool, missing: np.ndarray, within: Earlier | None, already: Earlier | None, filter: Filter | None
) -> Candidates:
    """missing: rows that cannot be read. Raises BadRequest."""
    allowed = np.ones(pool.n, dtype=bool)
    allowed[missing] = False
    if within is not None:
        inside = np.zeros(pool.n, dtype=bool)
        inside[pool.rows(within.ids)] = True
        allowed &= inside
    if filter is not None:
        allowed &= matching(pool, filter.where, filter.numbers)
    earlier = np.empty(0, np.int64) if already is None else np.setdiff1d(pool.rows(already.ids), missing)
    allowed[earlier] = False
    free = np.flatnonzero(allowed)
    if not len(free):
        raise BadRequest(f"No sample of {pool.name} is left to choose from; loosen --within, --already or --where.")
    return Candidates(np.union1d(free, earlier), earlier, free)


def find_earlier(workspace: Workspace, pool: Pool, folder: str | None, flag: str) -> Earlier | None:
    """folder: of a selection, its key, or a Parquet file of ids. Raises BadRequest when it cannot be trusted, or is
    from another pool.
    """
    if folder is None:
        return None
    path = Path(folder)
    if not path.exists() and (workspace.path / "runs" / folder).is_dir():
        path = workspace.path / "runs" / folder
    path = workspace.allowed(path)
    if path.suffix == ".parquet":
        ids = _read_ids(path, flag)
        return Earlier(ids, {"ids_sha256": manifest.ids_sha256(ids), "n": len(ids)})
    if found := manifest.problems(path):
        raise BadInput(f"--{flag} {folder} cannot be used: {found[0]}")
    other = manifest.read(path)
    if other["pool"]["fingerprint"] != pool.fingerprint:
        raise BadRequest(
            f"--{flag} {folder} is a selection from the pool {other['pool']['name']}, not from {pool.name} as it is "
            "now."
        )
    ids = manifest.kept_table(path)["id"].to_pylist()
    about = {"ids_sha256": other["result"]["ids_sha256"], "n": len(ids)}
    return Earlier(ids, {**about, "method": other["method"], "budget": other["budget"]})


def _read_ids(path: Path, flag: str) -> list[str]:
    try:
        return pq.read_table(path, columns=["id"])["id"].cast(pa.string()).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadInput(f"--{flag} {path} is no Parquet file with a column id: {str(error).splitlines()[0]}") from None


def matching(pool: Pool, where: str, numbers: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """(n,) bool: rows whose columns fulfil an SQL condition (DuckDB). It sees the pool's columns, these numbers (NULL
    where a sample has none), and nothing else. Raises BadRequest.
    """
    numbers = numbers or {}
    asked, name = spelled(pool, where), "row"
    while name in {column.lower() for column in (*pool.columns, *numbers)}:  # DuckDB does not tell A from a
        name += "_"
    columns = [one for one in pool.columns if one not in pool.long_columns or _may_name(where, one)]
    with duckdb.connect(
        config={"enable_external_access": "false", "autoinstall_known_extensions": "false"}
    ) as database:
        try:
            database.register("pool_columns", _with_numbers(pool.batches(columns, name), numbers, name))
            database.execute("CREATE TABLE pool AS SELECT * FROM pool_columns")
            database.unregister("pool_columns")
            database.execute("SET enable_progress_bar = false")
            database.execute("SET lock_configuration = true")
            # A filter is parsed as one expression on its own, so that no text can end it and begin another statement.
            found, again = (_mask(database.table("pool").filter(asked), name, pool.n) for _ in range(2))
        except duckdb.Error as error:
            said = " ".join(str(error).split("\n\n")[0].split())
            there = ", ".join((*pool.columns, *numbers))
            raise BadRequest(
                f"--where {where!r} does not work ({said}); give one condition on the columns {there}."
            ) from None
    if (found != again).any():
        raise BadRequest(
            f"--where {where!r} gives other rows each time it is asked, so nobody could repeat it; leave out random "
            "functions."
        )
    return found


def spelled(pool: Pool, where: str) -> str:
    """A condition in DuckDB's own words: has('bicyclist') asks for a class among the labels, where the pool has some. A
    macro cannot say that: DuckDB allows none to name a column.
    """
    if LABELS.name not in pool.columns:
        return where
    return _HAS.sub(lambda found: f'list_contains("{LABELS.name}", ' if found["has"] else found[0], where)


def _with_numbers(
    columns: pa.RecordBatchReader, numbers: Mapping[str, np.ndarray], row: str
) -> pa.RecordBatchReader | pa.Table:
    """The same batches, each with its part of the numbers."""
    if not numbers:
        return columns
    names = [*columns.schema.names, *numbers]
    kinds = [*columns.schema.types, *(pa.float64() for _ in numbers)]

    def wider(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = batch.column(row).to_numpy()
        more = [pa.array(np.asarray(values[rows], np.float64), from_pandas=True) for values in numbers.values()]
        return pa.RecordBatch.from_arrays([*batch.columns, *more], schema=schema)

    schema = pa.schema(list(zip(names, kinds, strict=True)))
    return pa.RecordBatchReader.from_batches(schema, map(wider, columns))


def _names(where: str, role: str) -> bool:
    """Whether a condition says this name, as a word outside quoted text."""
    said = re.sub(r"'(?:[^']|'')*'", "''", where)
    return re.search(rf"(?<!\w){re.escape(role)}(?!\w)", said, flags=re.IGNORECASE) is not None


def _may_name(where: str, column: str) -> bool:
    """Whether a condition can depend on a column: it says its name, or speaks of all columns. Those that are long are
    read only for such a condition.
    """
    said = where.lower()
    return column.lower().replace('"', '""') in said or any(word in said for word in ("columns", "pool", "*"))


def _mask(matching_rows: duckdb.DuckDBPyRelation, name: str, n: int) -> np.ndarray:
    found = np.zeros(n, dtype=bool)
    found[np.asarray(matching_rows.select(duckdb.ColumnExpression(name)).fetchnumpy()[name], dtype=np.int64)] = True
    return found
