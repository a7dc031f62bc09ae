"""Facts become a pool: every row of every file is read once, and waits on disk until all columns are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.long_columns import Texts
from datasel_core.pools.readers.facts.columns import ColumnReader
from datasel_core.pools.readers.facts.counts import Counts
from datasel_core.pools.readers.facts.fact import ALL, Fact
from datasel_core.pools.readers.facts.parts import table_of
from datasel_core.pools.readers.facts.templates import TemplateReader
from datasel_core.pools.readers.facts.wordings import Wordings
from datasel_core.pools.readers.spool import Spool
from datasel_core.pools.readers.tables.files import find_files
from datasel_core.pools.readers.tables.rows import rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.gathering import MOST_NAMES, MOST_NOTES, Gathering, read_all
from datasel_core.pools.readers.texts.names import Named, given_id, listed_id, sample_id
from datasel_core.pools.readers.texts.parts import parts
from datasel_core.pools.readers.texts.rows import Beside
from datasel_core.pools.readers.texts.shapes import NoShape, named
from datasel_core.pools.readers.texts.turns import BadRow
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

QUESTION, ANSWER = "question", "answer"
"""Columns of the pool that hold what a language model reads, and what it is to answer."""
SAID = (QUESTION, ANSWER, "relation", "fact", "wording")
_PART_ROWS = 1_000
_PART_CHARACTERS = 4 << 20


@dataclass(kw_only=True)
class _Reading(Gathering):
    """What has been read so far, and how rows are read. is_named: facts are told apart."""

    named: Named
    reader: ColumnReader | TemplateReader
    is_named: bool
    wordings: Wordings
    counts: Counts = field(default_factory=Counts)
    no_shape: int = 0


def scan_facts(
    source: Path,
    reader: ColumnReader | TemplateReader,
    asked: tuple[list[str], frozenset[str]],
    ids: Named,
    is_named: bool,
    workspace: Workspace,
    progress: Progress,
) -> Scan:
    """asked: columns that must be there, and those that are needed though they hold lists. ids: what samples are
    called. is_named: facts are told apart.

    Raises BadInput when there is no table, an option names no column, ids repeat, or nothing is left.
    """
    must, wanted = asked
    files, notes = find_files(source, workspace, wanted)
    if all(file.is_plain for file in files):
        raise BadInput(f"{source.name} holds texts and no table; facts stand in .jsonl, .json, .csv or .parquet files.")
    spool = Spool(workspace, ("id", *SAID), ("content",), (QUESTION,), (ANSWER, "fact"))
    try:
        reading = _Reading(
            spool=spool,
            part_rows=_PART_ROWS,
            part_characters=_PART_CHARACTERS,
            beside=Beside(frozenset(SAID)),
            named=ids,
            reader=reader,
            is_named=is_named,
            wordings=Wordings(is_named),
        )
        read_all(files, wanted, reading, _read, progress, "reading facts (MB)")
        _check(source, must, reading)
        reading.check_unique(files)
        path, long = spool.finish(progress)
        names = [name for name in pq.read_schema(path).names if name not in long]
        table = pq.read_table(path, columns=names, partitioning=None)
        questions = Texts(path, long)
        notes += reading.said + reading.counts.notes(lambda row: questions.value(QUESTION, row), is_named)
    except BaseException:
        spool.close()
        raise
    if reading.counts.relations.keys() == {ALL}:
        notes.append(f"No column says the relation: all facts are one, called {ALL}.")
    notes += reading.wordings.notes() + reading.beside.notes() + reading.counted()
    root = source if source.is_dir() else source.parent
    return Scan(
        table, root, reading.unreadable, notes, left_out=reading.left_out, file=path, texts=long, close=spool.close
    )


def _read(number: int, file: TableFile, reading: _Reading, wanted: frozenset[str], track: Track, before: int) -> None:
    position, names = Position(), ()
    by_columns = isinstance(reading.reader, ColumnReader)
    for part in parts(rows(file, position, wanted), reading.room, _PART_CHARACTERS):
        track.advance(((before + position.bytes()) >> 20) - track.done)
        table = None
        if by_columns and len(part) == _PART_ROWS:
            how = reading.reader, reading.named, reading.beside, reading.wordings, reading.counts
            table = table_of(file, part, *how, _PART_CHARACTERS)
        for at, row in part if table is None else part[:1]:
            if not isinstance(row, str) and tuple(row) != names:
                names = tuple(row)
                reading.saw(names)
            if table is None:
                _read_row(number, file, at, row, reading)
        if table is not None:
            reading.files.extend([number] * len(part))
            reading.lines.extend([at for at, _ in part])
            reading.add(table)
    reading.said += position.notes[: MOST_NOTES - len(reading.said)]


def _read_row(number: int, file: TableFile, at: int, row: Mapping[str, Any] | str, reading: _Reading) -> None:
    try:
        if isinstance(row, str):
            raise BadRow(row)
        for name, one in _facts(file, at, row, reading):
            if isinstance(one, BadRow):
                reading.refuse(name, f"{file.place(at)}: {one}")
            else:
                reading.put(number, at, one)
    except BadRow as error:
        reading.no_shape += isinstance(error, NoShape)
        reading.refuse(listed_id(file, at, row, reading.named), f"{file.place(at)}: {error}")


def _facts(
    file: TableFile, at: int, row: Mapping[str, Any], reading: _Reading
) -> Iterator[tuple[str, dict[str, Any] | BadRow]]:
    """(id, columns) of each sample of a row, or why it is left out. Raises BadRow where the row gives none."""
    reader, column = reading.reader, reading.named.id_column
    id = sample_id(file, at, given_id(row, reading.named), reading.named.with_file)
    ours = (OURS,) if is_ours(row.get(OURS)) else ()
    if isinstance(reader, ColumnReader):
        one = reader.read(row)
        beside = reading.beside.of(row, (*reader.used(row), column, *ours))
        yield id, {"id": id, **_columns(one, reading), **beside}
        return
    beside = reading.beside.of(row, (column, *ours))
    for name, made in reader.read(row):
        name = f"{id}/{name}"
        try:
            yield name, made if isinstance(made, BadRow) else {"id": name, **_columns(made, reading), **beside}
        except BadRow as error:
            yield name, error


def _columns(one: Fact, reading: _Reading) -> dict[str, Any]:
    """Raises BadRow."""
    content, wording = one.content, reading.wordings.number(one)
    fact = reading.counts.add(one)
    found = {QUESTION: one.question, ANSWER: one.answer, "relation": one.relation, "content": content}
    found |= {"fact": fact} if reading.is_named else {}
    return found if wording is None else found | {"wording": wording}


def _check(source: Path, must: list[str], reading: _Reading) -> None:
    named_ones = [*must, *([reading.named.id] if reading.named.id else [])]
    missing = next((name for name in named_ones if name not in reading.names), None)
    if missing is not None and reading.names and len(reading.names) < MOST_NAMES:
        raise BadInput(f"{source.name} has no column {missing}; it has: {named(reading.names)}.")
    if reading.ids:
        return
    if not reading.left_out:
        raise BadInput(f"{source.name} has no rows.")
    if reading.no_shape == reading.left_out:
        raise BadInput(
            f"{source.name} has no question with its answer; it has: {named(reading.names)}. Name the columns with "
            "--option question_column=NAME and --option answer_column=NAME, or make facts of others with --option "
            "templates=FILE."
        )
    first = reading.unreadable[0]
    raise BadInput(f"None of the {reading.left_out:,} rows in {source.name} can be used ({first['reason']}).")
