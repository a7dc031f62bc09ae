"""What is odd about the facts of a pool, counted when all are read: 52 bytes a row, and the names of relations."""

from array import array
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from datasel_core.pools.readers.facts.fact import Fact, digest, same
from datasel_core.pools.readers.texts.turns import shown

LONG_ANSWER = 100
"""Characters. Nobody, a model that learned the fact included, gives a longer answer letter by letter."""
_SHOWN = 5


class Counts:
    """given: facts have the names that the source gives them; else they are told apart by what they say."""

    def __init__(self) -> None:
        self.given = False
        self.relations: dict[str, int] = {}
        self._relation = array("i")
        self._questions, self._answers, self._facts = bytearray(), bytearray(), bytearray()
        self._long, self._first_long = 0, 0

    def add(self, one: Fact) -> str:
        """What the fact is called: as the source calls it; else 32 hexadecimal digits, a hash (BLAKE2b, 128 bits) of
        relation, question and answer.
        """
        question, answer = same(one.first), " ".join(one.answer.split())
        if len(one.answer) > LONG_ANSWER:
            self._first_long = self._first_long if self._long else len(self._relation)
            self._long += 1
        self._relation.append(self.relations.setdefault(one.relation, len(self.relations)))
        self._questions += digest(question)
        self._answers += digest(answer)
        self.given = self.given or one.name is not None
        found = digest(one.relation, question, answer) if one.name is None else digest(one.name)
        self._facts += found
        return found.hex() if one.name is None else one.name

    def add_all(
        self, relations: Sequence[str], firsts: Sequence[str], answers: Sequence[str], names: Sequence[str] | None
    ) -> list[str]:
        """The same of many. firsts: the question of each in the first wording. names: as the source calls the facts."""
        asked = [" ".join(one.split()).casefold() for one in firsts]
        known = {one: (plain := " ".join(one.split()), digest(plain)) for one in set(answers)}
        said = [known[one] for one in answers]
        if max(map(len, answers)) > LONG_ANSWER:
            long = [at for at, one in enumerate(answers) if len(one) > LONG_ANSWER]
            self._first_long = self._first_long if self._long else len(self._relation) + long[0]
            self._long += len(long)
        self._relation.extend([self.relations.setdefault(one, len(self.relations)) for one in relations])
        self._questions += b"".join(map(digest, asked))
        self._answers += b"".join([one for _, one in said])
        if names is not None:
            self.given = True
            self._facts += b"".join(map(digest, names))
            return list(names)
        found = [digest(*one) for one in zip(relations, asked, [plain for plain, _ in said], strict=True)]
        self._facts += b"".join(found)
        return [one.hex() for one in found]

    def notes(self, question: Callable[[int], str], named: bool) -> list[str]:
        """question: that of a row. named: facts are told apart."""
        relation, n = np.frombuffer(self._relation, np.int32).astype(np.int64), len(self._relation)
        questions, answers, facts = _codes(self._questions), _codes(self._answers), _codes(self._facts)
        what = _many(int(facts.max()) + 1, "fact") if named else "facts that are not told apart"
        found = [f"{_many(n, 'row')}: {what}, in {_many(len(self.relations), 'relation')}."]

        def note(one: np.ndarray, other: np.ndarray, kind: str, said: str) -> None:
            if row := _first(one, other):
                such = f"such as {'' if kind == 'question' else 'that of '}{shown(question(row[1]))!r}"
                found.append(f"{_many(row[0], kind)} with more than one {said.format(such)}.")

        note(_joined(relation, questions), answers, "question", "answer, {}: all of them are kept")
        if named and self.given:
            note(facts, answers, "fact", "answer under one name, {}: all of them are kept")
            note(facts, relation, "fact", "relation under one name, {}: each counts as one fact")
        note(questions, relation, "question", "relation, {}: these are different facts")
        return found + self._alike(relation, answers) + self._too_long(question)

    def _alike(self, relation: np.ndarray, answers: np.ndarray) -> list[str]:
        """Relations in which all answers are one."""
        pairs = np.unique(_joined(relation, answers), return_index=True)[1]
        several = np.bincount(relation[pairs], minlength=len(self.relations))
        names = [shown(name) for name, at in self.relations.items() if several[at] == 1]
        if not names:
            return []
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        return [
            f"{_many(len(names), 'relation')} with one answer only, which is 0 bits: {', '.join(names[:_SHOWN])}{more}."
        ]

    def _too_long(self, question: Callable[[int], str]) -> list[str]:
        if not self._long:
            return []
        return [
            f"{_many(self._long, 'answer')} with more than {LONG_ANSWER} characters, such as that of "
            f"{shown(question(self._first_long))!r}: to ask for them letter by letter makes little sense."
        ]


def _codes(digests: bytearray) -> np.ndarray:
    """(n,) int64: equal where digests of 16 bytes are, from 0 in the order in which they come first."""
    n = len(digests) // 16
    whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), n, [None, pa.py_buffer(bytes(digests))])
    return whole.dictionary_encode().indices.to_numpy().astype(np.int64)


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) int64: equal where both are, and below n."""
    return np.unique(one * (int(other.max()) + 1) + other, return_inverse=True)[1]


def _first(one: np.ndarray, other: np.ndarray) -> tuple[int, int] | None:
    """(how many values of one come with several of the other, the first row of any of them); None where none does."""
    rows = np.sort(np.unique(_joined(one, other), return_index=True)[1])
    _, at, times = np.unique(one[rows], return_index=True, return_counts=True)
    return (int((times > 1).sum()), int(rows[at[times > 1].min()])) if (times > 1).any() else None


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
