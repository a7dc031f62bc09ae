"""Columns of a Parquet file that hold pictures: which they are, what the file says of them, and their cells from front
to back.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from datasel_core.pools.media import photos
from datasel_core.pools.media.pictures import MOST_BYTES, Look, hash_of

_TRIED = 8


def look_at_bytes(data: bytes | None) -> Look | str:
    """What a picture is, or the reason why it cannot be used."""
    if not data:
        return "its cell holds no picture"
    if len(data) > MOST_BYTES:
        return f"the picture has {len(data) / 1e6:,.0f} MB; the limit is {MOST_BYTES / 1e6:,.0f} MB"
    try:
        facts = photos.inspect(data)
    except photos.UnreadablePhoto as error:
        return str(error)
    return Look(facts.width, facts.height, facts.bytes, hash_of(data))


def open_file(path: Path) -> pq.ParquetFile:
    """It reads a page at a time: a row group of pictures may be as large as the file."""
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)


def picture_column(file: pq.ParquetFile, named: str | None = None) -> str | None:
    """The column that holds pictures: the one that was named, else the first of bytes, plain or as `datasets` writes
    them, whose first cells open as pictures. None where there is none.
    """
    features, schema = _features(file), file.schema_arrow
    for name in schema.names if named is None else [named] if named in schema.names else []:
        kind = features.get(name, {}).get("_type") if isinstance(features.get(name), dict) else None
        if leaf_of(schema, name) and (kind == "Image" or (kind is None and _opens(file, name))):
            return name
    return None


def _features(file: pq.ParquetFile) -> dict:
    """What the library `datasets` noted of the columns."""
    try:
        found = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])["info"]["features"]
        return found if isinstance(found, dict) else {}
    except (KeyError, TypeError, ValueError):
        return {}


def class_names(file: pq.ParquetFile) -> dict[str, list[str]]:
    """Column -> names of its classes, where the file says them."""
    found = {name: one for name, one in _features(file).items() if isinstance(one, dict)}
    return {
        name: [str(word) for word in one["names"]]
        for name, one in found.items()
        if one.get("_type") == "ClassLabel" and isinstance(one.get("names"), list)
    }


def leaf_of(schema: pa.Schema, name: str) -> str | None:
    """The path of a column's bytes inside a Parquet file; None where it has none."""
    if schema.names.count(name) != 1:  # whose it is, nobody can say
        return None
    kind = schema.field(name).type
    if _is_bytes(kind):
        return name
    return f"{name}.bytes" if pa.types.is_struct(kind) and _is_bytes(dict(_fields(kind)).get("bytes")) else None


def _fields(kind: pa.StructType) -> Iterator[tuple[str, pa.DataType]]:
    return ((kind.field(at).name, kind.field(at).type) for at in range(kind.num_fields))


def _is_bytes(kind: pa.DataType | None) -> bool:
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _opens(file: pq.ParquetFile, name: str) -> bool:
    first = next(cells(file, name, _TRIED), None)
    for data in [] if first is None else filter(None, first.to_pylist()):
        try:
            with Image.open(io.BytesIO(data)):
                return True
        except Exception:  # noqa: BLE001  (bytes that are no picture raise errors of every kind)
            return False
    return False


def cells(file: pq.ParquetFile, name: str, rows: int = 64) -> Iterator[pa.Array]:
    """The bytes of a column from front to back, so many rows at a time."""
    leaf = leaf_of(file.schema_arrow, name)
    for batch in file.iter_batches(rows, columns=[leaf]):
        yield bytes_of(batch.column(0))


def is_empty(file: pq.ParquetFile, name: str) -> bool:
    """Whether no cell of a column holds bytes, as the file itself says."""
    leaf, about = leaf_of(file.schema_arrow, name), file.metadata
    at = next(at for at in range(about.num_columns) if about.schema.column(at).path == leaf)
    parts = [about.row_group(group).column(at) for group in range(about.num_row_groups)]
    return all(part.statistics is not None and part.statistics.null_count == part.num_values for part in parts)


def bytes_of(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
