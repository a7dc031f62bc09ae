"""Facts that stand in columns: a question, its answer, and perhaps the relation, the fact's name and the wording."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from datasel_core.pools.readers.facts.fact import ALL, Fact
from datasel_core.pools.readers.tables.typed import BadValue, id_of, is_missing
from datasel_core.pools.readers.tables.usual import candidates
from datasel_core.pools.readers.texts.rows import checked
from datasel_core.pools.readers.texts.shapes import NoShape, named
from datasel_core.pools.readers.texts.turns import BadRow, response_of, text_of

QUESTIONS = ("question", "prompt")
ANSWERS = ("answer", "response", "output")
RELATIONS = ("relation", "predicate", "property")
_FACTS = ("fact", "fact_id")
_WORDINGS = ("wording",)


def are_facts(names: Iterable[str]) -> bool:
    """Whether columns of these names, in lower case, are a question, its answer and the relation."""
    names = set(names)
    return all(names.intersection(some) for some in (QUESTIONS, ANSWERS, RELATIONS))


class There(NamedTuple):
    """The columns of a row; None where there is none."""

    question: str
    answer: str
    relation: str | None
    fact: str | None
    wording: str | None


@dataclass(frozen=True)
class Columns:
    """Columns as options name them; of the others, the first with a usual name that is there. named: facts are told
    apart.
    """

    question: str | None = None
    answer: str | None = None
    relation: str | None = None
    fact: str | None = None
    wording: str | None = None
    named: bool = True

    def asked(self) -> list[str]:
        """Those that were named."""
        return [name for name in (self.question, self.answer, self.relation, self.fact, self.wording) if name]

    def wanted(self) -> frozenset[str]:
        return frozenset({*QUESTIONS, *ANSWERS, *RELATIONS, *_FACTS, *_WORDINGS, *self.asked()})

    def there(self, names: tuple[str, ...]) -> There:
        """Raises NoShape when there is no question, or no answer."""
        question, answer = _one(names, self.question, QUESTIONS), _one(names, self.answer, ANSWERS)
        if question is None or answer is None:
            lacks = "answer" if question is not None else "question"
            raise NoShape(f"it has no {lacks}; it has: {named(names)}")
        relation = _one(names, self.relation, RELATIONS)
        fact = _one(names, self.fact, _FACTS) if self.named else None
        return There(question, answer, relation, fact, _one(names, self.wording, _WORDINGS))


class ColumnReader:
    """Reads rows that are facts."""

    def __init__(self, columns: Columns):
        self._columns = columns
        self._there: dict[tuple[str, ...], There] = {}

    def used(self, row: Mapping[str, Any]) -> tuple[str | None, ...]:
        """Columns that need not stand beside the fact; None for those that are not there."""
        return self._of(row)

    def there(self, names: tuple[str, ...]) -> There:
        """The columns of rows with these. Raises NoShape."""
        return self._columns.there(names)

    def read(self, row: Mapping[str, Any]) -> Fact:
        """Raises BadRow with the reason."""
        there = self._of(row)
        for name in (there.question, there.answer):
            if is_missing(row[name]):
                raise BadRow(f"its {name} is missing")
        question, answer = text_of(row[there.question], there.question), response_of(row[there.answer], there.answer)
        relation = ALL if there.relation is None else _name(row, there.relation)
        fact = None if there.fact is None else _name(row, there.fact)
        wording = None if there.wording is None else _name(row, there.wording)
        return Fact(relation, question, answer, question, fact, wording)

    def _of(self, row: Mapping[str, Any]) -> There:
        names = tuple(row)
        if names not in self._there:
            if len(self._there) > 1000:
                self._there.clear()
            self._there[names] = self._columns.there(names)
        return self._there[names]


def _one(names: tuple[str, ...], asked: str | None, usual: tuple[str, ...]) -> str | None:
    found = [asked] if asked in names else candidates(names, usual) if asked is None else []
    return found[0] if found else None


def _name(row: Mapping[str, Any], column: str) -> str:
    """What a relation, a fact or a wording is called. Raises BadRow."""
    try:
        found = id_of(row[column])
    except BadValue as error:
        raise BadRow(f"its {column} is {error}") from None
    if found is None or not found.strip():
        raise BadRow(f"its {column} is {'missing' if found is None else 'empty'}")
    checked(column, found)
    return found
