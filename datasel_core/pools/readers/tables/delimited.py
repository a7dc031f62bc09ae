"""CSV and its dialects as rows of text: what stands between cells, the encoding, the ends of lines are recognised."""

import contextlib
import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.pools.readers.tables import streams
from datasel_core.pools.readers.tables.streams import Position, Trouble
from datasel_core.pools.readers.tables.table_file import TableFile

Row = tuple[int, dict[str, Any] | str]

_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_DECLARED = re.compile(r'"?sep=(.)"?\s*')
"""What Excel writes into the first line."""
_LOOK_LINES, _LOOK_CHARACTERS = 50, 1 << 16
"""Of the beginning, by which a dialect is recognised."""


def delimited_rows(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    csv.field_size_limit(streams.LONGEST)
    encoding, end = _encoding_and_end(file)
    troubles: list[tuple[int, str]] = []
    with streams.opened(file.path, position) as stream:
        written_in = streams.marked(stream) or encoding
        text = _Text(_sound(streams.lines(stream, "surrogateescape", encoding, end), troubles))
        declared = _DECLARED.fullmatch(text.head[0]) if text.head else None
        skipped = 1 if declared else 0
        del text.head[:skipped]
        usual = "\t" if file.kind == ".tsv" else ","
        between = declared[1] if declared else _between(text, usual)
        position.notes += _notes(file, between if between != usual else "", bool(declared), written_in)
        cells = csv.reader(text, delimiter=between)
        header = _header(file, cells)
        position.names = tuple(header)
        if header and text.ended:
            raise BadInput(f"{file.name} has a quote in its header that is never closed.")
        yield from _rows(cells, header, text, skipped)
    yield from troubles


class _Text:
    """The lines, of which the first were looked at. ended: whether the last was taken."""

    def __init__(self, lines: Iterator[str]):
        self._rest = lines
        self.ended, self.whole = False, False
        characters, self.head = 0, []
        for line in itertools.islice(lines, _LOOK_LINES):
            self.head.append(line)
            characters += len(line)
            if characters > _LOOK_CHARACTERS:
                return
        self.whole = len(self.head) < _LOOK_LINES

    def __iter__(self) -> Iterator[str]:
        yield from self.head
        yield from self._rest
        self.ended = True


def _sound(lines: Iterator[tuple[int, str | Trouble]], troubles: list[tuple[int, str]]) -> Iterator[str]:
    for at, line in lines:
        if isinstance(line, Trouble):
            troubles.append((at, line.text))
        else:
            yield line


def _rows(cells: Any, header: list[str], text: _Text, skipped: int) -> Iterator[Row]:
    before = cells.line_num
    try:
        for row in cells:
            at, before = before + 1 + skipped, cells.line_num
            # a row is there before the next line is asked for, unless a quote is open: then it has swallowed all that
            # follows
            if text.ended:
                yield at, "from here on it is no CSV (a quote is never closed)"
            elif len(row) == len(header):
                yield at, dict(zip(header, row, strict=True))
            elif row:
                yield at, f"it has {len(row)} cells, the header {len(header)}"
    except csv.Error as error:
        yield before + 1 + skipped, f"from here on it is no CSV ({error})"


def _encoding_and_end(file: TableFile) -> tuple[str | None, str]:
    with contextlib.suppress(*streams.UNPACKING), streams.opened(file.path, Position()) as stream:
        if not streams.marked(stream):
            return streams.encoding_and_end(stream)
    return None, "\n"


def _header(file: TableFile, cells: Iterator[list[str]]) -> list[str]:
    """The first row that is not blank. Raises BadInput."""
    try:
        header = next((row for row in cells if row), [])
    except csv.Error as error:
        raise BadInput(f"{file.name} is no CSV ({error}).") from None
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{file.name} has two columns called {twice or 'nothing'}; column names must be unique.")
    return header


def _between(text: _Text, usual: str) -> str:
    """What stands between cells: the usual mark where it cuts the header and rows follow it as well as any other; else
    another that cuts the header, and most rows into as many cells.
    """
    best, most = usual, 0.5
    for mark in dict.fromkeys((usual, *_WORDS)):
        rows = _cut(text, mark)
        if not rows or len(rows[0]) < 2:
            continue
        fitting = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if fitting > most or (mark == usual and fitting == most):
            best, most = mark, fitting
    return best


def _cut(text: _Text, mark: str) -> list[list[str]]:
    """Rows of the beginning, without the last if it may go on."""
    with contextlib.suppress(csv.Error):
        rows = [row for row in csv.reader(text.head, delimiter=mark) if row]
        return rows if text.whole or len(rows) < 2 else rows[:-1]
    return []


def _notes(file: TableFile, between: str, declared: bool, encoding: str | None) -> Iterable[str]:
    """What is unusual about it."""
    said = []
    if between:
        word = _WORDS.get(between, repr(between))
        said.append(f"with {word} between its cells{', as its first line says' if declared else ''}")
    if encoding == "cp1252":
        said.append("as Windows-1252 (Latin-1), because it is not UTF-8")
    elif encoding:
        said.append(f"as {encoding.upper()}")
    return [f"{file.name} was read {' and '.join(said)}."] if said else []
