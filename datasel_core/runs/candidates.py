"""Which rows of a pool may be chosen: readable, inside an earlier selection, matching a filter, not chosen already."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Candidates:
    """given: rows the method sees, in pool order. already: those of them chosen earlier. free: those it may choose."""

    given: np.ndarray
    already: np.ndarray
    free: np.ndarray
    within: dict[str, Any] | None = None
    earlier: dict[str, Any] | None = None
    within_ids: list[str] | None = None
    earlier_ids: list[str] | None = None


def find_candidates(
    workspace: Workspace, pool: Pool, missing: np.ndarray, within: str | None, already: str | None, where: str | None
) -> Candidates:
    """missing: rows that cannot be read. within, already: folders of earlier selections, or Parquet files of ids.
    Raises BadRequest.
    """
    allowed = np.ones(pool.n, dtype=bool)
    allowed[missing] = False
    within_said, within_ids = _earlier(workspace, pool, within, "within")
    if within_ids is not None:
        inside = np.zeros(pool.n, dtype=bool)
        inside[pool.rows(within_ids)] = True
        allowed &= inside
    if where is not None:
        allowed &= matching(pool, where)
    earlier_said, earlier_ids = _earlier(workspace, pool, already, "already")
    earlier_rows = np.setdiff1d(pool.rows(earlier_ids), missing) if earlier_ids is not None else np.empty(0, np.int64)
    allowed[earlier_rows] = False
    free = np.flatnonzero(allowed)
    if not len(free):
        raise BadRequest(f"No sample of {pool.name} is left to choose from; loosen --within, --already or --where.")
    given = np.union1d(free, earlier_rows)
    return Candidates(given, earlier_rows, free, within_said, earlier_said, within_ids, earlier_ids)


def _earlier(
    workspace: Workspace, pool: Pool, folder: str | None, flag: str
) -> tuple[dict[str, Any] | None, list[str] | None]:
    if folder is None:
        return None, None
    path = Path(folder)
    if not path.exists() and (workspace.path / "runs" / folder).is_dir():
        path = workspace.path / "runs" / folder
    path = workspace.allowed(path)
    if path.suffix == ".parquet":
        ids = _read_ids(path, flag)
        return {"ids_sha256": manifest.ids_sha256(ids), "n": len(ids)}, ids
    if found := manifest.problems(path):
        raise BadInput(f"--{flag} {folder} cannot be used: {found[0]}")
    other = manifest.read(path)
    if other["pool"]["fingerprint"] != pool.fingerprint:
        raise BadRequest(
            f"--{flag} {folder} is a selection from the pool {other['pool']['name']}, not from {pool.name} as it is "
            "now."
        )
    ids = manifest.kept_table(path)["id"].to_pylist()
    return {
        "ids_sha256": other["result"]["ids_sha256"],
        "n": len(ids),
        "method": other["method"],
        "budget": other["budget"],
    }, ids


def _read_ids(path: Path, flag: str) -> list[str]:
    try:
        return pq.read_table(path, columns=["id"])["id"].cast(pa.string()).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadInput(f"--{flag} {path} is no Parquet file with a column id: {str(error).splitlines()[0]}") from None


def matching(pool: Pool, where: str) -> np.ndarray:
    """(n,) bool: rows whose columns fulfil an SQL condition (DuckDB). It sees the pool's columns and nothing else.
    Raises BadRequest.
    """
    name = "row"
    while name in {column.lower() for column in pool.columns}:  # DuckDB does not tell A from a
        name += "_"
    with duckdb.connect(
        config={"enable_external_access": "false", "autoinstall_known_extensions": "false"}
    ) as database:
        try:
            database.register(
                "pool_columns",
                pool.batches(
                    [one for one in pool.columns if one not in pool.long_columns or _may_name(where, one)], name
                ),
            )
            database.execute("CREATE TABLE pool AS SELECT * FROM pool_columns")
            database.unregister("pool_columns")
            database.execute("SET enable_progress_bar = false")
            database.execute("SET lock_configuration = true")
            # A filter is parsed as one expression on its own, so that no text can end it and begin another statement.
            found, again = (_mask(database.table("pool").filter(where), name, pool.n) for _ in range(2))
        except duckdb.Error as error:
            said = " ".join(str(error).split("\n\n")[0].split())
            raise BadRequest(
                f"--where {where!r} does not work ({said}); give one condition on the columns "
                f"{', '.join(pool.columns)}."
            ) from None
    if (found != again).any():
        raise BadRequest(
            f"--where {where!r} gives other rows each time it is asked, so nobody could repeat it; leave out random "
            "functions."
        )
    return found


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
