"""What samples are called: by the id that stands in their row, else by file and line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasel_core.pools.readers.tables import typed
from datasel_core.pools.readers.tables.table_file import TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.shapes import USUAL, Shapes
from datasel_core.pools.readers.texts.turns import BadRow, shown

_LONGEST_ID = 1_000


@dataclass(frozen=True)
class Named:
    """Columns that were named with options; None takes the usual name. with_file: the file is part of every name."""

    id: str | None = None
    source: str | None = None
    with_file: bool = False

    @property
    def id_column(self) -> str:
        return self.id or "id"

    @property
    def source_column(self) -> str:
        return self.source or "source"


def wanted_columns(shapes: Shapes, named: Named) -> frozenset[str]:
    """Columns that are needed though they hold lists."""
    columns = (shapes.text, shapes.prompt, shapes.response, shapes.spans, named.id_column)
    return USUAL | {OURS, *(name for name in columns if name)}


def given_id(row: Mapping[str, Any], named: Named) -> Any:
    """What stands in a row for its name; in one that was exported, unless a column is named, that of its sample."""
    own = row.get(OURS)
    return own["id"] if named.id is None and is_ours(own) else row.get(named.id_column)


def sample_id(file: TableFile, at: int, given: Any, with_file: bool) -> str:
    """The name that was given; else file and line, which are the same whatever stands in other lines. Raises BadRow."""
    try:
        id = typed.id_of(given)
    except typed.BadValue as error:
        raise BadRow(f"its id is {error}") from None
    if not id:
        return place_id(file, at)
    if len(id) > _LONGEST_ID or not id.isprintable() or id.isspace():
        raise BadRow(f"its id {shown(id)!r} has more than {_LONGEST_ID:,} characters, or some that cannot be printed")
    return f"{file.stem}/{id}" if with_file else id


def sample_ids(file: TableFile, given: Sequence[Any], with_file: bool) -> list[str] | None:
    """Names of many samples at once, where all were given and will do."""
    if set(map(type, given)) not in ({str}, {int}):
        return None
    ids = list(map(str, given))
    if not all(ids) or not all(map(str.isprintable, ids)) or any(map(str.isspace, ids)):
        return None
    if max(map(len, ids)) > _LONGEST_ID:
        return None
    return [f"{file.stem}/{id}" for id in ids] if with_file else ids


def place_id(file: TableFile, at: int) -> str:
    return file.stem if file.is_plain else f"{file.stem}-{at:05d}"


def listed_id(file: TableFile, at: int, row: Mapping[str, Any] | str, named: Named) -> str:
    """How a row that is left out is listed."""
    try:
        return sample_id(file, at, None if isinstance(row, str) else given_id(row, named), named.with_file)
    except BadRow:
        return place_id(file, at)
