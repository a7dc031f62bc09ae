"""Embeddings of texts from any model of sentence-transformers: from the hub, or from a folder."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.role import EMBEDDING
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.models.sentence_weights import OFFERED, content, is_folder, load
from datasel_core.features.models.texts import read_texts


@feature("sentence_transformer", version=1, title="Text embedding by a language model")
class SentenceTransformer(Feature):
    """One vector of length 1 per text, near those of texts that mean the same. As good as the model; what exceeds the
    model's length is not read.

    Sentence-BERT, Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084. Weights come as safetensors; code of a
    model's own is never run.
    """

    role: ClassVar[str] = EMBEDDING.name
    downloads: ClassVar[bool] = True
    reads: ClassVar[str] = "text"
    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Knows that two texts mean the same in other words; wants a model."
    speed: ClassVar[float] = 50
    begins: ClassVar[float] = 10
    cost: ClassVar[str] = "a static model: less than 1 s for 1,000 texts; a small transformer: about 20 s on two cores"
    avoid: ClassVar[str] = "Without a network or a model's folder: then take tfidf_svd."
    paper: ClassVar[str] = "https://arxiv.org/abs/1908.10084"

    model: str = Field(
        OFFERED[0],
        description="Name on the hub, such as the one shown, or a folder with a model (as a path).",
        json_schema_extra={"offered": list(OFFERED)},
    )
    batch: int = Field(
        64,
        ge=1,
        description="Texts per batch; it may change the last digit of a vector, never its key.",
        json_schema_extra=HOW,
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def files(self) -> tuple[str, ...]:
        return (self.model,) if is_folder(self.model) else ()

    def depends(self) -> dict[str, Any]:
        return {"content": content(self.model)} if is_folder(self.model) else {}

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        return {} if source is None else load(self.model, self.device).facts

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        encoder = load(self.model, self.device)
        for read in read_texts(source, rows, self.batch):
            vectors = encoder.encode(read.texts, self.batch)
            sound = np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
            wrong = [(int(row), "its vector is zero, NaN or infinite") for row in read.rows[~sound]]
            yield Block(read.rows[sound], vectors[sound], sorted([*read.unreadable, *wrong]))
