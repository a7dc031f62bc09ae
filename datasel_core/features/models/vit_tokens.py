"""What a vision transformer of timm says of a photo: its patch tokens, and the attention that its class token pays
them.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.errors import BadParameter

if TYPE_CHECKING:
    import torch
    from torch import nn


def normalised(pixels: np.ndarray, model: "nn.Module") -> "torch.Tensor":
    """(b, px, px, 3) uint8 -> (b, 3, px, px) float32 on the model's device, by the mean and spread it was trained
    with.
    """
    import torch

    photos = torch.from_numpy(pixels).to(next(model.parameters()).device).permute(0, 3, 1, 2).float() / 255
    mean, std = (photos.new_tensor(model.pretrained_cfg[name])[:, None, None] for name in ("mean", "std"))
    return ((photos - mean) / std).contiguous()


def patch_tokens(model: "nn.Module", photos: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """tokens (b, prefix + p, d) after block L-1 of L, and F (b, p, d): the patch tokens among them after the model's
    final norm.

    The last block is not run; what it pays attention to follows from its input.
    """
    import torch

    penultimate = len(model.blocks) - 2
    found = model.forward_intermediates(
        photos,
        indices=[penultimate],
        return_prefix_tokens=True,
        norm=False,
        stop_early=True,
        output_fmt="NLC",
        intermediates_only=True,
    )[0]
    patches, prefix = found if isinstance(found, tuple) else (found, None)
    tokens = patches if prefix is None else torch.cat([prefix, patches], dim=1)
    return tokens, final_norm(model)(patches)


def class_attention(model: "nn.Module", tokens: "torch.Tensor") -> "torch.Tensor":
    """(b, p) of sum 1: attention of the class token to the patches in the last block, mean over heads.

    tokens: (b, prefix + p, d), what the last block is given. Queries and keys are computed here, since fused attention
    does not give its weights away.
    """
    block = model.blocks[-1]
    attention, states = block.attn, block.norm1(tokens)
    b, n, _ = states.shape
    queries, keys, _ = attention.qkv(states).reshape(b, n, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    query = attention.q_norm(queries[:, :, :1]) * attention.scale
    paid = (query @ attention.k_norm(keys).transpose(-2, -1)).softmax(dim=-1).mean(dim=1)[:, 0]
    paid = paid[:, model.num_prefix_tokens :]
    return paid / paid.sum(dim=1, keepdim=True)


def final_norm(model: "nn.Module") -> "nn.Module":
    """The norm after the last block; models that average patches keep it under another name."""
    from torch import nn

    return (
        model.fc_norm
        if isinstance(model.norm, nn.Identity) and getattr(model, "fc_norm", None) is not None
        else model.norm
    )


def whole(model: "nn.Module", photos: "torch.Tensor", pooling: str) -> "torch.Tensor":
    """(b, d): the class token after the final norm (cls), or what the model would give its classifier (model)."""
    from torch import nn

    tokens = model.forward_features(photos)
    if pooling == "model":
        return model.forward_head(tokens, pre_logits=True)
    return final_norm(model)(tokens[:, 0]) if isinstance(model.norm, nn.Identity) else tokens[:, 0]


def passes(pixels: np.ndarray, model: "nn.Module", batch: int) -> Iterator[np.ndarray]:
    """One photo at a time on a CPU, where that costs nothing and makes each answer independent of its batch; all at
    once on a GPU.

    No photos at all pass once, so that shapes are known.
    """
    step = 1 if next(model.parameters()).device.type == "cpu" else batch
    return (pixels[start : start + step] for start in range(0, max(len(pixels), 1), step))


def check_class_token(model: "nn.Module", name: str, remedy: str) -> None:
    """Raises BadParameter when the model has no class token."""
    if getattr(model, "cls_token", None) is None:
        raise BadParameter(f"{name} has no class token to look at; use {remedy}.")


def check_attention(model: "nn.Module", name: str) -> None:
    """Raises BadParameter when the class token's attention cannot be read from this model."""
    from timm.models.vision_transformer import Attention, Block

    check_class_token(model, name, "saliency=norm")
    if not isinstance(model.blocks[-1], Block) or not isinstance(model.blocks[-1].attn, Attention):
        raise BadParameter(f"The attention of {name} is of a kind that cannot be read; use saliency=norm.")


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Full float32 on a GPU too, and the same algorithm each time."""
    import torch

    with (
        torch.inference_mode(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield
