"""A part of a file of facts whose rows all have the same columns, filled with plain values, read column by column.

It gives what row by row gives, and says nothing of a part in which anything is unusual: that one goes row by row, with
its reasons. `python -m tests.benchmarks facts_open`.
"""

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from datasel_core.pools.readers.facts.columns import ColumnReader
from datasel_core.pools.readers.facts.counts import Counts
from datasel_core.pools.readers.facts.fact import ALL
from datasel_core.pools.readers.facts.wordings import Wordings
from datasel_core.pools.readers.tables.rows import Row
from datasel_core.pools.readers.tables.table_file import TableFile
from datasel_core.pools.readers.tables.usual import OURS, is_ours
from datasel_core.pools.readers.texts.names import Named
from datasel_core.pools.readers.texts.parts import (
    Unusual,
    arrays_beside,
    characters_of,
    ids_of,
    in_columns,
    others_of,
    usual,
)
from datasel_core.pools.readers.texts.rows import Beside, is_sound
from datasel_core.pools.readers.texts.turns import ENDS, BadRow


def table_of(
    file: TableFile,
    part: Sequence[Row],
    reader: ColumnReader,
    named: Named,
    beside: Beside,
    wordings: Wordings,
    counts: Counts,
    most: int,
) -> pa.Table | None:
    """The facts of these rows, at most `most` characters; None where they must be read row by row, and then nothing was
    noted or counted.
    """
    try:
        columns = in_columns([row for _, row in part])
        there = reader.there(tuple(columns))
        questions, answers = (_texts(columns[name]) for name in (there.question, there.answer))
        usual(ENDS.isdisjoint(map(str.strip, answers)))
        relations = [ALL] * len(part) if there.relation is None else _names(columns[there.relation])
        facts = None if there.fact is None else _names(columns[there.fact])
        words = None if there.wording is None else _names(columns[there.wording])
        found = {"id": ids_of(file, part, columns, named), "question": questions, "answer": answers}
        found |= {"relation": relations, "content": _contents(questions, answers)}
        ours = {OURS} if OURS in columns and all(map(is_ours, columns[OURS])) else set()
        others, nested = others_of(columns, {*there, named.id_column} | ours)
        usual(sum(map(characters_of, [*found.values(), facts or found["content"], *others.values()])) <= most)
        numbers = wordings.numbers(questions, facts, words)  # the last that may refuse: nothing after it is undone
    except (BadRow, Unusual, UnicodeEncodeError):
        return None
    names = counts.add_all(relations, questions, answers, facts)
    found |= {"fact": names} if wordings.named else {}
    arrays = {name: pa.array(values, pa.string()) for name, values in found.items()}
    arrays |= {} if numbers is None else {"wording": pa.array(numbers, pa.int64())}
    return pa.table(arrays | arrays_beside(others, nested, beside))


def _texts(values: Sequence[object]) -> list[str]:
    """Texts that are not empty. Raises Unusual."""
    usual(set(map(type, values)) == {str} and all(values) and not any(map(str.isspace, values)))
    usual("\0" not in "".join(values))
    return values


def _names(values: Sequence[object]) -> list[str]:
    """Names of relations, facts and wordings. Raises Unusual."""
    kinds = set(map(type, values))
    usual(kinds in ({str}, {int}))
    found = list(map(str, values))
    usual(all(found) and not any(map(str.isspace, found)) and is_sound("".join(found)))
    return found


def _contents(questions: Sequence[str], answers: Sequence[str]) -> list[str]:
    """The same hashes as `Fact.content`. Raises UnicodeEncodeError for text that no file could hold."""
    blake2b = hashlib.blake2b
    return [
        blake2b(f"user\0{question}\0assistant\0{answer}".encode(), digest_size=16).hexdigest()
        for question, answer in zip(questions, answers, strict=True)
    ]
