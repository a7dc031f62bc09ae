"""Vectors brought from elsewhere: .npy, .npz or Parquet, with or without ids."""

import hashlib
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadInput
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables import typed
from datasel_core.pools.readers.tables.columnar import bytes_of_numbers, whole_table
from datasel_core.pools.readers.tables.files import table_file
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.table_file import COLUMNAR, kind_of
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.vector_files import aligned_arrays, check_unpacked, finite_rows, open_arrays
from datasel_core.pools.scan import Scan, check_ids
from datasel_core.workspace.layout import Workspace

_BLOCK = 1 << 14


@pool_kind("vectors", version=1, title="Vectors")
class Vectors(PoolKind):
    """A table of vectors: .npy (n x d), .npz (`ids` and one or more arrays), or Parquet with a column of lists.

    Each array becomes a feature of the pool under its own name; a lone .npy becomes `embedding`. Without ids, samples
    are called 0, 1, 2, ...
    """

    id_column: str = Field("id", description="Parquet column with the sample's name.")
    vector_column: str | None = Field(
        None, description="Parquet column with the vectors; none takes the only column of lists."
    )
    encoder: str | None = Field(
        None, description="What made the vectors, as in dinov2-base: vectors of two encoders are never compared."
    )

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        if not source.is_file():
            raise BadInput(f"There is no file {source}.")
        metadata: dict[str, pa.ChunkedArray] = {}
        if kind_of(source.name) in COLUMNAR:
            ids, roles, metadata = self._from_parquet(source)
        else:
            arrays = open_arrays(source)
            ids, roles = aligned_arrays(arrays, source)
        n = len(next(iter(roles.values())))
        ids = [str(row) for row in range(n)] if ids is None else ids
        if n == 0:
            raise BadInput(f"{source.name} has no vectors.")
        check_ids(ids)
        keep, unreadable, content = _inspect(ids, roles, progress)
        if not keep.any():
            raise BadInput(f"None of the {n} vectors in {source.name} is finite.")
        table = pa.table({"id": ids, **metadata, "content": content})
        if not keep.all():
            table = table.filter(pa.array(keep))
            roles = {role: array[keep] for role, array in roles.items()}
        return Scan(table, source.parent, unreadable, roles=roles)

    def origins(self, pool: Pool, ids: Collection[str], progress: Progress) -> Mapping[str, Origin] | None:
        """Of a table; arrays have no rows with names."""
        if kind_of(pool.source.name) not in COLUMNAR:
            return None
        named, roles, _ = self._from_parquet(pool.source)
        names = named or [str(row) for row in range(len(roles[EMBEDDING.name]))]
        keep, _, content = _inspect(names, roles, progress)
        file = table_file(pool.source)
        return {names[row]: Origin(file, int(row) + 1, {"content": content[row]}) for row in np.flatnonzero(keep)}

    def _from_parquet(self, source: Path) -> tuple[list[str] | None, dict[str, np.ndarray], dict[str, pa.ChunkedArray]]:
        file = table_file(source)
        try:
            check_unpacked(bytes_of_numbers(file), source.stat().st_size)
        except ValueError as error:
            raise BadInput(f"{source.name} could not be read: {error}.") from None
        table = whole_table(file)
        if self.id_column not in ("id", *table.column_names):
            raise BadInput(f"{source.name} has no column {self.id_column}; it has: {', '.join(table.column_names)}.")
        lists = [
            f.name
            for f in table.schema
            if pa.types.is_list(f.type) or pa.types.is_large_list(f.type) or pa.types.is_fixed_size_list(f.type)
        ]
        name = self.vector_column or (lists[0] if len(lists) == 1 else None)
        if name is None or name not in lists:
            raise BadInput(
                f"{source.name} has {len(lists)} columns of lists ({', '.join(lists) or 'none'}); name the vectors "
                "with --option vector_column=NAME."
            )
        column = table[name].combine_chunks()
        if column.null_count:
            raise BadInput(
                f"{source.name}: row {column.is_null().to_pylist().index(True) + 1} of {name} is empty; every sample "
                "needs a vector."
            )
        lengths = (
            np.unique([len(item) for item in column])
            if not pa.types.is_fixed_size_list(column.type)
            else np.array([column.type.list_size])
        )
        if len(lengths) != 1:
            raise BadInput(
                f"{source.name}: the vectors in {name} have {lengths[0]} to {lengths[-1]} numbers; they must be "
                "equally long."
            )
        flat = column.flatten()
        if not (pa.types.is_floating(flat.type) or pa.types.is_integer(flat.type)):
            raise BadInput(f"{source.name}: {name} holds {flat.type}; vectors must be numbers.")
        vectors = flat.to_numpy(zero_copy_only=False).reshape(len(column), int(lengths[0]))
        ours = table[OURS].to_pylist() if OURS in table.column_names else []
        if ours and all(map(is_ours, ours)):  # of an earlier export, and no column
            table = table.drop_columns([OURS])
            if self.id_column not in table.column_names:
                table = table.append_column(self.id_column, [[one["id"] for one in ours]])
        ids = self._ids(table, source) if self.id_column in table.column_names else None
        kept = {
            f.name: table[f.name]
            for f in table.schema
            if f.name not in (name, self.id_column, "content") and f.name not in lists
        }
        return ids, {EMBEDDING.name: vectors}, kept

    def _ids(self, table: pa.Table, source: Path) -> list[str]:
        ids = []
        for row, value in enumerate(table[self.id_column].to_pylist(), 1):
            try:
                ids.append(typed.id_of(str(value) if isinstance(value, uuid.UUID) else value) or "")
            except typed.BadValue as error:
                raise BadInput(f"{source.name}: the id of row {row} is {error}.") from None
        return ids


def _inspect(
    ids: list[str], roles: dict[str, np.ndarray], progress: Progress
) -> tuple[np.ndarray, list[dict[str, str]], list[str]]:
    """Which rows are finite in every role, who is not and why, and a content hash per row."""
    n = len(ids)
    keep, unreadable, content = np.ones(n, dtype=bool), [], []
    for start in progress.over(range(0, n, _BLOCK), -(-n // _BLOCK), "reading vectors"):
        parts = {role: np.ascontiguousarray(array[start : start + _BLOCK]) for role, array in roles.items()}
        for role, part in parts.items():
            finite = finite_rows(part)
            for at in np.flatnonzero(~finite & keep[start : start + len(part)]):
                unreadable.append({"id": ids[start + at], "reason": f"{role} holds NaN or infinite values"})
            keep[start : start + len(part)] &= finite
        for at in range(len(ids[start : start + _BLOCK])):
            digest = hashlib.blake2b(digest_size=16)
            for part in parts.values():
                digest.update(part[at].tobytes())
            content.append(digest.hexdigest())
    return keep, unreadable, content
