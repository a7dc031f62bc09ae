"""One exposure of a fact, in one wording; and what makes two exposures the same fact."""

import hashlib
from typing import NamedTuple

from datasel_core.pools.readers.texts.rows import checked, content_of
from datasel_core.pools.readers.texts.turns import Said

ALL = "all"
"""The relation of facts of a table that names none."""


class Fact(NamedTuple):
    """What a row says. first: the question in the first wording of the fact. name: what the source calls the fact,
    where it does. wording: its number, or what the source calls it.
    """

    relation: str
    question: str
    answer: str
    first: str
    name: str | None = None
    wording: int | str | None = None

    @property
    def content(self) -> str:
        """The same hash as of a text sample with this prompt and response. Raises BadRow for text that no file could
        hold.
        """
        checked("question", self.question)
        checked("answer", self.answer)
        return content_of([Said("user", self.question), Said("assistant", self.answer)])


def same(question: str) -> str:
    """A question without what does not tell it from another: letters of either case (Unicode case folding), and how
    much space stands between words and around them.
    """
    return " ".join(question.split()).casefold()


def digest(*parts: str) -> bytes:
    """16 bytes. No part holds the character between them: `Fact.content` refuses it."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()
