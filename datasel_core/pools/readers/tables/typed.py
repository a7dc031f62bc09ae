"""Values that tables give, as what they are: ids and texts word for word, columns of CSV as numbers where all are."""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import RFC_4122, UUID

import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns

AS_WRITTEN = "as_written"
"""A column beside the others: JSON with the cells of a CSV that are kept as numbers or truth values, by column, where
writing these would not give the source's own text back (1.50, TRUE). It is part of no filter and no list of columns.
"""

EXACT = 1 << 53
"""Whole numbers below it are exact in a float."""

_NUMBER = r"^[+-]?(0|[1-9][0-9]{0,14})?(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
_NO_NUMBER = r"^(?i:nan|[+-]?inf)$"
"""How tools write among numbers what is none."""


class BadValue(BadInput):
    """A value will not do; the text is the reason, without a subject."""


def is_missing(value: Any) -> bool:
    """None, and NaN, which is how some tools write it."""
    return value is None or (isinstance(value, float) and value != value)


def id_of(value: Any) -> str | None:
    """A sample's name as the source has it; None where it has none. pandas makes floats of whole numbers when some are
    missing. Raises BadValue.
    """
    if is_missing(value):
        return None
    if isinstance(value, float) and EXACT <= abs(value) < math.inf:
        raise BadValue(f"{value}, a number that was rounded (beyond 2^53); write ids as text")
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, bool) or not isinstance(value, str | int | bytes | date):
        raise BadValue(f"{_shown(value)}; it must be text or a whole number")
    if isinstance(value, bytes):
        return _uuid(value) or _decoded(value)
    return str(value)


def _uuid(value: bytes) -> str | None:
    """Sixteen bytes that say of themselves that they are a UUID (RFC 4122: its variant and a version)."""
    found = UUID(bytes=value) if len(value) == 16 else None
    return str(found) if found is not None and found.variant == RFC_4122 and 1 <= (found.version or 0) <= 8 else None


def text_of(value: Any) -> str | None:
    """Text, or a number as text; None where it is missing. Raises BadValue."""
    if is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | bytes | Decimal):
        raise BadValue(f"{_shown(value)}; it must be text")
    return _decoded(value) if isinstance(value, bytes) else str(value)


def _decoded(value: bytes) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        if (text := value.decode()).replace("\n", " ").replace("\t", " ").isprintable():
            return text
    raise BadValue(f"{_shown(value)} that are no text; write text")


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = " ".join(table_columns.as_text(value).split()).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 60 else text[:57] + "..."


def broken_text(row: Mapping[str, Any]) -> str:
    """What is wrong with the first name or text of a row that no file could hold; nothing where all is well."""
    for name, value in row.items():
        if not name.isascii() and (character := _lone(name)):
            return f"its column {_shown(name)} {unicode_trouble(character)}"
        if value.__class__ is str and not value.isascii() and (character := _lone(value)):
            return f"its {_shown(name)} {unicode_trouble(character)}"
    return ""


def _lone(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return text[error.start]
    return ""


def unicode_trouble(character: str) -> str:
    """What is wrong with a lone surrogate: one of these stands for a byte that could not be decoded."""
    if "\udc80" <= character <= "\udcff":
        return f"holds the byte 0x{ord(character) - 0xDC00:02x}, which is not UTF-8"
    return f"holds \\u{ord(character):04x}, half of a character"


def guessed(column: pa.Array | pa.ChunkedArray) -> pa.DataType:
    """What the cells of a CSV are: whole numbers, numbers or truth values if every filled cell is one, else text; empty
    cells look like anything. 007 is no number, nor is what has more digits than a number keeps.
    """
    import pyarrow.compute as pc  # here, as it takes a tenth of a second, and the names above are known everywhere

    filled = column.filter(pc.fill_null(pc.not_equal(column, ""), False))
    if not len(filled):
        return pa.null()
    with contextlib.suppress(pa.ArrowException):
        numbers = filled.cast(pa.int64())
        if numbers.cast(pa.string()).equals(filled):
            return pa.int64() if pc.max(pc.abs_checked(numbers)).as_py() < 10**15 else pa.string()
    with contextlib.suppress(pa.ArrowException):
        filled.cast(pa.float64())
        plain = pc.match_substring_regex(filled, _NUMBER)
        fitting = pc.or_(plain, pc.match_substring_regex(filled, _NO_NUMBER))
        return pa.float64() if pc.all(fitting).as_py() and pc.any(plain).as_py() else pa.string()
    lower = pc.utf8_lower(filled)
    return pa.bool_() if pc.all(pc.is_in(lower, pa.array(["true", "false"]))).as_py() else pa.string()


def converted(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Cells of text as this type, empty ones as null."""
    import pyarrow.compute as pc

    if pa.types.is_null(kind):
        return pa.nulls(len(column))
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column).cast(kind)


def is_exact(text: str | None, kind: pa.DataType) -> bool:
    """Whether a cell of text, kept as this type, is written as the same text again. Whole numbers were looked at."""
    if not text or not (pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return True
    if pa.types.is_boolean(kind):
        return text in ("True", "False")
    return math.isfinite(number := float(text)) and repr(number) == text


def label_of(value: Any) -> str | None:
    """What a sample is said to belong to, as text, whatever it is; None where it is missing."""
    try:
        return id_of(value)
    except BadValue:
        return table_columns.as_text(value)


def as_written(columns: Mapping[str, Sequence[str | None]], count: int) -> pa.Array:
    """(count,) JSON of the cells of these columns, by name; of a row without any, nothing."""
    rows: list[dict[str, str]] = [{} for _ in range(count)]
    for name, cells in columns.items():
        for row, cell in zip(rows, cells, strict=True):
            if cell:
                row[name] = cell
    return pa.array([table_columns.as_text(row) if row else None for row in rows], pa.string())


def renamed(written: pa.ChunkedArray, names: Mapping[str, str]) -> pa.Array:
    """The same after columns got other names."""
    rows = [json.loads(said) if said else {} for said in written.to_pylist()]
    rows = [{names.get(name, name): cell for name, cell in row.items()} for row in rows]
    return pa.array([table_columns.as_text(row) if row else None for row in rows], pa.string())
