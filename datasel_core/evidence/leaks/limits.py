"""From where on two samples count as overlapping."""

from dataclasses import dataclass

SHINGLE = 3
"""Words of a run by which two texts are nearly the same: where one word in fifty differs, .88 of the runs are shared.
"""


@dataclass(frozen=True)
class Limits:
    """by: a column of both pools; equal values are one group. ngram: words of a run that two texts must share. common:
    samples of one pool that may have a run before it is a phrase of many, which by itself tells nothing. jaccard: share
    of runs of SHINGLE words that two texts have in common, of all that either has. picture: correlation of two pictures
    of 32 x 32 pixels. cosine: of two embeddings.
    """

    by: str | None = None
    ngram: int = 13
    common: int = 10
    jaccard: float = 0.7
    picture: float = 0.97
    cosine: float = 0.95
