"""Samples on their way from rows of tables to disk: parts, what was left out, and where each one stands."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.spool import Spool
from datasel_core.pools.readers.tables.table_file import DELIMITED, TableFile
from datasel_core.pools.readers.texts.rows import Beside

LISTED = 1_000
"""Samples left out that are named; of a file that is broken throughout, the rest are counted."""
MOST_NAMES = 1_000
MOST_NOTES = 20


@dataclass(kw_only=True)
class Gathering:
    """What has been read so far. names: columns that were seen. files, lines: where each sample stands.

    part_rows, part_characters: a part becomes a row group, which is what is read to see one sample.
    """

    spool: Spool
    part_rows: int
    part_characters: int
    beside: Beside = field(default_factory=Beside)
    part: list[dict[str, Any]] = field(default_factory=list)
    characters: int = 0
    guess: bool = False
    ids: list[pa.Array] = field(default_factory=list)
    files: array = field(default_factory=lambda: array("l"))
    lines: array = field(default_factory=lambda: array("q"))
    names: dict[str, None] = field(default_factory=dict)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    left_out: int = 0
    said: list[str] = field(default_factory=list)

    def refuse(self, id: str, reason: str) -> None:
        self.left_out += 1
        if len(self.unreadable) < LISTED:
            self.unreadable.append({"id": id, "reason": reason})

    def saw(self, names: Sequence[str]) -> None:
        """The columns of a row."""
        if len(self.names) < MOST_NAMES:
            self.names.update(dict.fromkeys(names))

    def go_on(self, guess: bool) -> None:
        """guess: whether the next file holds text that may be numbers; a part holds rows of one sort."""
        if guess is not self.guess:
            self.keep()
        self.guess = guess

    def put(self, number: int, at: int, one: dict[str, Any]) -> None:
        """One sample, of row `at` of file `number`."""
        self.files.append(number)
        self.lines.append(at)
        self.part.append(one)
        self.characters += sum([len(value) for value in one.values() if value.__class__ is str])
        if len(self.part) == self.part_rows or self.characters > self.part_characters:
            self.keep()

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
        return self.part_rows - len(self.part)

    def counted(self) -> list[str]:
        """A note where more was left out than is listed."""
        if self.left_out <= len(self.unreadable):
            return []
        return [f"{self.left_out:,} rows were left out; the first {LISTED:,} are listed."]

    def check_unique(self, files: Sequence[TableFile]) -> None:
        """Raises BadInput for the first id that comes twice, naming both places."""
        ids = pa.chunked_array(self.ids)
        if pc.count_distinct(ids).as_py() == len(ids):
            return
        first: dict[str, int] = {}
        for at, id in enumerate(ids.to_pylist()):
            if id in first:
                one, other = (files[self.files[row]].place(self.lines[row]) for row in (first[id], at))
                apart = self.files[first[id]] != self.files[at]
                more = " Add the pool with --option ids=file_and_id." if apart else ""
                raise BadInput(f"The id {id!r} stands in {one} and in {other}; ids must be unique.{more}")
            first[id] = at


G = TypeVar("G", bound=Gathering)


def read_all(
    files: list[TableFile],
    wanted: frozenset[str],
    reading: G,
    read: Callable[[int, TableFile, G, frozenset[str], Track, int], None],
    progress: Progress,
    label: str,
) -> None:
    """File after file into `reading`, of which all is kept at the end. read: one of them, by its number; it advances
    the track, which counts MB, of which the last argument are bytes before this file.
    """
    sizes = [file.path.stat().st_size if file.path.is_file() else 0 for file in files]
    track, before = progress.track(max(1, sum(sizes) >> 20), label), 0
    for number, (file, size) in enumerate(zip(files, sizes, strict=True)):
        reading.go_on(guess=file.kind in DELIMITED)
        read(number, file, reading, wanted, track, before)
        before += size
        track.advance((before >> 20) - track.done)
    reading.keep()
    track.finish()
