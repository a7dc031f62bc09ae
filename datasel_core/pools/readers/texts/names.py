"""What samples are called: by the id that stands in their row, else by file and line."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.texts.files import PLAIN, TextFile
from datasel_core.pools.readers.texts.turns import BadRow, shown

_LONGEST_ID = 1_000
_INEXACT = 2.0**53
"""From here on floats skip whole numbers."""


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


def sample_id(file: TextFile, at: int, given: Any, with_file: bool) -> str:
    """The name that was given; else file and line, which are the same whatever stands in other lines. Raises BadRow."""
    if given is None or given == "" or given != given:
        return place_id(file, at)
    id = str(_exact(given))
    if len(id) > _LONGEST_ID or not id.isprintable() or id.isspace():
        raise BadRow(f"its id {shown(id)!r} has more than {_LONGEST_ID:,} characters, or some that cannot be printed")
    return f"{file.stem}/{id}" if with_file else id


def sample_ids(file: TextFile, given: Sequence[Any], with_file: bool) -> list[str] | None:
    """Names of many samples at once, where all were given and will do."""
    if set(map(type, given)) not in ({str}, {int}):
        return None
    ids = list(map(str, given))
    if not all(ids) or not all(map(str.isprintable, ids)) or any(map(str.isspace, ids)):
        return None
    if max(map(len, ids)) > _LONGEST_ID:
        return None
    return [f"{file.stem}/{id}" for id in ids] if with_file else ids


def place_id(file: TextFile, at: int) -> str:
    return file.stem if file.kind in PLAIN else f"{file.stem}-{at:05d}"


def listed_id(file: TextFile, at: int, row: Mapping[str, Any] | str, named: Named) -> str:
    """How a row that is left out is listed."""
    try:
        return sample_id(file, at, None if isinstance(row, str) else row.get(named.id_column), named.with_file)
    except BadRow:
        return place_id(file, at)


def _exact(given: Any) -> str | int | UUID:
    """An id that lost nothing: tables with a gap write whole numbers as 1.0. Raises BadRow."""
    if isinstance(given, float | Decimal) and math.isfinite(given) and given == given // 1:
        if isinstance(given, float) and abs(given) >= _INEXACT:
            raise BadRow(
                f"its id is {given!r}, a rounded number: beyond 9,007,199,254,740,992 other ids would be the same; it "
                "must be text or a whole number"
            )
        return int(given)
    if isinstance(given, bool) or not isinstance(given, str | int | UUID):
        raise BadRow(f"its id is {shown(table_columns.as_text(given))}; it must be text or a whole number")
    return given
