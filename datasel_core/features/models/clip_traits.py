"""What tells one model of open_clip from another by its weights: whether some were stretched, and what they do fit."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BLOCK = re.compile(r"(visual\.|text\.|)transformer\.resblocks\.(\d+)\.")


@dataclass(frozen=True)
class Traits:
    """Of a model whose towers are open_clip's own; 0 where the weights do not say."""

    dims: int = 0
    photo_px: int = 0
    patch_px: int = 0
    photo_width: int = 0
    photo_blocks: int = 0
    tokens: int = 0
    words: int = 0
    text_width: int = 0
    text_blocks: int = 0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Traits":
        """Of names and tensors of weights."""

        def shape(name: str, axis: int) -> int:
            found = state.get(name, state.get(f"text.{name}"))
            return int(found.shape[axis]) if found is not None and found.ndim > abs(axis) - (axis < 0) else 0

        blocks = {"visual.": 0, "text.": 0, "": 0}
        for name in state:
            if found := _BLOCK.match(name):
                blocks[found[1]] = max(blocks[found[1]], int(found[2]) + 1)
        patch, places = shape("visual.conv1.weight", -1), shape("visual.positional_embedding", 0)
        return cls(
            dims=shape("visual.proj", 1),
            photo_px=patch * math.isqrt(max(places - 1, 0)),
            patch_px=patch,
            photo_width=shape("visual.conv1.weight", 0),
            photo_blocks=blocks["visual."],
            tokens=shape("positional_embedding", 0),
            words=shape("token_embedding.weight", 0),
            text_width=shape("token_embedding.weight", 1),
            text_blocks=blocks[""] or blocks["text."],
        )

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "Traits":
        """Of a model as open_clip describes it; what is not said there has open_clip's defaults."""
        photo, text = config["vision_cfg"], config["text_cfg"]
        if "timm_model_name" in photo or "hf_model_name" in text or isinstance(photo.get("layers"), list):
            return cls()  # a tower of another library, or no transformer
        return cls(
            dims=config["embed_dim"],
            photo_px=photo.get("image_size", 224),
            patch_px=photo.get("patch_size", 16),
            photo_width=photo.get("width", 768),
            photo_blocks=photo.get("layers", 12),
            tokens=text.get("context_length", 77),
            words=text.get("vocab_size", 49408),
            text_width=text.get("width", 512),
            text_blocks=text.get("layers", 12),
        )


def resized(state: Mapping[str, Any], built: Any) -> str | None:
    """What was stretched to make weights fit: places in a photo, or in a caption. built: the model with them."""
    file, own = Traits.of(state), Traits.of(built.state_dict())
    if file.photo_px and file.photo_px != own.photo_px:
        return f"it looks at photos of {file.photo_px} pixels, not {own.photo_px}"
    if file.tokens and file.tokens != own.tokens:
        return f"it reads {file.tokens} tokens of a caption, not {own.tokens}"
    return None


def looks_like(state: Mapping[str, Any], asked: str) -> str:
    """`; it looks like MODEL: --set model=MODEL`, or nothing when no model of open_clip has just these weights."""
    import open_clip

    file = Traits.of(state)
    names = sorted(open_clip.list_models(), key=lambda name: (name != asked, len(name), name))
    like = next(
        (name for name in names if file.photo_px and Traits.of_config(open_clip.get_model_config(name)) == file), asked
    )
    return "" if like == asked else f"; it looks like {like}: --set model={like}"
