"""A part of a file whose rows all have the same columns, filled with plain values, read column by column.

It gives what row by row gives, and says nothing of a part in which anything is unusual: that one goes row by row, with
its reasons. Three times as fast once JSON is read, so that a whole import takes half the time (`python -m
tests.benchmarks text_import`).
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables.rows import Row
from datasel_core.pools.readers.tables.table_file import TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.names import Named, place_id, sample_ids
from datasel_core.pools.readers.texts.rows import Beside, is_sound
from datasel_core.pools.readers.texts.samples import BESIDE, PROMPTS
from datasel_core.pools.readers.texts.shapes import Reader
from datasel_core.pools.readers.texts.spans import may_hold_spans
from datasel_core.pools.readers.texts.turns import DEFINITIONS, ENDS

_STEP = 16
"""Rows that are taken at once, where they are short: so many that turn out long are in memory beside a part."""
_NONE = type(None)
_NESTED = {list, dict, tuple}
_PLAIN = {str, int, float, bool}

Columns = dict[str, list[Any]]


class Unusual(Exception):
    """The part goes row by row."""


def parts(rows: Iterator[Row], room: Callable[[], int], most: int) -> Iterator[list[Row]]:
    """Rows in order, as many at a time as there is room for, or as hold `most` characters; a few more at most."""
    part, characters, n, step = [], 0, room(), 1
    while taken := list(itertools.islice(rows, min(step, n - len(part)))):
        held = characters_of([value for _, row in taken if row.__class__ is dict for value in row.values()])
        step = _STEP if held < most // _STEP else 1
        part += taken
        characters += held
        if len(part) == n or characters > most:
            yield part
            part, characters, n = [], 0, room()
    if part:
        yield part


def table_of(
    file: TableFile, part: Sequence[Row], reader: Reader, named: Named, beside: Beside, most: int
) -> pa.Table | None:
    """The samples of these rows, at most `most` characters; None where they must be read row by row, and then nothing
    was noted.
    """
    try:
        columns = in_columns([row for _, row in part])
        texts, used = _texts(columns, reader)
        found = {"id": ids_of(file, part, columns, named), **texts, "content": _contents(texts)}
        source = _source(file, columns, named)
        ours = {OURS} if OURS in columns and all(map(is_ours, columns[OURS])) else set()
        others, nested = others_of(columns, {*used, named.id_column, named.source_column} | ours)
    except (Unusual, UnicodeEncodeError):
        return None
    found |= {"source": source} if any(source) else {}
    arrays = {name: pa.array(values, pa.string()) for name, values in found.items()}
    beyond = most - sum(map(characters_of, others.values()))
    if sum(one.nbytes for one in arrays.values()) > beyond and sum(map(characters_of, found.values())) > beyond:
        return None  # characters are counted where bytes, of which there are no fewer, do not tell
    return pa.table(arrays | arrays_beside(others, nested, beside))


def arrays_beside(others: Columns, nested: Sequence[str], beside: Beside) -> dict[str, pa.Array]:
    """What stands beside, under the names that it gets; from here on these are taken."""
    kept = {own: values for name, values in others.items() if (own := beside.own(name)) is not None}
    beside.note(nested)
    return {own: table_columns.column(values) for own, values in kept.items()}


def usual(condition: bool) -> None:
    """Raises Unusual where it is not so."""
    if not condition:
        raise Unusual


def in_columns(rows: Sequence[Any]) -> Columns:
    """name -> values. Raises Unusual unless all rows have the same columns."""
    usual(set(map(type, rows)) == {dict} and len(set(map(len, rows))) == 1)
    try:
        return {name: [row[name] for row in rows] for name in rows[0]}
    except KeyError:
        raise Unusual from None


def _texts(columns: Columns, reader: Reader) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """`text`, or `prompt` and `response`; and the columns that they stood in."""
    needs = reader.only(tuple(columns))
    usual(bool(needs))
    for name in needs:
        texts = columns[name]
        usual(set(map(type, texts)) == {str} and all(texts) and not any(map(str.isspace, texts)))
        usual("\0" not in "".join(texts))
    if len(needs) == 1:
        usual(not any(may_hold_spans(columns[name]) for name in reader.span_columns() if name in columns))
        return {"text": columns[needs[0]]}, needs
    prompts, responses = (columns[name] for name in needs)
    usual(ENDS.isdisjoint(map(str.strip, responses)))
    more = [name for name in BESIDE if needs[0] in PROMPTS and name in columns and name not in needs]
    for name in more:
        usual(set(map(type, columns[name])) <= {str, _NONE})
        below = [text if text and not text.isspace() else None for text in columns[name]]
        usual(not any("\0" in text for text in below if text))
        prompts = [
            prompt if text is None else f"{prompt}\n\n{text}" for prompt, text in zip(prompts, below, strict=True)
        ]
    return {"prompt": prompts, "response": responses}, (*needs, *more)


def _contents(texts: Mapping[str, list[str]]) -> list[str]:
    """The same hashes as `content_of`. Raises UnicodeEncodeError for text that no file could hold."""
    if "text" in texts:
        whole = [f"text\0{text}" for text in texts["text"]]
    else:
        whole = [
            f"user\0{prompt}\0assistant\0{response}"
            for prompt, response in zip(texts["prompt"], texts["response"], strict=True)
        ]
    return [hashlib.blake2b(one.encode(), digest_size=16).hexdigest() for one in whole]


def ids_of(file: TableFile, part: Sequence[Row], columns: Columns, named: Named) -> list[str]:
    """What the samples are called. Raises Unusual."""
    given = columns.get(named.id_column)
    if OURS in columns and named.id is None:
        usual(all(map(is_ours, columns[OURS])))
        given = [own["id"] for own in columns[OURS]]
    if given is None:
        return [place_id(file, at) for at, _ in part]
    ids = sample_ids(file, given, named.with_file)
    usual(ids is not None)
    return ids


def _source(file: TableFile, columns: Columns, named: Named) -> list[str | None]:
    given = columns.get(named.source_column)
    if given is None or not all(given):
        usual(file.source is None or not any(name.lower() == "group" for name in columns))
        given = [None] * len(next(iter(columns.values()))) if given is None else given
    usual(set(map(type, given)) <= {str, _NONE})
    usual(is_sound("".join(text for text in given if text)))
    return [text or file.source for text in given]


def others_of(columns: Columns, used: set[str]) -> tuple[Columns, list[str]]:
    """What stands beside, in the order in which rows bring it; and the columns whose values are not plain. used: those
    that are neither. Raises Unusual.
    """
    found, nested = [], []
    for name, values in columns.items():
        kinds = set(map(type, values)) - {_NONE}
        if name in used or not kinds:
            continue
        if kinds <= _NESTED and name not in DEFINITIONS:
            nested.append(name)
            continue
        usual(kinds <= _PLAIN)
        if str in kinds:
            usual(is_sound("".join([value for value in values if value.__class__ is str])))
        if float in kinds:
            values = [None if value.__class__ is float and not math.isfinite(value) else value for value in values]
        first = next((at for at, value in enumerate(values) if value is not None), None)
        if first is not None:
            found.append((first, name, values))
    return {name: values for _, name, values in sorted(found, key=lambda one: one[0])}, nested


def characters_of(values: Sequence[Any]) -> int:
    """In all texts of these."""
    return sum([len(value) for value in values if value.__class__ is str])
