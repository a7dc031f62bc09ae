"""Texts become a pool: every row of every file is read once, and waits on disk until all columns are known."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.spool import Spool
from datasel_core.pools.readers.texts.files import TextFile, find_files
from datasel_core.pools.readers.texts.lines import Position, rows, unit
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.rows import TEXTS, Beside, checked, columns_of, content_of
from datasel_core.pools.readers.texts.shapes import USUAL, Ambiguous, BadRow, NoShape, Reader, Shapes, named, shown
from datasel_core.pools.readers.texts.turns import DEFINITIONS, filled
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_READ = frozenset({"id", "source", "group", "content", *DEFINITIONS})
LISTED = 1_000
"""Samples left out that are named; of a file that is broken throughout, the rest are counted."""

_PART_ROWS = 1_000
_PART_CHARACTERS = 4 << 20
"""A part becomes a row group, which is what is read to see one sample."""
_LONGEST_ID = 1_000
_COLUMNS = frozenset({".parquet", ".arrow"})
"""Files whose objects all have the same keys, null where the source had none."""
_INEXACT = 2.0**53
"""From here on floats skip whole numbers."""
_MOST_NAMES = 1_000


@dataclass(frozen=True)
class Named:
    """Columns that were named with options; None takes the usual name. with_file: the file is part of every name."""

    id: str | None = None
    source: str | None = None
    with_file: bool = False


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

    def refuse(self, id: str, reason: str) -> None:
        self.left_out += 1
        if len(self.unreadable) < LISTED:
            self.unreadable.append({"id": id, "reason": reason})

    def second(self) -> None:
        """There are second responses: text, whatever they look like."""
        if REJECTED not in self.texts:
            self.texts = (*self.texts, REJECTED)
            self.spool.texts.add(REJECTED)

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
            self.ids.append(table["id"].chunk(0))
            self.spool.add(table, self.guess)
        self.part, self.characters = [], 0


def scan_texts(source: Path, shapes: Shapes, named: Named, workspace: Workspace, progress: Progress) -> Scan:
    """Raises BadInput when there is no file, an option names no column, ids repeat, or nothing is left."""
    files, notes = find_files(source, workspace)
    spool = Spool(workspace)
    try:
        reading = _Reading(named, Reader(shapes.known()), spool)
        _read_all(files, shapes, reading, progress)
        _check(source, shapes, reading)
        _check_unique(files, reading)
        texts = reading.texts
        path, long = spool.finish(("id", *texts, "source"), ("content",), texts, progress)
        table = pq.read_table(
            path, columns=[name for name in pq.read_schema(path).names if name not in long], partitioning=None
        )
    except BaseException:
        spool.close()
        raise
    notes += reading.beside.notes() + _unread(pq.read_schema(path), texts)
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


def _read_all(files: list[TextFile], shapes: Shapes, reading: _Reading, progress: Progress) -> None:
    wanted = USUAL | {name for name in (shapes.text, shapes.prompt, shapes.response, reading.named.id or "id") if name}
    sizes = [file.path.stat().st_size if file.path.is_file() else 0 for file in files]
    track, before = progress.track(max(1, sum(sizes) >> 20), "reading texts (MB)"), 0
    for number, (file, size) in enumerate(zip(files, sizes, strict=True)):
        reading.go_on(guess=file.kind in (".csv", ".tsv"))
        _read(number, file, reading, wanted, track, before)
        before += size
        track.advance((before >> 20) - track.done)
    reading.keep()
    track.finish()


def _read(number: int, file: TextFile, reading: _Reading, wanted: frozenset[str], track: Track, before: int) -> None:
    position, word, usable, before_names = Position(), unit(file), 0, ()
    for count, (at, row) in enumerate(rows(file, position, wanted), 1):
        if count % _PART_ROWS == 0:
            track.advance(((before + position.bytes()) >> 20) - track.done)
        try:
            if isinstance(row, str):
                raise BadRow(row)
            if (names := tuple(row)) != before_names and len(reading.names) < _MOST_NAMES:
                reading.names.update(dict.fromkeys(names))
            before_names = names
            if file.kind in _COLUMNS:
                row = {name: filled(value) for name, value in row.items()}
            usable += 1
            one = _sample(file, at, row, reading)
        except BadRow as error:
            if isinstance(error, Ambiguous) and usable == 1:
                raise BadInput(
                    f"{file.name}: {error}; say which with --option text_column=NAME, or prompt_column=NAME and "
                    "response_column=NAME."
                ) from None
            reading.no_shape += isinstance(error, NoShape)
            place = file.name if file.kind in (".txt", ".md") else f"{word} {at:,} of {file.name}"
            reading.refuse(_id_of(file, at, row, reading), f"{place}: {error}")
            continue
        reading.files.append(number)
        reading.lines.append(at)
        reading.part.append(one)
        reading.characters += sum([len(value) for value in one.values() if value.__class__ is str])
        if len(reading.part) == _PART_ROWS or reading.characters > _PART_CHARACTERS:
            reading.keep()


def _sample(file: TextFile, at: int, row: Mapping[str, Any], reading: _Reading) -> dict[str, Any]:
    """Raises BadRow."""
    sample = reading.reader.read(row)
    id_column, source_column = reading.named.id or "id", reading.named.source or "source"
    source = row.get(source_column)
    if isinstance(source, float) and not math.isfinite(source):
        source = None  # how some tools write what is missing
    if source is not None and not isinstance(source, (str, int, float)):
        reading.beside.nested.add(shown(source_column))
        source = None
    one = {
        "id": _id(file, at, row.get(id_column), reading.named.with_file),
        **columns_of(sample.turns),
        "content": content_of(sample.turns, sample.rejected, sample.label),
    }
    if sample.rejected is not None:
        one[REJECTED] = sample.rejected
        reading.second()
    beside = reading.beside.of(row, (*sample.used, id_column, source_column))
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


def _id(file: TextFile, at: int, given: Any, with_file: bool) -> str:
    """The name that was given; else file and line, which are the same whatever stands in other lines."""
    if given is None or given == "" or given != given:
        return file.stem if file.kind in (".txt", ".md") else f"{file.stem}-{at:05d}"
    id = str(_exact(given))
    if len(id) > _LONGEST_ID or not id.isprintable() or id.isspace():
        raise BadRow(f"its id {shown(id)!r} has more than {_LONGEST_ID:,} characters, or some that cannot be printed")
    return f"{file.stem}/{id}" if with_file else id


def _exact(given: Any) -> str | int | UUID:
    """An id that lost nothing: tables with a gap write whole numbers as 1.0. Raises BadRow."""
    if isinstance(given, float | Decimal) and given == given // 1:
        if isinstance(given, float) and abs(given) >= _INEXACT:
            raise BadRow(
                f"its id is {given!r}, a rounded number: beyond 9,007,199,254,740,992 other ids would be the same; it "
                "must be text or a whole number"
            )
        return int(given)
    if isinstance(given, bool) or not isinstance(given, str | int | UUID):
        raise BadRow(f"its id is {shown(table_columns.as_text(given))}; it must be text or a whole number")
    return given


def _id_of(file: TextFile, at: int, row: Mapping[str, Any] | str, reading: _Reading) -> str:
    """How a row that is left out is listed."""
    try:
        return _id(
            file, at, None if isinstance(row, str) else row.get(reading.named.id or "id"), reading.named.with_file
        )
    except BadRow:
        return _id(file, at, None, False)


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


def _check_unique(files: list[TextFile], reading: _Reading) -> None:
    """Raises BadInput for the first id that comes twice, naming both places."""
    ids = pa.chunked_array(reading.ids)
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    first: dict[str, int] = {}
    for at, id in enumerate(ids.to_pylist()):
        if id in first:
            one, other = (
                f"{unit(files[reading.files[row]])} {reading.lines[row]:,} of {files[reading.files[row]].name}"
                for row in (first[id], at)
            )
            more = (
                " Add the pool with --option ids=file_and_id." if reading.files[first[id]] != reading.files[at] else ""
            )
            raise BadInput(f"The id {id!r} stands in {one} and in {other}; ids must be unique.{more}")
        first[id] = at
