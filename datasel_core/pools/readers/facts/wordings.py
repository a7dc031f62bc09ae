"""Which wording of a fact a row has."""

from collections.abc import Sequence

from datasel_core.pools.readers.facts.fact import Fact, digest, same
from datasel_core.pools.readers.texts.turns import BadRow

_LARGEST = 1 << 31


class Wordings:
    """Numbers of wordings: those of the source, where they are numbers; else in the order in which they come."""

    def __init__(self, is_named: bool):
        self.named = is_named
        self._numbers: dict[str, int] = {}
        self._of_facts: dict[bytes, list[bytes]] = {}
        self._are_numbers: bool | None = None

    def number(self, one: Fact) -> int | None:
        """None where nothing tells. Raises BadRow for words among numbers."""
        if isinstance(one.wording, int):
            return one.wording
        if one.wording is not None:
            return self._of_source(one.wording)
        if not self.named or one.name is None:
            return 0 if self.named else None
        return self._of_fact(one.name, one.question)

    def numbers(
        self, questions: Sequence[str], facts: Sequence[str] | None, words: Sequence[str] | None
    ) -> list[int] | None:
        """The same of many, by question, name of the fact and wording; None where nothing tells. Raises BadRow where a
        word stands among numbers: who then asks for each alone gets the same for those before it.
        """
        if words is not None:
            return [self._of_source(one) for one in words]
        if not self.named:
            return None
        if facts is None:
            return [0] * len(questions)
        return [self._of_fact(*one) for one in zip(facts, questions, strict=True)]

    def _of_fact(self, fact: str, question: str) -> int:
        known = self._of_facts.setdefault(digest(fact), [])
        asked = digest(same(question))
        if asked not in known:
            known.append(asked)
        return known.index(asked)

    def _of_source(self, said: str) -> int:
        is_number = said.isascii() and said.isdigit() and int(said[:11]) < _LARGEST
        self._are_numbers = is_number if self._are_numbers is None else self._are_numbers
        if is_number is not self._are_numbers:
            usual = "whole numbers" if self._are_numbers else "words"
            raise BadRow(f"its wording is {said[:60]!r}, and those before it are {usual}")
        return int(said) if is_number else self._numbers.setdefault(said, len(self._numbers))

    def notes(self) -> list[str]:
        names = [f"{number} is {said}" for said, number in list(self._numbers.items())[:10]]
        more = f" and {len(self._numbers) - 10:,} more" if len(self._numbers) > 10 else ""
        return [f"Wordings are numbered as they come: {', '.join(names)}{more}."] if names else []
