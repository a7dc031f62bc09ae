"""Texts become a pool: every row of every file is read once, and waits on disk until all columns are known."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.spool import Spool
from datasel_core.pools.readers.tables.files import find_files
from datasel_core.pools.readers.tables.rows import rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, DELIMITED, TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.names import Named, given_id, listed_id, sample_id, wanted_columns
from datasel_core.pools.readers.texts.parts import parts, table_of
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.rows import TEXTS, Beside, checked, columns_of, content_of
from datasel_core.pools.readers.texts.shapes import Ambiguous, BadRow, NoShape, Reader, Shapes, named, shown
from datasel_core.pools.readers.texts.turns import DEFINITIONS, filled
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_READ = frozenset({"id", "source", "group", "content", *DEFINITIONS})
LISTED = 1_000
"""Samples left out that are named; of a file that is broken throughout, the rest are counted."""

_PART_ROWS = 1_000
_PART_CHARACTERS = 4 << 20
"""A part becomes a row group, which is what is read to see one sample."""
_MOST_NAMES = 1_000
_MOST_NOTES = 20


@dataclass
class _Reading:
    """What has been read so far. names: columns that were seen. files, lines: where each sample stands."""

    named: Named
    reader: Reader
    spool: Spool
    beside: Beside = field(default_factory=Beside)
    texts: tuple[str, ...] = TEXTS
    part: list[dict[str, Any]] = field(default_factory=list)
    characters: int = 0
    guess: bool = False
    ids: list[pa.Array] = field(default_factory=list)
    files: array = field(default_factory=lambda: array("l"))
    lines: array = field(default_factory=lambda: array("q"))
    names: dict[str, None] = field(default_factory=dict)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    left_out: int = 0
    no_shape: int = 0
    said: list[str] = field(default_factory=list)

    def refuse(self, id: str, reason: str) -> None:
        self.left_out += 1
        if len(self.unreadable) < LISTED:
            self.unreadable.append({"id": id, "reason": reason})

    def second(self) -> None:
        """There are second responses: text, whatever they look like."""
        if REJECTED not in self.texts:
            self.texts = (*self.texts, REJECTED)
            self.spool.add_long(REJECTED)

    def go_on(self, guess: bool) -> None:
        """guess: whether the next file holds text that may be numbers; a part holds rows of one sort."""
        if guess is not self.guess:
            self.keep()
        self.guess = guess

    def keep(self) -> None:
        """The part goes to disk."""
        if self.part:
            columns = dict.fromkeys(name for row in self.part for name in row)
            table = pa.table({name: table_columns.column([row.get(name) for row in self.part]) for name in columns})
            self.add(table)
        self.part, self.characters = [], 0

    def add(self, table: pa.Table) -> None:
        self.ids.append(table["id"].chunk(0))
        self.spool.add(table, self.guess)

    def room(self) -> int:
        """Rows until the part is full."""
        return _PART_ROWS - len(self.part)


def scan_texts(source: Path, shapes: Shapes, named: Named, workspace: Workspace, progress: Progress) -> Scan:
    """Raises BadInput when there is no file, an option names no column, ids repeat, or nothing is left."""
    wanted = wanted_columns(shapes, named)
    files, notes = find_files(source, workspace, wanted)
    spool = Spool(workspace, ("id", *TEXTS, "source"), ("content",), TEXTS)
    try:
        reading = _Reading(named, Reader(shapes.known()), spool)
        _read_all(files, wanted, reading, progress)
        _check(source, shapes, reading)
        _check_unique(files, reading)
        path, long = spool.finish(progress)
        table = pq.read_table(
            path, columns=[name for name in pq.read_schema(path).names if name not in long], partitioning=None
        )
    except BaseException:
        spool.close()
        raise
    notes += reading.said + reading.beside.notes() + _unread(pq.read_schema(path), reading.texts)
    if reading.left_out > len(reading.unreadable):
        notes.append(f"{reading.left_out:,} rows were left out; the first {LISTED:,} are listed.")
    root = source if source.is_dir() else source.parent
    return Scan(
        table, root, reading.unreadable, notes, left_out=reading.left_out, file=path, texts=long, close=spool.close
    )


def _unread(schema: pa.Schema, texts: Sequence[str]) -> list[str]:
    """Which columns of text somebody may have thought to be part of the sample."""
    others = [one.name for one in schema if pa.types.is_string(one.type) and one.name not in _READ.union(texts)]
    return [f"Not part of the sample: {named(others)}."] if others else []


def _read_all(files: list[TableFile], wanted: frozenset[str], reading: _Reading, progress: Progress) -> None:
    sizes = [file.path.stat().st_size if file.path.is_file() else 0 for file in files]
    track, before = progress.track(max(1, sum(sizes) >> 20), "reading texts (MB)"), 0
    for number, (file, size) in enumerate(zip(files, sizes, strict=True)):
        reading.go_on(guess=file.kind in DELIMITED)
        _read(number, file, reading, wanted, track, before)
        before += size
        track.advance((before >> 20) - track.done)
    reading.keep()
    track.finish()


def _read(number: int, file: TableFile, reading: _Reading, wanted: frozenset[str], track: Track, before: int) -> None:
    position, names, first = Position(), (), True
    for part in parts(rows(file, position, wanted), reading.room, _PART_CHARACTERS):
        track.advance(((before + position.bytes()) >> 20) - track.done)
        table = None
        if len(part) == _PART_ROWS:
            table = table_of(file, part, reading.reader, reading.named, reading.beside, _PART_CHARACTERS)
        for at, row in part if table is None else part[:1]:
            if not isinstance(row, str) and tuple(row) != names and len(reading.names) < _MOST_NAMES:
                names = tuple(row)
                reading.names.update(dict.fromkeys(names))
            if table is None:
                _read_row(number, file, at, row, reading, first)
            first = first and isinstance(row, str)
        if table is not None:
            reading.files.extend([number] * len(part))
            reading.lines.extend([at for at, _ in part])
            reading.add(table)
    reading.said += position.notes[: _MOST_NOTES - len(reading.said)]


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
    reading.files.append(number)
    reading.lines.append(at)
    reading.part.append(one)
    reading.characters += sum([len(value) for value in one.values() if value.__class__ is str])
    if len(reading.part) == _PART_ROWS or reading.characters > _PART_CHARACTERS:
        reading.keep()


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
        "content": content_of(sample.turns, sample.rejected, sample.label),
    }
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
    wanted = (shapes.text, shapes.prompt, shapes.response, reading.named.id, reading.named.source)
    missing = next((name for name in wanted if name is not None and name not in reading.names), None)
    if missing is not None and reading.names and len(reading.names) < _MOST_NAMES:
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


def _check_unique(files: list[TableFile], reading: _Reading) -> None:
    """Raises BadInput for the first id that comes twice, naming both places."""
    ids = pa.chunked_array(reading.ids)
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    first: dict[str, int] = {}
    for at, id in enumerate(ids.to_pylist()):
        if id in first:
            one, other = (files[reading.files[row]].place(reading.lines[row]) for row in (first[id], at))
            more = (
                " Add the pool with --option ids=file_and_id." if reading.files[first[id]] != reading.files[at] else ""
            )
            raise BadInput(f"The id {id!r} stands in {one} and in {other}; ids must be unique.{more}")
        first[id] = at
