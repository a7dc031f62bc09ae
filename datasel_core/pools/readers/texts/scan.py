"""Texts become a pool: every row of every file is read once, and waits on disk until all columns are known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.spool import Spool
from datasel_core.pools.readers.tables.files import find_files
from datasel_core.pools.readers.tables.rows import rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.gathering import MOST_NAMES, MOST_NOTES, Gathering, read_all
from datasel_core.pools.readers.texts.names import Named, given_id, listed_id, sample_id, wanted_columns
from datasel_core.pools.readers.texts.parts import parts, table_of
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.rows import TEXTS, checked, columns_of, content_of
from datasel_core.pools.readers.texts.shapes import Ambiguous, BadRow, NoShape, Reader, Shapes, named, shown
from datasel_core.pools.readers.texts.spans import SPANS
from datasel_core.pools.readers.texts.turns import DEFINITIONS, filled
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_READ = frozenset({"id", "source", "group", "content", SPANS, *DEFINITIONS})
_PART_ROWS = 1_000
_PART_CHARACTERS = 4 << 20
"""A part becomes a row group, which is what is read to see one sample."""


@dataclass(kw_only=True)
class _Reading(Gathering):
    """What has been read so far, and how rows are read."""

    named: Named
    reader: Reader
    texts: tuple[str, ...] = TEXTS
    no_shape: int = 0
    marked: int = 0

    def second(self) -> None:
        """There are second responses: text, whatever they look like."""
        if REJECTED not in self.texts:
            self.texts = (*self.texts, REJECTED)
            self.spool.add_long(REJECTED)


def scan_texts(source: Path, shapes: Shapes, named: Named, workspace: Workspace, progress: Progress) -> Scan:
    """Raises BadInput when there is no file, an option names no column, ids repeat, or nothing is left."""
    wanted = wanted_columns(shapes, named)
    files, notes = find_files(source, workspace, wanted)
    spool = Spool(workspace, ("id", *TEXTS, "source"), ("content",), TEXTS)
    try:
        how = {"part_rows": _PART_ROWS, "part_characters": _PART_CHARACTERS}
        reading = _Reading(named=named, reader=Reader(shapes.known(), shapes.spans), spool=spool, **how)
        read_all(files, wanted, reading, _read, progress, "reading texts (MB)")
        _check(source, shapes, reading)
        reading.check_unique(files)
        path, long = spool.finish(progress)
        table = pq.read_table(
            path, columns=[name for name in pq.read_schema(path).names if name not in long], partitioning=None
        )
    except BaseException:
        spool.close()
        raise
    notes += reading.said + reading.beside.notes() + _unread(pq.read_schema(path), reading.texts) + reading.counted()
    notes += [f"Facts are marked in {reading.marked:,} texts."] if reading.marked else []
    root = source if source.is_dir() else source.parent
    return Scan(
        table, root, reading.unreadable, notes, left_out=reading.left_out, file=path, texts=long, close=spool.close
    )


def _unread(schema: pa.Schema, texts: Sequence[str]) -> list[str]:
    """Which columns of text somebody may have thought to be part of the sample."""
    others = [one.name for one in schema if pa.types.is_string(one.type) and one.name not in _READ.union(texts)]
    return [f"Not part of the sample: {named(others)}."] if others else []


def _read(number: int, file: TableFile, reading: _Reading, wanted: frozenset[str], track: Track, before: int) -> None:
    position, names, first = Position(), (), True
    for part in parts(rows(file, position, wanted), reading.room, _PART_CHARACTERS):
        track.advance(((before + position.bytes()) >> 20) - track.done)
        table = None
        if len(part) == _PART_ROWS:
            table = table_of(file, part, reading.reader, reading.named, reading.beside, _PART_CHARACTERS)
        for at, row in part if table is None else part[:1]:
            if not isinstance(row, str) and tuple(row) != names:
                names = tuple(row)
                reading.saw(names)
            if table is None:
                _read_row(number, file, at, row, reading, first)
            first = first and isinstance(row, str)
        if table is not None:
            reading.files.extend([number] * len(part))
            reading.lines.extend([at for at, _ in part])
            reading.add(table)
    reading.said += position.notes[: MOST_NOTES - len(reading.said)]


def _read_row(number: int, file: TableFile, at: int, row: Any, reading: _Reading, first: bool) -> None:
    """first: whether no other row of the file was one."""
    try:
        if isinstance(row, str):
            raise BadRow(row)
        if file.kind in COLUMNAR:  # its objects all have the same keys, null where the source had none
            row = {name: filled(value) for name, value in row.items()}
        one = _sample(file, at, row, reading)
    except BadRow as error:
        if isinstance(error, Ambiguous) and first:
            raise BadInput(
                f"{file.name}: {error}; say which with --option text_column=NAME, or prompt_column=NAME and "
                "response_column=NAME."
            ) from None
        reading.no_shape += isinstance(error, NoShape)
        reading.refuse(listed_id(file, at, row, reading.named), f"{file.place(at)}: {error}")
        return
    reading.put(number, at, one)


def _sample(file: TableFile, at: int, row: Mapping[str, Any], reading: _Reading) -> dict[str, Any]:
    """Raises BadRow."""
    sample = reading.reader.read(row)
    id_column, source_column = reading.named.id_column, reading.named.source_column
    source = row.get(source_column)
    if isinstance(source, float) and not math.isfinite(source):
        source = None  # how some tools write what is missing
    if source is not None and not isinstance(source, (str, int, float)):
        reading.beside.nested.add(shown(source_column))
        source = None
    one = {
        "id": sample_id(file, at, given_id(row, reading.named), reading.named.with_file),
        **columns_of(sample.turns),
        "content": content_of(sample.turns, sample.rejected, sample.label, sample.spans),
    }
    if sample.spans is not None:
        one[SPANS] = sample.spans
        reading.marked += 1
    if sample.rejected is not None:
        one[REJECTED] = sample.rejected
        reading.second()
    ours = (OURS,) if is_ours(row.get(OURS)) else ()
    beside = reading.beside.of(row, (*sample.used, id_column, source_column, *ours))
    said = (
        table_columns.as_text(source)
        if source is not None and source != ""
        else file.source
        if not beside.get("group")
        else None
    )
    if said is not None:
        checked(source_column, said)
        one["source"] = said
    return one | beside


def _check(source: Path, shapes: Shapes, reading: _Reading) -> None:
    wanted = (shapes.text, shapes.prompt, shapes.response, shapes.spans, reading.named.id, reading.named.source)
    missing = next((name for name in wanted if name is not None and name not in reading.names), None)
    if missing is not None and reading.names and len(reading.names) < MOST_NAMES:
        raise BadInput(f"{source.name} has no column {missing}; it has: {named(reading.names)}.")
    if reading.ids:
        return
    if not reading.left_out:
        raise BadInput(f"{source.name} has no rows.")
    if reading.no_shape == reading.left_out:
        raise BadInput(
            f"{source.name} has no column text, no messages, and no prompt with response; it has: "
            f"{named(reading.names)}. "
            "Name them with --option text_column=NAME, or prompt_column=NAME and response_column=NAME."
        )
    first = reading.unreadable[0]
    raise BadInput(f"None of the {reading.left_out:,} rows in {source.name} can be used ({first['reason']}).")
