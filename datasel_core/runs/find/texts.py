"""Words looked for in what is written of the samples: names, captions, texts, questions and answers, any text column.

From front to back, a few thousand rows at a time: long columns are never in memory as a whole.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.pools.pool import Pool
from datasel_core.runs.find.words import Words, fold, folded, one_blank

_ROWS = 4096
_ID = "id"
_SAID_ELSEWHERE = frozenset({"path", "shard", "messages"})
"""Columns that repeat the id, or what stands in others."""
_ITEMS = "\x1e"
"""Stands between the items of a list, so that no phrase spans two."""
_AROUND, _LONGEST = 60, 200_000
"""Letters that are shown on either side of what was found, and how far it is looked for in order to be shown."""


@dataclass(frozen=True)
class Matches:
    """rows: (m,) where all words occur and none of the others: first the sample that is called as was typed, then where
    they occur most often, then in pool order. times: (m,) how often they occur, all of them together.
    """

    rows: np.ndarray
    times: np.ndarray


@dataclass(frozen=True)
class Place:
    """Where words were found in one sample. column: its name. parts: the text around them; every second part is one
    of the words, as it is written there.
    """

    column: str
    parts: tuple[str, ...]


def columns(pool: Pool) -> list[str]:
    """Those that are searched: the id, and every column of text or of lists of texts."""
    found = pool.batches(pool.columns, _free(pool)).schema
    names = [name for name in pool.columns if name not in _SAID_ELSEWHERE.union(pool.how.marks)]
    return [name for name in names if _is_text(found.field(name).type)]


def search(pool: Pool, words: Words, progress: Progress | None = None) -> Matches:
    """Raises Stopped."""
    progress, names = progress or Progress(), columns(pool)
    row = _free(pool)
    times, right, exact = np.zeros(pool.n, np.int64), np.zeros(pool.n, bool), np.zeros(pool.n, bool)
    track = progress.track(pool.n, "looking for words")
    for part in _parts(pool.batches(names, row)):
        rows = part[row].to_numpy()
        counts = _counts(part, names, words)
        n_wanted = len(words.wanted)
        times[rows] = counts[:n_wanted].sum(axis=0)
        right[rows] = (counts[:n_wanted] > 0).all(axis=0) & (counts[n_wanted:] == 0).all(axis=0)
        exact[rows] = part[_ID].to_numpy(zero_copy_only=False) == words.typed
        track.advance(len(rows))
    track.finish()
    found = np.flatnonzero(right | exact)
    order = found[np.lexsort((found, -times[found], ~exact[found]))]
    return Matches(order, times[order])


def places(pool: Pool, row: int, words: Words) -> list[Place]:
    """Where in one sample the words were found, a place a column."""
    found = ((name, _place(_written(pool.value(name, row)), words)) for name in columns(pool))
    return [Place(name, parts) for name, parts in found if parts]


def _counts(part: pa.RecordBatch, names: Sequence[str], words: Words) -> np.ndarray:
    """(words, rows) int64: how often each wanted word, then each of the others, occurs in all columns together."""
    import pyarrow.compute as pc

    every = (*words.wanted, *words.without)
    counts = np.zeros((len(every), len(part)), np.int64)
    for name in names:
        texts = _folded(part[name])
        if words.has_blanks:
            texts = pc.replace_substring_regex(texts, pattern=r"[ \t\n\r\f\v]+", replacement=" ")
        for at, word in enumerate(every):
            counts[at] += pc.count_substring(texts, pattern=word).to_numpy(zero_copy_only=False)
    return counts


def _folded(column: pa.Array) -> pa.Array:
    """(rows,) folded texts; nothing where there is no value. Plain letters are folded where they lie.

    In its own type: pyarrow 26 lowers a slice that was cast to another one from the wrong place.
    """
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = _joined(column)
    column = pc.fill_null(column, "")
    if pc.all(pc.string_is_ascii(column)).as_py():
        return pc.ascii_lower(column)
    return pa.array(folded(column.to_pylist()), column.type)


def _joined(column: pa.Array) -> pa.Array:
    """(rows,) the items of each list as one text."""
    import pyarrow.compute as pc

    items = pc.fill_null(column.flatten(), "")
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return pc.binary_join(pa.LargeListArray.from_arrays(starts, items), pa.scalar(_ITEMS, items.type))


def _parts(batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, len(batch), _ROWS):
            yield batch.slice(start, _ROWS)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _free(pool: Pool) -> str:
    """A name that no column has, for the row numbers."""
    name = "row"
    while name in pool.columns:
        name += "_"
    return name


def _written(value: Any) -> str:
    if isinstance(value, list):
        return _ITEMS.join("" if one is None else str(one) for one in value)
    return "" if value is None else str(value)


def _place(text: str, words: Words) -> tuple[str, ...]:
    """The text around the first word that occurs in it; empty where none does."""
    text = unicodedata.normalize("NFKC", text[:_LONGEST])
    text = one_blank(text) if words.has_blanks else text
    letters = [fold(letter) for letter in text]
    whole = "".join(letters)
    at = min((place for word in words.wanted if (place := whole.find(word)) >= 0), default=-1)
    if at < 0:
        return ()
    of = np.repeat(np.arange(len(letters)), [len(letter) for letter in letters])
    first, last = max(0, int(of[at]) - _AROUND), min(len(text), int(of[at]) + 2 * _AROUND)
    spans = _spans(whole, words.wanted)
    inside = [(int(of[start]), int(of[end - 1]) + 1) for start, end in spans]
    inside = [(start, end) for start, end in inside if start >= first and end <= last]
    parts, before = [], first
    for start, end in inside:
        parts += [text[before:start], text[start:end]]
        before = end
    parts.append(text[before:last])
    parts[0] = f"{'… ' if first else ''}{parts[0]}"
    parts[-1] = f"{parts[-1]}{' …' if last < len(text) else ''}"
    return tuple(part.replace(_ITEMS, ", ") for part in parts)


def _spans(whole: str, wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Where words stand in a folded text, one after the other; of two that overlap the first."""
    found = []
    for word in wanted:
        at = whole.find(word)
        while at >= 0:
            found.append((at, at + len(word)))
            at = whole.find(word, at + len(word))
    kept: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept
