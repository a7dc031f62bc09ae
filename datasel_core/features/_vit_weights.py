"""Loading any vision transformer of timm: from a weights file that cannot run code, or from the hub, or with one clear line why not."""

import difflib
import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasel_core.errors import BadInput, BadParameter, Failed, UnknownName
from datasel_core.features._weights import choose_device, first_line, hub_in_reach, read_weights, weights_path

if TYPE_CHECKING:
    from torch import nn

OFFERED = ("vit_small_patch16_224.dino", "vit_small_patch14_dinov2.lvd142m")
"""Models to offer first, best known for patterns: DINO ViT-S/16 (as in FreeSel) and DINOv2 ViT-S/14. Any other of timm can be named."""


def patch_px(name: str, px: int) -> int:
    """Side of the model's patches in pixels. Raises BadParameter unless px pixels are a whole number of them."""
    import torch

    with torch.device("meta"):  # the shape alone, without weights
        model = _build(name, px)
    side = int(model.patch_embed.patch_size[0])
    if px % side:
        raise BadParameter(f"image_px is {px}; {name} has patches of {side} pixels, so it must be a multiple of {side}.")
    return side


def load(name: str, weights: str | None, px: int, device: str) -> "nn.Module":
    """The model without its classifier, ready to encode px x px photos.

    weights: a safetensors file or a torch state dict; None downloads them from the hub. A pickle that could run code is refused. Raises UnknownName,
    BadParameter, BadInput, or Failed when the hub cannot be reached.
    """
    place = choose_device(device)
    patch_px(name, px)
    if weights is None:
        model = _from_hub(name, px)
    else:
        model = _build(name, px)
        _fill(model, read_weights(weights_path(weights)), name, weights)
    return model.eval().requires_grad_(False).to(place)


def _build(name: str, px: int) -> "nn.Module":
    import timm

    architecture = name.split(".")[0]
    if not timm.is_model(architecture):
        known = [*OFFERED, *timm.list_models("*vit*"), *timm.list_models("deit*")]
        raise UnknownName("timm model", name, known if difflib.get_close_matches(name, known, n=1, cutoff=0.4) else OFFERED)
    try:
        model = timm.create_model(name, pretrained=False, num_classes=0, img_size=px)
    except RuntimeError as error:  # a tag that does not exist
        raise BadParameter(f"timm cannot build {name}: {first_line(error)}.") from None
    except (TypeError, AttributeError, AssertionError, ValueError):
        raise BadParameter(f"{name} cannot be built for photos of {px} x {px} pixels; choose a plain vision transformer, such as {OFFERED[0]}.") from None
    if len(getattr(model, "blocks", ())) < 2 or not hasattr(model, "forward_intermediates") or not hasattr(model, "num_prefix_tokens"):
        raise BadParameter(f"{name} is no vision transformer with blocks of tokens; choose one such as {OFFERED[0]}.")
    return model


def _from_hub(name: str, px: int) -> "nn.Module":
    import timm

    remedy = "Get them on a machine with a network and give their file: weights=PATH."
    if not _in_reach(name):
        raise Failed(f"The weights of {name} could not be downloaded: no network reaches the hub. {remedy}")
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)  # one line from us at the end, instead of one per retry
    try:
        return timm.create_model(name, pretrained=True, num_classes=0, img_size=px)
    except Exception as error:
        raise Failed(f"The weights of {name} could not be downloaded: {first_line(error)}. {remedy}") from error
    finally:
        log.setLevel(level)


def _in_reach(name: str) -> bool:
    import timm

    config = timm.get_pretrained_cfg(name)
    files = {getattr(config, "hf_hub_filename", None), "model.safetensors", "pytorch_model.bin"} - {None}
    return hub_in_reach(config.hf_hub_id if config is not None else None, files)


def _fill(model: "nn.Module", state: dict[str, Any], name: str, weights: str) -> None:
    """Every weight of the model comes from the file; what only the file has (a classifier, say) is left. Raises BadInput."""
    adapt = getattr(importlib.import_module(type(model).__module__), "checkpoint_filter_fn", None)
    try:
        state = adapt(state, model) if adapt else state  # resizes position embeddings, renames the keys of other releases
        missing = model.load_state_dict(state, strict=False).missing_keys
    except (RuntimeError, KeyError, ValueError) as error:
        raise BadInput(f"{Path(weights).name} does not fit {name}: {first_line(error)}.") from None
    if missing:
        raise BadInput(f"{Path(weights).name} does not fit {name}: it lacks {len(missing)} of its weights, {missing[0]} first.")
