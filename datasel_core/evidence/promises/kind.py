"""What a promise is: a number for any choice of a method, and the words that say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.runs.question import Question

Said = Mapping[str, Any]


Lack = tuple[str, str]
"""What is not known, and the command by which it would be."""


def nothing(asked: Question) -> Lack | None:
    """Of a promise that needs no more than a held-out set of the pool, which the worth of a choice asks for already."""
    return None


@dataclass(frozen=True)
class Kind:
    """measure: question, rows that were kept -> what a manifest says; None where it cannot be measured. words: of that,
    a sentence. lacks: how to get it where it is not there; None where nothing is to be said. is_read: whether it costs
    nothing to look for it again, as it was measured elsewhere.
    """

    measure: Callable[[Question, np.ndarray, Progress], Said | None]
    words: Callable[[Said], str]
    lacks: Callable[[Question], Lack | None] = nothing
    is_read: bool = False
