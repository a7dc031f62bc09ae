"""Where the rows of some text samples stand: the source is read again, and named, as it was."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.pools.readers.tables.files import find_files
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.rows import Row, rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, TableFile
from datasel_core.pools.readers.texts.names import Named, given_id, sample_id, wanted_columns
from datasel_core.pools.readers.texts.rows import content_of
from datasel_core.pools.readers.texts.shapes import Reader, Shapes
from datasel_core.pools.readers.texts.turns import BadRow, filled
from datasel_core.workspace.layout import Workspace


class _Passing:
    """Which rows cannot be any of those asked for: samples stand in the source as in the pool, and no later than there
    by more rows than were left out.
    """

    def __init__(self, rows: Sequence[int], left_out: int):
        self.rows, self.left_out = sorted(rows), left_out
        self.at, self._next = 0, 0

    def __call__(self, place: int) -> bool:
        """Whether row `at`, counted from 0 through all files, can be passed over."""
        while self._next < len(self.rows) and self.rows[self._next] <= self.at:
            self._next += 1
        return not self._next or self.rows[self._next - 1] < self.at - self.left_out


def text_origins(
    source: Path,
    shapes: Shapes,
    named: Named,
    asked: Mapping[str, int],
    left_out: int,
    workspace: Workspace,
    progress: Progress,
) -> dict[str, Origin] | None:
    """As `row_origins`, of samples in these shapes."""
    reader = Reader(shapes.known(), shapes.spans)

    def content(values: Mapping[str, Any]) -> str:
        sample = reader.read(values)
        return content_of(sample.turns, sample.rejected, sample.label, sample.spans)

    return row_origins(source, wanted_columns(shapes, named), named, content, asked, left_out, workspace, progress)


def row_origins(
    source: Path,
    wanted: frozenset[str],
    named: Named,
    content: Callable[[Mapping[str, Any]], str],
    asked: Mapping[str, int],
    left_out: int,
    workspace: Workspace,
    progress: Progress,
) -> dict[str, Origin] | None:
    """id -> where its row stands, with the hash that it has now; None where samples are whole files. Reads no further
    than to the last of these.

    content: the hash of the sample in a row; it raises BadRow where the row is none. asked: id -> row of the pool.
    left_out: how many rows of the source are none of the pool's. Raises BadInput when there is no source.
    """
    files, _ = find_files(source, workspace, wanted)
    if all(file.is_plain for file in files):
        return None
    left, found = set(asked), {}
    passing = _Passing(list(asked.values()), left_out)
    track = progress.track(len(left), "finding rows in the source")
    for file in files:
        for row in rows(file, Position(passes=passing), wanted) if left else ():
            passing.at += 1
            if (id := _id(file, row, named)) not in left:
                progress.check()
            elif (now := _content(file, row, content)) is not None:
                found[id] = Origin(file, row[0], {"content": now}, wanted)
                left.remove(id)
                track.advance()
                if not left:
                    break
    track.finish()
    return found


def _id(file: TableFile, row: Row, named: Named) -> str | None:
    """None where it is no sample."""
    at, values = row
    if isinstance(values, str):
        return None
    try:
        return sample_id(file, at, given_id(values, named), named.with_file)
    except BadRow:
        return None


def _content(file: TableFile, row: Row, content: Callable[[Mapping[str, Any]], str]) -> str | None:
    """The hash of a sample; None where the row is none."""
    values = row[1]
    try:
        return content({name: filled(value) for name, value in values.items()} if file.kind in COLUMNAR else values)
    except BadRow:
        return None
