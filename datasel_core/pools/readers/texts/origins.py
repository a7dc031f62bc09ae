"""Where the rows of some text samples stand: the source is read again, and named, as it was."""

from collections.abc import Collection
from pathlib import Path

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


def text_origins(
    source: Path, shapes: Shapes, named: Named, ids: Collection[str], workspace: Workspace, progress: Progress
) -> dict[str, Origin] | None:
    """id -> where its row stands, with the hash that it has now; None where samples are whole files. Reads no further
    than to the last of these. Raises BadInput when there is no source.
    """
    wanted = wanted_columns(shapes, named)
    files, _ = find_files(source, workspace, wanted)
    if all(file.is_plain for file in files):
        return None
    reader, left, found = Reader(shapes.known()), set(ids), {}
    track = progress.track(len(left), "finding rows in the source")
    for file in files:
        for row in rows(file, Position(), wanted) if left else ():
            if (id := _id(file, row, named)) not in left:
                progress.check()
            elif (content := _content(file, row, reader)) is not None:
                found[id] = Origin(file, row[0], {"content": content}, wanted)
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


def _content(file: TableFile, row: Row, reader: Reader) -> str | None:
    """The hash of a sample; None where the row is none."""
    values = row[1]
    try:
        sample = reader.read(
            {name: filled(value) for name, value in values.items()} if file.kind in COLUMNAR else values
        )
        return content_of(sample.turns, sample.rejected, sample.label)
    except BadRow:
        return None
