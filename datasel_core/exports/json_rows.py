"""Rows as the text of JSON objects: a source's own text with a key more, cells of a CSV, values of a typed table."""

import datetime
import json
import math
import re
import uuid
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from datasel_core.errors import BadRequest
from datasel_core.pools.readers.tables import typed

_BREAK = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SPACE = " \t\r\n"


def one_line(text: str) -> str:
    """The same object in one line: no text of JSON holds a line break itself."""
    text = text.strip("\ufeff" + _SPACE)
    return _BREAK.sub(" ", text) if "\n" in text or "\r" in text else text


def with_keys(text: str, keys: Mapping[str, Any]) -> str:
    """The object with these keys at its end; all before stays as it is, to the letter."""
    if not keys:
        return text
    empty = text[1:-1].strip(_SPACE) == ""
    return f"{text[:-1]}{'' if empty else ', '}{dumped(keys)[1:]}"


def without(text: str, key: str) -> str:
    """The object without a key, wherever it stands; the others stay as they are, to the letter."""
    kept = [text[start:end] for name, start, end in _members(text) if name != key]
    return "{" + ", ".join(kept) + "}"


def names(text: str) -> list[str]:
    """The object's own keys, in order."""
    return [name for name, _, _ in _members(text)]


def _members(text: str) -> list[tuple[str, int, int]]:
    """(key, where it begins, where its value ends)."""
    decode, found = json.JSONDecoder().raw_decode, []
    at = _past(text, 1)
    while text[at] != "}":
        name, end = decode(text, at)
        _, end = decode(text, _past(text, _past(text, end) + 1))
        found.append((name, at, end))
        at = _past(text, end)
        at = _past(text, at + 1) if text[at] == "," else at
    return found


def _past(text: str, at: int) -> int:
    """The first place from here on that is no space."""
    while text[at] in _SPACE:
        at += 1
    return at


def of_cells(cells: Mapping[str, str], numbers: Collection[str]) -> str:
    """numbers: columns that hold numbers or truth values; of these the cell's own text is the number, and an empty cell
    is null. Other cells are text, as they stand there.
    """
    said = [f"{dumped(name)}: {_number(cell) if name in numbers else dumped(cell)}" for name, cell in cells.items()]
    return "{" + ", ".join(said) + "}"


def _number(cell: str) -> str:
    if _NUMBER.fullmatch(cell):
        return cell
    if cell.lower() in ("true", "false"):
        return cell.lower()
    try:
        value = float(cell)
    except ValueError:  # the column is one of numbers, so nothing stands there
        return dumped(cell) if cell else "null"
    return dumped(value) if math.isfinite(value) else "null"


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_written, allow_nan=False)


def of_values(row: Mapping[str, Any]) -> tuple[str, bool]:
    """The row, and whether it had NaN or infinite numbers: JSON has null for them. Raises BadRequest for bytes."""
    try:
        return dumped(row), False
    except typed.BadValue:
        held = next(name for name, value in row.items() if _holds_bytes(value))
        raise BadRequest(
            f"The column {held} holds bytes, for which JSON has no place; export parquet, or take --shape columns."
        ) from None
    except ValueError:
        return dumped(finite(row)), True


def finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have: null."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _holds_bytes(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, bytes) or any(map(_holds_bytes, inner))


def _written(value: Any) -> Any:
    """What JSON has no word for: exact numbers as a number where it says the same, else as text; times as ISO 8601;
    bytes that are text as text. Raises BadValue for other bytes.
    """
    if isinstance(value, bytes):
        return typed.id_of(value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta | uuid.UUID):
        return str(value)
    return str(value)
