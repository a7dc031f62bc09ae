"""Objects of JSON as rows: one a line, in a list, or inside one object that holds a table."""

import io
import itertools
import json
from collections.abc import Iterator
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.pools.readers import json_values
from datasel_core.pools.readers.tables import streams
from datasel_core.pools.readers.tables.json_list import items
from datasel_core.pools.readers.tables.streams import Position, Stream, Trouble
from datasel_core.pools.readers.tables.table_file import TableFile

Row = tuple[int, dict[str, Any] | str]


def line_rows(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    with streams.opened(file.path, position) as stream:
        yield from _of_lines(stream, position)


def json_rows(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    """A list of objects; lines of them, as many call it; or one object with a table inside: see `table_inside`. Raises
    BadInput for any other object.
    """
    with streams.opened(file.path, position) as stream:
        if _first_character(stream) != "{":
            yield from _of_list(stream, position)
            return
        found = _of_lines(stream, position)
        passes, position.passes = position.passes, None  # the first two tell what it is
        texts = [(row, position.text) for row in itertools.islice(found, 2)]
        begin = [row for row, _ in texts]
        if len(begin) == 2 and isinstance(begin[0][1], dict):
            for row, position.text in texts:
                yield row
            position.passes = passes
            yield from found
            return
    whole = _whole(file, position)
    if whole is None and len(begin) == 2 and isinstance(begin[1][1], dict):  # lines, of which the first is broken
        yield from line_rows(file, position, wanted)
        return
    table = table_inside(whole, wanted) if isinstance(whole, dict) else None
    if table is not None:
        position.text = None
        yield from enumerate(table, 1)
    elif begin and isinstance(begin[0][1], dict):
        position.text = texts[0][1]
        yield from begin
    else:
        raise BadInput(f"{file.name} is one JSON object; give a list of objects, or one object a line.")


def holds_rows(file: TableFile, wanted: frozenset[str]) -> bool:
    """Whether a .json in a folder is a table, and not a description of one: a list is; objects are when they have a
    wanted column.
    """
    begin = streams.first_bytes(file.path, 64).lstrip(streams.BLANK)
    if not begin.startswith((b"{", b"\xff\xfe", b"\xfe\xff")):
        return begin.startswith(b"[")
    try:
        first = list(itertools.islice(json_rows(file, Position(), wanted), 2))
    except (BadInput, *streams.UNPACKING):
        return False
    return any(isinstance(row, dict) and not wanted.isdisjoint(row) for _, row in first)


def table_inside(whole: dict[str, Any], wanted: frozenset[str]) -> list[dict[str, Any]] | None:
    """The rows of one object: its only list of objects, as in `{"data": [...]}`; its lists of equal length as columns;
    or columns as pandas writes them, `{"text": {"0": ..., "1": ...}}`. None where it is itself a row, or anything else.
    """
    if any(name in wanted and not isinstance(value, list | dict) for name, value in whole.items()):
        return None
    columns = {name: value for name, value in whole.items() if isinstance(value, list)}
    tables = [name for name, value in columns.items() if value and all(isinstance(one, dict) for one in value)]
    if len(tables) == 1 and tables[0] not in wanted:
        return columns[tables[0]]
    if not columns and all(_is_numbered(value) for value in whole.values()):
        columns = {name: list(value.values()) for name, value in whole.items()}
    lengths = {len(value) for value in columns.values()}
    if tables or len(columns) < len(whole) or len(lengths) != 1 or lengths == {0}:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _is_numbered(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == [str(at) for at in range(len(value))]


def _of_lines(stream: Stream, position: Position) -> Iterator[Row]:
    for at, line in streams.lines(stream, "strict"):
        if isinstance(line, Trouble):
            yield at, line.text
        elif line.isspace():
            continue
        elif position.passes is not None and position.passes(at):
            yield at, "nobody asked for it"
        else:
            position.text = line
            yield at, _parsed(line)


def _parsed(line: str) -> dict[str, Any] | str:
    try:
        row = json_values.loads(line)
    except json.JSONDecodeError as error:
        return f"it is not JSON ({error.msg}, character {error.pos + 1})"
    except ValueError as error:  # numbers of thousands of digits
        return f"it is not JSON ({str(error).split(';')[0]})"
    except RecursionError:
        return "it is nested too deeply"
    if isinstance(row, dict):
        return row
    return f"it is JSON, but {'a list' if isinstance(row, list) else 'one value'}, not an object"


def _of_list(stream: Stream, position: Position) -> Iterator[Row]:
    text = io.TextIOWrapper(stream, streams.marked(stream) or "utf-8-sig", errors="surrogateescape")
    for at, item in items(text, streams.LONGEST, position):
        yield at, item if isinstance(item, dict) else item.text if isinstance(item, Trouble) else "it is no object"


def _first_character(stream: Stream) -> str:
    begin = stream.peek(64)[:64]
    if encoding := streams.marked(stream):
        return begin[: len(begin) // 2 * 2].decode(encoding, "ignore").lstrip()[:1]
    return begin.lstrip(streams.BLANK)[:1].decode("ascii", "replace")


def _whole(file: TableFile, position: Position) -> Any:
    """What the file holds; None where it is no JSON, or longer than a row may be."""
    with streams.opened(file.path, position) as stream:
        text = io.TextIOWrapper(stream, streams.marked(stream) or "utf-8-sig", errors="surrogateescape")
        whole = text.read(streams.LONGEST + 1)
    try:
        return json.loads(whole) if len(whole) <= streams.LONGEST else None
    except (ValueError, RecursionError):
        return None
