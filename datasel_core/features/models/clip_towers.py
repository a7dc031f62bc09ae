"""What a model of open_clip says of photos and of captions: vectors of length 1 in the same space."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import nn

_LETTERS_PER_TOKEN = 64
"""No token of a caption is longer, on average."""


@dataclass(frozen=True)
class Clip:
    """Both towers of one model, in evaluation mode on their device.

    transform: the model's own, from an RGB photo to a (3, height, width) tensor. dtype: of the photos it takes. facts:
    what meta.json says of it.
    make_tokenizer: only captions need it, and that of some models is a download of its own.
    """

    model: "nn.Module"
    transform: "Callable[[Image], torch.Tensor]"
    dtype: "torch.dtype"
    facts: dict[str, Any]
    make_tokenizer: Callable[[], Any]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the model looks at, in pixels."""
        size = self.model.visual.preprocess_cfg["size"]
        return (size, size) if isinstance(size, int) else tuple(size)

    @functools.cached_property
    def tokenizer(self) -> Any:
        return self.make_tokenizer()

    def prepare(self, photo: "Image") -> np.ndarray:
        """(3, height, width) float32, by the model's own transform."""
        return self.transform(photo).numpy()

    def images(self, photos: np.ndarray) -> np.ndarray:
        """(b, 3, px, px) float32, transformed -> (b, d) float32 of length 1."""
        import torch

        return self._unit(self.model.encode_image, torch.from_numpy(photos).to(self.dtype))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(b, d) float32 of length 1. What is longer than the model reads is cut off, as open_clip does."""
        limit = _LETTERS_PER_TOKEN * (self.tokenizer.context_length or 77)
        return self._unit(self.model.encode_text, self.tokenizer([_plain(text, limit) for text in texts]))

    def _unit(self, encode: "Callable[[torch.Tensor], torch.Tensor]", inputs: "torch.Tensor") -> np.ndarray:
        import torch
        from torch.nn import functional

        if not len(inputs):
            return np.empty((0, self.facts["dims"]), dtype=np.float32)
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            found = encode(inputs.to(next(self.model.parameters()).device))
            return functional.normalize(found.float(), dim=-1).cpu().numpy()


def _plain(text: str, limit: int) -> str:
    """Without what cannot change the tokens that are read, but would hold up the tokenizer: a million letters, half a
    surrogate pair from broken JSON.
    """
    if len(text) > limit:
        text = " ".join(text.split())[:limit]
    return text.encode("utf-8", "replace").decode()
