"""Features of image-caption pairs from a model of open_clip: one vector for the photo, one for what is said about it,
in the same space.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.role import IMAGE, TEXT
from datasel_core.features.feature import Block, Feature, Source, Unreadable, feature
from datasel_core.features.models.clip_towers import Clip
from datasel_core.features.models.clip_weights import OFFERED, OFFERED_TAGS, SMALL, hashes, load, local_files
from datasel_core.features.models.photos import prepare_ahead

_MODEL = Field(
    SMALL,
    description=(
        f"A model of open_clip, such as {OFFERED[1]}, or a folder with one (as a path). {SMALL} comes with datasel "
        "and knows its demo scenes alone."
    ),
    json_schema_extra={"offered": list(OFFERED)},
)
_PRETRAINED = Field(
    None,
    title="Weights",
    description=(
        f"A tag of open_clip, such as {OFFERED_TAGS[0]}, whose weights are downloaded; or a file (safetensors or a "
        "torch state dict)."
    ),
    json_schema_extra={"offered": list(OFFERED_TAGS)},
)
_PRECISION = Field(
    "fp32",
    description=(
        "Numbers to compute in. bf16 and fp16 are faster on a GPU, bf16 often for photos on a CPU; vectors change in "
        "the third digit."
    ),
)
_BATCH = Field(
    32,
    ge=1,
    description="Photos or captions per batch; it may change the last digit of a vector, never its key.",
    json_schema_extra=HOW,
)
_DEVICE = Field(
    "auto",
    pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
    description="Where to compute: auto, cpu, cuda or mps.",
    json_schema_extra=HOW,
)
_THREADS = Field(4, ge=1, le=64, description="Threads that open photos.", json_schema_extra=HOW)
_AVOID = (
    f"With {SMALL}, for anything but the demo scenes: it was trained on those alone. For your own photos take a real "
    "open_clip model."
)


class _Tower(Feature):
    """What both towers share. Images and texts can be compared only when model and weights are the same: their hash is
    among the facts.
    """

    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Puts pictures and captions into one space, which tells how well they belong together."
    demo_only: ClassVar[str] = (
        "The model that comes with datasel was trained on the demo's drawn scenes alone. Of your own data it sees "
        "colours and simple shapes; it knows no objects and no words for them. Name a real model under Settings."
    )
    begins: ClassVar[float] = 6
    large: ClassVar[float] = 10
    """`speed` of a ViT-B-32."""
    avoid: ClassVar[str] = _AVOID
    paper: ClassVar[str] = "https://arxiv.org/abs/2103.00020"

    model: str = _MODEL
    pretrained: str | None = _PRETRAINED
    precision: Literal["fp32", "bf16", "fp16"] = _PRECISION
    batch: int = _BATCH
    device: str = _DEVICE

    def pace(self) -> float:
        return self.speed if self.model == SMALL else self.large

    def files(self) -> tuple[str, ...]:
        return local_files(self.model, self.pretrained)

    def depends(self) -> dict[str, Any]:
        return hashes(self.model, self.pretrained)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """model, pretrained, weights_sha256, and the model's own logit_scale (1 / temperature) and logit_bias (or
        None).
        """
        return {} if source is None else self._load().facts

    def _load(self) -> Clip:
        return load(self.model, self.pretrained, self.device, self.precision)


@feature("clip_image", version=1, title="Image side of CLIP")
class ClipImage(_Tower):
    """One vector of length 1 per photo, near those of captions that fit it. What CLIPScore, negCLIPLoss and NormSim
    look at.

    Photos are prepared as the model was trained, most often by cutting the middle square out; a JPEG is decoded at no
    less than twice the model's side. CLIP, https://arxiv.org/abs/2103.00020; open_clip,
    https://arxiv.org/abs/2212.07143.
    """

    role: ClassVar[str] = IMAGE.name
    speed: ClassVar[float] = 250
    large: ClassVar[float] = 10
    cost: ClassVar[str] = (
        "the built-in model: about 4 s for 1,000 photos on one core; ViT-B-32: about 100 s, and 50 s in bf16 where "
        "the processor has it"
    )

    threads: int = _THREADS

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        clip = self._load()
        for photos in prepare_ahead(
            source, rows, clip.prepare, (3, *clip.size), 2 * max(clip.size), self.batch, self.threads
        ):
            yield _block(photos.rows, clip.images(photos.pixels), photos.unreadable)


@feature("clip_text", version=1, title="Text side of CLIP")
class ClipText(_Tower):
    """One vector of length 1 per caption, near those of photos that fit it; of several captions their mean. What a
    caption says beyond 77 tokens is not read.

    CLIP, https://arxiv.org/abs/2103.00020; open_clip, https://arxiv.org/abs/2212.07143.
    """

    role: ClassVar[str] = TEXT.name
    reads: ClassVar[str] = "text"
    speed: ClassVar[float] = 1500
    large: ClassVar[float] = 12
    cost: ClassVar[str] = "the built-in model: less than 1 s for 1,000 captions on one core; ViT-B-32: about 80 s"

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        clip = self._load()
        for start in range(0, len(rows), self.batch):
            read, said, unreadable = [], [], []
            for row in rows[start : start + self.batch].tolist():
                try:
                    said.append(_captions(source, row))
                    read.append(row)
                except Unreadable as error:
                    unreadable.append((row, str(error)))
            yield _block(
                np.array(read, dtype=np.int64),
                _means(self._encoded(clip, [one for some in said for one in some]), said),
                unreadable,
            )

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 of length 1: any texts, such as what somebody searches for."""
        return self._encoded(self._load(), texts)

    def _encoded(self, clip: Clip, texts: Sequence[str]) -> np.ndarray:
        """Samples may have many captions, so that of a batch of samples is several of captions."""
        return np.concatenate(
            [clip.texts(texts[start : start + self.batch]) for start in range(0, max(len(texts), 1), self.batch)]
        )


def _captions(source: Source, row: int) -> list[str]:
    """Those that say anything. Raises Unreadable when none does."""
    captions = [caption for caption in source.text(row) if caption and caption.strip()]
    if not captions:
        raise Unreadable("it has no caption")
    return captions


def _means(vectors: np.ndarray, said: Sequence[Sequence[str]]) -> np.ndarray:
    """(b, d): the mean of each sample's captions, of length 1 again; NaN where they cancel each other out."""
    if all(len(some) == 1 for some in said):
        return vectors
    ends = np.cumsum([len(some) for some in said])
    sums = np.add.reduceat(vectors, np.concatenate([[0], ends[:-1]]), axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.divide(sums, lengths, out=np.full_like(sums, np.nan), where=lengths > 1e-6)


def _block(rows: np.ndarray, values: np.ndarray, unreadable: Sequence[tuple[int, str]]) -> Block:
    sound = np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
    wrong = [(int(row), "Its vector is zero, NaN or infinite.") for row in rows[~sound]]
    return Block(rows[sound], values[sound], sorted([*unreadable, *wrong]))
