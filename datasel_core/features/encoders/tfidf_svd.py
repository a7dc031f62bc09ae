"""Embeddings of texts by their words alone: TF-IDF on its principal axes, learned from the pool."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.parallel import one_thread
from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import Failed
from datasel_core.features.feature import Block, Source, feature
from datasel_core.features.models.texts import read_texts
from datasel_core.features.space import Learned

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_WORD = r"(?u)\b\w{2,32}\b"
_NONE = 1e-6


@feature("tfidf_svd", version=1, title="Text embedding, no download")
class TfidfSvd(Learned):
    """One vector of length 1 per text, from how often it uses which words. Works on any texts with no network; knows
    words, not meaning or order.

    Term frequencies 1 + ln(count), weighed by rarity, on the principal axes of the pool (latent semantic analysis,
    Deerwester et al. 1990). The words and axes are learned from a sample of the pool; a target is placed in the pool's
    space with `like`.
    """

    role: ClassVar[str] = EMBEDDING.name
    reads: ClassVar[str] = "text"
    suits: ClassVar[str] = "Fits any texts and needs no download: enough for most methods."
    speed: ClassVar[float] = 2000
    begins: ClassVar[float] = 6
    cost: ClassVar[str] = "less than a second for 1,000 short texts, after a minute or less of learning"
    avoid: ClassVar[str] = (
        "When a sentence-transformers model is at hand: it knows that two texts mean the same in other words."
    )

    n_dims: int = Field(
        128,
        title="Numbers per vector",
        ge=2,
        le=1024,
        description=(
            "How many numbers stand for each sample: the directions in which the pool varies most. Move it up "
            "when unlike things come together, down to save memory. With 2 hardly anything is told apart; "
            "beyond a few hundred only noise is added."
        ),
    )
    n_words: int = Field(
        20_000,
        title="Words",
        ge=100,
        le=200_000,
        description=(
            "How many words are told apart, the most frequent of the pool. Move it up for large pools of many "
            "subjects. With few, only common words count; with very many, misspellings do, too."
        ),
    )
    fit_texts: int = Field(
        20_000,
        title="Texts learned from",
        ge=1,
        le=200_000,
        description=(
            "From how many texts words and axes are learned, drawn from the pool. Move it up when rare "
            "subjects are not told apart. With few, what they lack is not seen; with all, nothing is left to "
            "chance, and it takes longer."
        ),
    )
    seed: int = Field(0, ge=0, description="Where random draws come from.")
    batch: int = Field(512, ge=1, description="Texts per batch.", json_schema_extra=HOW)

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        from sklearn.feature_extraction.text import CountVectorizer

        rng = np.random.default_rng(self.seed)
        drawn = np.sort(rng.choice(source.n, min(source.n, self.fit_texts), replace=False))
        texts, reasons = [], []
        track = progress.track(len(drawn), "reading texts to learn from")
        for read in read_texts(source, drawn, 256):
            texts += read.texts
            reasons += read.unreadable
            track.advance(len(read.texts) + len(read.unreadable))
        track.finish()
        try:
            counter = CountVectorizer(token_pattern=_WORD, max_features=self.n_words, dtype=np.float64)
            counts = counter.fit_transform(texts).tocsr()
        except ValueError:  # no text, or none with a word
            first = f": {reasons[0][1]}" if reasons else ""
            raise Failed(
                f"No words can be learned: none of {len(drawn)} texts has a word of two letters or more{first}."
            ) from None
        progress.check()
        rarity = np.log((1 + len(texts)) / (1 + np.bincount(counts.indices, minlength=counts.shape[1]))) + 1
        with one_thread():
            axes = _axes(_weighed(counts, rarity), self.n_dims, self.seed)
        return {
            "words": counter.get_feature_names_out().astype(np.str_),
            "rarity": rarity,
            "axes": axes.astype(np.float32),
        }

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        from sklearn.feature_extraction.text import CountVectorizer

        vocabulary = {word: at for at, word in enumerate(fitted["words"].tolist())}
        counter = CountVectorizer(token_pattern=_WORD, vocabulary=vocabulary, dtype=np.float64)
        across = fitted["axes"].T.astype(np.float64)
        for read in read_texts(source, rows, self.batch):
            if not read.texts:
                yield Block(read.rows, np.empty((0, across.shape[1]), np.float32), read.unreadable)
                continue
            vectors = _weighed(counter.transform(read.texts).tocsr(), fitted["rarity"]) @ across
            length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            known = length > 1e-9
            strange = [(int(row), "none of its words is known") for row in read.rows[~known]]
            yield Block(
                read.rows[known],
                (vectors[known] / length[known, None]).astype(np.float32),
                sorted([*read.unreadable, *strange]),
            )


def _weighed(counts: "csr_matrix", rarity: np.ndarray) -> "csr_matrix":
    """Rows of length 1, or zero."""
    from sklearn.preprocessing import normalize

    weighed = counts.copy()
    weighed.data = (1 + np.log(weighed.data)) * rarity[weighed.indices]
    return normalize(weighed, copy=False)


def _axes(weighed: "csr_matrix", n_dims: int, seed: int) -> np.ndarray:
    """(n_dims or fewer, words) principal axes, the same every time. Those on which no text lies are noise, and would
    decide how targets lie.
    """
    from sklearn.utils.extmath import randomized_svd

    if min(weighed.shape) <= max(512, 2 * n_dims):
        _, sizes, axes = np.linalg.svd(weighed.toarray(), full_matrices=False)
        axes = axes[:n_dims][sizes[:n_dims] > _NONE * sizes[0]]
        return axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    _, sizes, axes = randomized_svd(weighed, n_dims, n_iter=7, random_state=seed)
    return axes[sizes > _NONE * sizes[0]]
