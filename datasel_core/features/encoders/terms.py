"""How often each word occurs in a text: what BM25 looks at."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import Role, declare
from datasel_core.features.encoders.hashed_ngrams import ngram_counts
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.models.texts import read_texts

TERMS = declare(Role("terms", "ragged", "How often each word occurs in a text."))
_NUMBERS = (1 << 31) - 1
"""Words are told apart by a number below this; of 100,000 different ones two share a number in about two pools."""


@feature("terms", version=1, title="Words of a text")
class Terms(Feature):
    """Counts of the words of each text, lower case, and of runs of other signs. Needs no model and no download; what
    BM25 looks at.

    A word stands as a number made of its SHA-256, so that counts of two pools can be compared.
    """

    role: ClassVar[str] = TERMS.name
    reads: ClassVar[str] = "text"
    suits: ClassVar[str] = "Finds what has the words of a target; needs no download."
    speed: ClassVar[float] = 2000
    cost: ClassVar[str] = "some 2,000 texts of 200 words a second on one core"
    avoid: ClassVar[str] = "For languages that write no spaces between words: a sentence is one word there."

    batch: int = Field(256, ge=1, description="Texts per batch.", json_schema_extra=HOW)

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        for read in read_texts(source, rows, self.batch):
            counts = [ngram_counts(text, 1, _NUMBERS) for text in read.texts]
            values = np.concatenate([np.empty((0, 2), np.int32), *counts])
            yield Block(read.rows, Ragged(values, np.cumsum([0, *map(len, counts)])), read.unreadable)
