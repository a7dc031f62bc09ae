"""Rows of one file of a source, from front to back, without holding it: the one door to all formats.

A row comes as (where it stands, its values), or as (where, why it cannot be used); the first line, row or item is 1.
Cells of CSV are text, as they stand there; other formats give what they say: text, numbers, truth values, lists.

DuckDB reads JSON faster, but says of a rejected line neither where it stands nor why (it becomes a row of nulls), and
makes floats of long whole numbers and of whole numbers beside fractions: values would change.
"""

import gzip
import stat
import zlib
from collections.abc import Iterator
from typing import Any

from datasel_core.pools.media.photos import reason
from datasel_core.pools.readers.tables import streams
from datasel_core.pools.readers.tables.columnar import columnar_rows, schema_of
from datasel_core.pools.readers.tables.delimited import delimited_rows
from datasel_core.pools.readers.tables.json_lines import json_rows, line_rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, TableFile

Row = tuple[int, dict[str, Any] | str]
_LOOKED_AT = 20


def rows(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    """wanted: columns that are needed though they hold lists. Raises BadInput when the file is not of its kind."""
    if file.trouble:
        yield 1, file.trouble
        return
    try:
        if not stat.S_ISREG(file.path.stat().st_mode):
            yield 1, "it is not a regular file"
        else:
            yield from _READERS.get(file.kind, _plain)(file, position, wanted)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield 1, f"it cannot be read ({streams.trouble_of(error)})"
    except OSError as error:
        yield 1, reason(error)


def column_names(file: TableFile) -> list[str]:
    """The names of its columns, told from its beginning. Raises BadInput where it is not of its kind."""
    if file.kind in COLUMNAR:
        return schema_of(file).names
    position, names = Position(), {}
    for count, (_, row) in enumerate(rows(file, position, frozenset()), 1):
        if isinstance(row, dict):
            names = row
        if names or count == _LOOKED_AT:
            break
    return list(position.names or names)


def _plain(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    with streams.opened(file.path, position) as stream:
        encoding = streams.marked(stream) or "utf-8-sig"
        whole = stream.read(2 * streams.LONGEST + 1)
    if len(whole) > 2 * streams.LONGEST:
        yield 1, f"it has more than {2 * streams.LONGEST:,} bytes"
        return
    yield 1, {"text": whole.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace")}


_READERS = {
    ".jsonl": line_rows,
    ".ndjson": line_rows,
    ".json": json_rows,
    ".csv": delimited_rows,
    ".tsv": delimited_rows,
    ".parquet": columnar_rows,
    ".arrow": columnar_rows,
}
