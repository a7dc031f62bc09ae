"""Rows of one file of texts, from front to back, without holding it: lines of JSON, a list of JSON, CSV, Parquet, plain
text.

A row comes as (where it stands, its values), or as (where, why it cannot be used); the first line, row or item is 1.
"""

import csv
import gzip
import io
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.pools.media.photos import reason
from datasel_core.pools.readers import json_values, table_columns
from datasel_core.pools.readers.json_list import UNPACKING, Trouble, items
from datasel_core.pools.readers.texts.files import TextFile

LONGEST = 64 << 20
"""Characters of one line or file: more is no sample, and must not fill the memory."""

Row = tuple[int, dict[str, Any] | str]
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_BATCH = 256

Stream = io.BufferedReader | gzip.GzipFile


@dataclass
class Position:
    """Bytes of the file that were read; whoever shows progress looks at it."""

    file: BinaryIO | None = None
    done: int = 0

    def bytes(self) -> int:
        return self.file.tell() if self.file is not None and not self.file.closed else self.done


def unit(file: TextFile) -> str:
    """What `where` counts."""
    return {".json": "item", ".parquet": "row"}.get(file.kind, "line")


def rows(file: TextFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    """wanted: columns that are needed though they hold lists. Raises BadInput when the file is not of its kind."""
    if file.trouble:
        yield 1, file.trouble
        return
    try:
        if not stat.S_ISREG(file.path.stat().st_mode):
            yield 1, "it is not a regular file"
        elif file.kind == ".parquet":
            yield from _parquet(file, position, wanted)
        else:
            with open(file.path, "rb", buffering=1 << 20) as raw:
                position.file = raw
                packed = file.path.name.lower().endswith(".gz")
                yield from _READERS.get(file.kind, _plain)(file, gzip.GzipFile(fileobj=raw) if packed else raw)
    except UNPACKING as error:
        yield 1, f"it cannot be read ({'it is cut off' if isinstance(error, EOFError) else error})"
    except OSError as error:
        yield 1, reason(error)


def _json_lines(file: TextFile, stream: Stream) -> Iterator[Row]:
    for at, line in _lines(stream, "strict"):
        if isinstance(line, Trouble):
            yield at, line.text
            continue
        if line.isspace():
            continue
        try:
            row = json_values.loads(line)
        except ValueError as error:  # also numbers of thousands of digits
            said = (
                f"{error.msg}, character {error.pos + 1}"
                if isinstance(error, json.JSONDecodeError)
                else str(error).split(";")[0]
            )
            yield at, f"it is not JSON ({said})"
        except RecursionError:
            yield at, "it is nested too deeply"
        else:
            yield (
                at,
                row
                if isinstance(row, dict)
                else f"it is JSON, but {'a list' if isinstance(row, list) else 'one value'}, not an object",
            )


def _json(file: TextFile, stream: Stream) -> Iterator[Row]:
    """A list; or, as many call it, lines of JSON."""
    begin = stream.peek(64)[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"{"):
        for at, row in _json_lines(file, stream):
            if at == 1 and isinstance(row, str):
                raise BadInput(f"{file.name} is one JSON object; give a list of objects, or one object a line.")
            yield at, row
        return
    for at, item in items(
        io.TextIOWrapper(stream, _encoding(stream) or "utf-8-sig", errors="surrogateescape"), LONGEST
    ):
        yield at, item if isinstance(item, dict) else item.text if isinstance(item, Trouble) else "it is no object"


def _csv(file: TextFile, stream: Stream) -> Iterator[Row]:
    csv.field_size_limit(LONGEST)
    troubles: list[tuple[int, str]] = []
    ended = False

    def text() -> Iterator[str]:
        nonlocal ended
        for at, line in _lines(stream, "surrogateescape"):
            if isinstance(line, Trouble):
                troubles.append((at, line.text))
            else:
                yield line
        ended = True

    cells = csv.reader(text(), delimiter="\t" if file.kind == ".tsv" else ",")
    header = _header(file, cells)
    if header and ended:
        raise BadInput(f"{file.name} has a quote in its header that is never closed.")
    before = cells.line_num
    try:
        for row in cells:
            at, before = before + 1, cells.line_num
            # a row is there before the next line is asked for, unless a quote is open: then it has swallowed all that
            # follows
            if ended:
                yield at, "from here on it is no CSV (a quote is never closed)"
            elif len(row) == len(header):
                yield at, dict(zip(header, row, strict=True))
            elif row:
                yield at, f"it has {len(row)} cells, the header {len(header)}"
    except csv.Error as error:
        yield before + 1, f"from here on it is no CSV ({error})"
    yield from troubles


def _header(file: TextFile, cells: Iterator[list[str]]) -> list[str]:
    """The first row that is not blank. Raises BadInput."""
    try:
        header = next((row for row in cells if row), [])
    except csv.Error as error:  # lines that end as they did on old Macs, say
        raise BadInput(f"{file.name} is no CSV ({error}).") from None
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{file.name} has two columns called {twice or 'nothing'}; column names must be unique.")
    return header


def _plain(file: TextFile, stream: Stream) -> Iterator[Row]:
    encoding = _encoding(stream) or "utf-8-sig"
    whole = stream.read(2 * LONGEST + 1)
    if len(whole) > 2 * LONGEST:
        yield 1, f"it has more than {2 * LONGEST:,} bytes"
        return
    yield 1, {"text": whole.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace")}


def _parquet(file: TextFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    at, size = 0, file.path.stat().st_size
    try:
        with pq.ParquetFile(
            file.path, buffer_size=1 << 20, pre_buffer=False
        ) as table:  # else a row group is read as a whole
            schema = table.schema_arrow
            twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
            if twice is not None:
                raise BadInput(f"{file.name} has two columns called {twice}; column names must be unique.")
            names = [one.name for one in schema if one.name in wanted or table_columns.is_plain(one.type)]
            others = dict.fromkeys(
                (name for name in schema.names if name not in names), ()
            )  # never a plain value, so it is noted
            for batch in table.iter_batches(_BATCH, columns=names):
                for row in batch.to_pylist():
                    at += 1
                    yield at, {**others, **row} if others else row
                position.done = size * at // max(1, table.metadata.num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if at == 0:
            raise BadInput(f"{file.name} could not be read: {str(error).splitlines()[0]}") from None
        yield at + 1, f"from here on it cannot be read ({str(error).splitlines()[0]})"


def _lines(stream: Stream, errors: str) -> Iterator[tuple[int, str | Trouble]]:
    """Lines with their numbers. UTF-8 is the rule, with or without its mark; UTF-16 is known by its mark."""
    at, encoding = 0, _encoding(stream)
    lines: Any = io.TextIOWrapper(stream, encoding, errors="surrogatepass", newline="\n") if encoding else stream
    try:
        while line := lines.readline(LONGEST):
            at += 1
            if len(line) == LONGEST and line[-1:] not in (b"\n", "\n"):
                while (rest := lines.readline(LONGEST)) and rest[-1:] not in (b"\n", "\n"):
                    pass
                yield at, Trouble(f"it is longer than {LONGEST:,} characters")
                continue
            if not encoding:
                try:
                    line = line.decode("utf-8-sig" if at == 1 else "utf-8", errors)
                except UnicodeDecodeError as error:
                    yield at, Trouble(f"its byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8")
                    continue
            yield at, line
    except (*UNPACKING, UnicodeDecodeError) as error:
        yield (
            at + 1,
            Trouble(
                f"from here on it cannot be read ({'it is cut off' if isinstance(error, EOFError) else str(error)})"
            ),
        )


def _encoding(stream: Stream) -> str | None:
    return _BOMS.get(stream.peek(2)[:2])


_READERS = {".jsonl": _json_lines, ".ndjson": _json_lines, ".json": _json, ".csv": _csv, ".tsv": _csv}
