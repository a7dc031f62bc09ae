"""Features from a vision transformer of timm: DINO, DINOv2 or any other, with weights from a file or the hub."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.role import EMBEDDING
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.models import vit_tokens
from datasel_core.features.models.patterns import Patterns, saliency_without_attention
from datasel_core.features.models.photos import Photos, read_ahead
from datasel_core.features.models.vit_weights import OFFERED, load, patch_px
from datasel_core.features.models.weights import weights_hash

_MODEL = Field(
    OFFERED[0],
    description=f"A vision transformer of timm, such as {' or '.join(OFFERED)}.",
    json_schema_extra={"offered": list(OFFERED)},
)
_WEIGHTS = Field(
    None,
    title="Weights file",
    description="A weights file (safetensors or a torch state dict); none downloads them from the hub.",
    json_schema_extra=spoken({"none": "downloaded from the hub"}),
)
_IMAGE_PX = Field(
    224,
    title="Image side (pixels)",
    ge=32,
    le=2048,
    description=(
        "Photos are squashed to this side, a multiple of the model's patch size. Move it up when small "
        "things matter. Half the side takes a quarter of the time and sees coarse shapes; a side far from "
        "that of the model's training makes vectors worse."
    ),
)
_BATCH = Field(32, ge=1, description="Photos per batch on a GPU; on a CPU each passes alone.", json_schema_extra=HOW)
_DEVICE = Field(
    "auto",
    pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
    description="Where to compute: auto, cpu, cuda or mps.",
    json_schema_extra=HOW,
)
_THREADS = Field(4, ge=1, le=64, description="Threads that open photos.", json_schema_extra=HOW)


@feature("vit_patterns", version=1, title="Patterns of a vision transformer")
class VitPatterns(Patterns):
    """Patterns of each photo where a vision transformer looks: objects and their parts. The best for FreeSel; needs the
    model's weights.

    Patch tokens after the last block but one, normed, kept where the class token's attention in the last block reaches
    tau, and clustered. On a CPU each photo passes alone, so batches do not matter; on a GPU they may change the last
    bits of a vector. FreeSel, https://arxiv.org/abs/2309.17342; DINO, https://arxiv.org/abs/2104.14294; DINOv2,
    https://arxiv.org/abs/2304.07193.
    """

    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Knows objects and their parts; wants the weights of a model."
    downloads: ClassVar[bool] = True
    speed: ClassVar[float] = 10
    begins: ClassVar[float] = 8
    cost: ClassVar[str] = "ViT-S/16 at 224 px: about 100 s for 1,000 photos on one core"
    avoid: ClassVar[str] = "For images unlike photographs, the attention may rest on nothing in particular."

    model: str = _MODEL
    weights: str | None = _WEIGHTS
    image_px: int = _IMAGE_PX
    saliency: Literal["attention", "norm", "uniform"] = Field(
        "attention",
        description=(
            "What ranks patches: the class token's attention, the patch vector's length, or uniform (then set tau to "
            "1)."
        ),
    )
    batch: int = _BATCH
    device: str = _DEVICE
    threads: int = _THREADS

    def files(self) -> tuple[str, ...]:
        return () if self.weights is None else (self.weights,)

    def depends(self) -> dict[str, Any]:
        return _depends(self)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        return {"grid": self.image_px // patch_px(self.model, self.image_px)}

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        model = load(self.model, self.weights, self.image_px, self.device)
        if self.saliency == "attention":
            vit_tokens.check_attention(model, self.model)
        for photos in _read(self, source, rows, model):
            parts = [self._looked_at(model, pixels) for pixels in vit_tokens.passes(photos.pixels, model, self.batch)]
            yield self.block(
                photos.rows,
                np.concatenate([patches for patches, _ in parts]),
                np.concatenate([a for _, a in parts]),
                photos.unreadable,
            )

    def _looked_at(self, model: Any, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F (b, p, d) float32 and a (b, p) of these photos."""
        with vit_tokens.exact():
            tokens, patches = vit_tokens.patch_tokens(model, vit_tokens.normalised(pixels, model))
            given = vit_tokens.class_attention(model, tokens).cpu().numpy() if self.saliency == "attention" else None
            patches = patches.cpu().numpy()
        if given is None:
            given = np.array([saliency_without_attention(one, self.saliency) for one in patches]).reshape(
                patches.shape[:2]
            )
        return patches, given


@feature("vit_embedding", version=1, title="Embedding of a vision transformer")
class VitEmbedding(Feature):
    """One vector per photo from a vision transformer: what the photo shows. Strong for most choices; blind to small
    things in large scenes.

    The class token after the final norm, or what the model itself would give its classifier. DINO,
    https://arxiv.org/abs/2104.14294; DINOv2, https://arxiv.org/abs/2304.07193.
    """

    role: ClassVar[str] = EMBEDDING.name
    downloads: ClassVar[bool] = True
    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Knows what a photo shows; wants the weights of a model."
    speed: ClassVar[float] = 9
    begins: ClassVar[float] = 8
    cost: ClassVar[str] = "ViT-S/16 at 224 px: about 110 s for 1,000 photos on one core"
    avoid: ClassVar[str] = "When several small objects matter more than the scene; use patterns."
    paper: ClassVar[str] = "https://arxiv.org/abs/2104.14294"

    model: str = _MODEL
    weights: str | None = _WEIGHTS
    image_px: int = _IMAGE_PX
    pooling: Literal["cls", "model"] = Field(
        "cls", description="The class token, or the pooling the model was trained with."
    )
    batch: int = _BATCH
    device: str = _DEVICE
    threads: int = _THREADS

    def files(self) -> tuple[str, ...]:
        return () if self.weights is None else (self.weights,)

    def depends(self) -> dict[str, Any]:
        return _depends(self)

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        model = load(self.model, self.weights, self.image_px, self.device)
        if self.pooling == "cls":
            vit_tokens.check_class_token(model, self.model, "pooling=model")
        for photos in _read(self, source, rows, model):
            parts = []
            for pixels in vit_tokens.passes(photos.pixels, model, self.batch):
                with vit_tokens.exact():
                    parts.append(
                        vit_tokens.whole(model, vit_tokens.normalised(pixels, model), self.pooling).cpu().numpy()
                    )
            values = np.concatenate(parts)
            sound = np.isfinite(values).all(axis=1)
            wrong = [(int(row), "Its vector holds NaN or infinite values.") for row in photos.rows[~sound]]
            yield Block(photos.rows[sound], values[sound], sorted([*photos.unreadable, *wrong]))


def _depends(how: VitPatterns | VitEmbedding) -> dict[str, Any]:
    return {} if how.weights is None else {"weights_sha256": weights_hash(how.weights)}


def _read(how: VitPatterns | VitEmbedding, source: Source, rows: np.ndarray, model: Any) -> Iterator[Photos]:
    return read_ahead(
        source,
        rows,
        how.image_px,
        how.image_px,
        how.batch,
        how.threads,
        resample=model.pretrained_cfg["interpolation"].upper(),
    )
