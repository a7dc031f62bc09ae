"""BM25: texts that a search for the target's words would find first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged, sums
from datasel_core.errors import BadInput
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ROWS, _COLUMNS = 4096, 256


@method("bm25", version=1, title="BM25: by a search for the target's words")
class BM25(Scorer):
    """Each target example is a search; a candidate scores by how well it answers all of them, or its best one. Needs no
    model; sees words, no meaning.

    The Probabilistic Relevance Framework, Robertson & Zaragoza 2009, https://doi.org/10.1561/1500000019. A word counts
    by how few candidates have it, ln(1 + (n - df + .5) / (df + .5)), which is never negative, as in Lucene; more of it
    counts less and less (k1), and less in a long text (b). A word that stands twice in an example counts twice.
    """

    needs: ClassVar = ("terms",)
    needs_target: ClassVar = ("terms",)
    cost: ClassVar = "One pass over the counts; one with each target example where the best one counts."
    avoid: ClassVar = "When what is wanted can be said in other words, or the pool is in another language."
    paper: ClassVar = "https://doi.org/10.1561/1500000019"
    because: ClassVar = "as the answer to the target's words it scores {score:.3g}"

    k1: float = Field(
        1.2,
        ge=0,
        description=(
            "How far more of the same word counts. Move it up for long texts, where a word that comes often says "
            "something. At 0 it only counts whether a word is there; large values count every time alike."
        ),
    )
    b: float = Field(
        0.75,
        ge=0,
        le=1,
        description=(
            "How far long texts are held back. Move it down where long texts are long because they say more. At 0 "
            "length does not count; at 1 a text twice as long needs twice the words."
        ),
    )
    combine: Literal["mean", "largest"] = Field(
        "mean",
        description="What counts of a candidate: the mean of its scores for all target examples, or its largest.",
        json_schema_extra=spoken({"mean": "all examples alike", "largest": "the example it answers best"}),
    )

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, at least 0."""
        pool, target = _checked(inputs.pool["terms"], "pool"), _checked(inputs.target["terms"], "target")
        inputs.progress.check()
        words = np.unique(target.values[:, 0])
        texts = _Search(_weights(pool, words, self.k1, self.b), inputs.progress)
        if not texts.weights.nnz:
            raise BadInput("No candidate has any word of the target; BM25 cannot tell them apart.")
        return texts.mean(_asked(target, words)) if self.combine == "mean" else texts.largest(_asked(target, words))


@dataclass(frozen=True)
class _Search:
    """weights: (n, v) what each text scores for each word that is asked for once. asked: (m, v) how often each of the
    target's examples has each.
    """

    weights: "csr_array"
    progress: Progress

    def mean(self, asked: "csr_array") -> np.ndarray:
        """(n,) of each text the mean of its scores: the score for the mean of all examples."""
        query, found = np.asarray(asked.mean(axis=0)).ravel(), np.empty(self.weights.shape[0])
        for rows in self._parts(1):
            found[rows] = self.weights[rows] @ query
        return found

    def largest(self, asked: "csr_array") -> np.ndarray:
        """(n,) of each text the largest of its scores; a part of the examples at a time, as a dense matrix."""
        found, starts = np.zeros(self.weights.shape[0]), range(0, asked.shape[0], _COLUMNS)
        parts = self._parts(len(starts))
        for start in starts:
            queries = asked[start : start + _COLUMNS].toarray().T
            for rows in (next(parts) for _ in range(self._n_parts)):
                found[rows] = np.maximum(found[rows], (self.weights[rows] @ queries).max(axis=1))
        return found

    @property
    def _n_parts(self) -> int:
        return -(-self.weights.shape[0] // _ROWS)

    def _parts(self, times: int) -> Iterator[slice]:
        """All texts, a block at a time, so many times over."""
        starts = [start for _ in range(times) for start in range(0, self.weights.shape[0], _ROWS)]
        for start in self.progress.over(starts, len(starts), "searching texts"):
            yield slice(start, start + _ROWS)


def _weights(texts: Ragged, words: np.ndarray, k1: float, b: float) -> "csr_array":
    """(n, v): what each text scores for each of these words. texts: (word, count), each word of a text once. words:
    (v,) ascending.
    """
    from scipy.sparse import csr_array

    n, lengths = len(texts), sums(texts.values[:, 1].astype(np.float64), texts.offsets)
    at = np.minimum(np.searchsorted(words, texts.values[:, 0]), len(words) - 1)
    wanted = words[at] == texts.values[:, 0]
    at, often, owners = at[wanted], texts.values[wanted, 1].astype(np.float64), texts.owners()[wanted]
    having = np.bincount(at, minlength=len(words))
    rarity = np.log1p((n - having + 0.5) / (having + 0.5))
    held_back = k1 * (1 - b + b * lengths / lengths.mean())
    scores = rarity[at] * often * (k1 + 1) / (often + held_back[owners])
    offsets = np.concatenate([[0], np.cumsum(wanted)])[texts.offsets]
    return csr_array((scores, at, offsets), shape=(n, len(words)))


def _asked(target: Ragged, words: np.ndarray) -> "csr_array":
    """(m, v): how often each example has each word."""
    from scipy.sparse import csr_array

    counts = target.values[:, 1].astype(np.float64), np.searchsorted(words, target.values[:, 0]), target.offsets
    return csr_array(counts, shape=(len(target), len(words)))


def _checked(terms: Ragged, side: str) -> Ragged:
    values = terms.values
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "iu" or not len(values) or values.min() < 0:
        raise BadInput(
            f"The {side} role terms must hold pairs of whole numbers per sample, word and count, from 0 up; "
            "compute it with terms."
        )
    return terms
