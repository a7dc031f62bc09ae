"""Loading any vision transformer of timm: from a weights file that cannot run code, or from the hub, or with one clear
line why not.
"""

import difflib
import importlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasel_core.errors import BadInput, BadParameter, Failed, UnknownName
from datasel_core.features.models.weights import choose_device, first_line, hub_in_reach, read_weights, weights_path

if TYPE_CHECKING:
    from torch import nn

OFFERED = ("vit_small_patch16_224.dino", "vit_small_patch14_dinov2.lvd142m")
"""Models to offer first, best known for patterns: DINO ViT-S/16 (as in FreeSel) and DINOv2 ViT-S/14. Any other of timm
can be named.
"""

_ENCODER = {"blocks", "patch_embed", "pos_embed", "cls_token", "reg_token", "dist_token", "norm_pre", "norm", "rope"}
"""Where the weights lie that decide what tokens are; a classifier, a decoder or a mask decides nothing here."""
_AFTER = ("attn_pool", "fc_norm")
"""What follows the tokens; it decides nothing about them, but tells models apart."""
_TOKENS = ("cls_token", "reg_token", "dist_token")
_RENAMED = {"register_tokens": "reg_token"}
_TRUNK = "visual.trunk."
_FIRST = re.compile(r"(patch_embed\.proj|visual\.conv1|patchifier\.proj)\.weight$")
_BLOCK = re.compile(r"blocks\.(\d+)\.")
_SIZES = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge", 1408: "giant", 1536: "giant"}
_DINO = "dino"


def patch_px(name: str, px: int) -> int:
    """Side of the model's patches in pixels. Raises BadParameter unless px pixels are a whole number of them."""
    import torch

    with torch.device("meta"):  # the shape alone, without weights
        model = _build(name, px)
    side = _side(model)
    if px % side:
        raise BadParameter(
            f"image_px is {px}; {name} has patches of {side} pixels, so it must be a multiple of {side}."
        )
    return side


def load(name: str, weights: str | None, px: int, device: str) -> "nn.Module":
    """The model without its classifier, ready to encode px x px photos.

    weights: a safetensors file or a torch state dict; None downloads them from the hub. A pickle that could run code is
    refused. Raises UnknownName, BadParameter, BadInput, or Failed when the hub cannot be reached.
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
        raise UnknownName(
            "timm model", name, known if difflib.get_close_matches(name, known, n=1, cutoff=0.4) else OFFERED
        )
    try:
        model = timm.create_model(name, pretrained=False, num_classes=0, img_size=px)
    except RuntimeError as error:  # a tag that does not exist
        raise BadParameter(f"timm cannot build {name}: {first_line(error)}.") from None
    except Exception:  # noqa: BLE001  (what cannot be built so raises errors of every kind)
        raise BadParameter(
            f"{name} cannot be built for photos of {px} x {px} pixels; choose a plain vision transformer, such as "
            f"{OFFERED[0]}."
        ) from None
    parts = (hasattr(model, "forward_intermediates"), hasattr(model, "num_prefix_tokens"), _side(model))
    if len(getattr(model, "blocks", ())) < 2 or not all(parts):
        raise BadParameter(f"{name} is no vision transformer with blocks of tokens; choose one such as {OFFERED[0]}.")
    return model


def _side(model: "nn.Module") -> int:
    """Of its patches in pixels; 0 where it does not say."""
    said = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    return int(said[0]) if isinstance(said, tuple | list) and said else 0


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
    """Every weight comes from the file, and of the file's own encoder none is left over. Raises BadInput."""
    adapt = getattr(importlib.import_module(type(model).__module__), "checkpoint_filter_fn", None)
    why = _other_shape(model, state)
    if why is None:
        try:
            adapted = adapt(dict(state), model) if adapt else state  # resizes positions, renames keys of other releases
            found = model.load_state_dict(adapted, strict=False)
            why = _left_over(found.missing_keys, found.unexpected_keys)
        except (RuntimeError, KeyError, ValueError, AssertionError) as error:
            why = first_line(error)
    if why is not None:
        raise BadInput(f"{Path(weights).name} does not fit {name}: {why}{_looks_like(state, name)}.")


def _other_shape(model: "nn.Module", state: Mapping[str, Any]) -> str | None:
    """What loading might make fit without a word: patches of another size, tokens that the model has no use for."""
    file, own = _traits(state), _traits(model.state_dict())
    if file.patch and file.patch != own.patch:
        return f"its patches have {file.patch} pixels a side, not {own.patch}"
    if file.width and file.width != own.width:
        return f"its vectors have {file.width} numbers, not {own.width}"
    if file.depth and file.depth != own.depth:
        return f"it has {file.depth} blocks, not {own.depth}"
    if spare := [token for token in file.tokens if token not in own.tokens]:
        return _no_place(spare)
    lacking = [token for token in own.tokens if token not in file.tokens]
    return f"it has no {lacking[0]}" if lacking and file.depth else None


def _left_over(missing: Sequence[str], unexpected: Sequence[str]) -> str | None:
    if missing:
        return f"it lacks {len(missing)} of its weights, {missing[0]} first"
    spare = [key for key in unexpected if key.split(".")[0] in _ENCODER]
    return _no_place(spare) if spare else None


def _no_place(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"it has {keys[0]}{more}, for which that model has no place"


@dataclass(frozen=True)
class _Traits:
    """What tells one plain vision transformer from another. patch, width, depth: 0 where the file does not say."""

    patch: int
    width: int
    depth: int
    tokens: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]


def _traits(state: Mapping[str, Any]) -> _Traits:
    trunk = {key.removeprefix(_TRUNK): value for key, value in state.items() if key.startswith(_TRUNK)} or state
    shapes = {_RENAMED.get(key, key): tuple(value.shape) for key, value in trunk.items()}
    first = next((shape for key, shape in shapes.items() if _FIRST.search(key) and len(shape) == 4), (0, 0, 0, 0))
    blocks = [int(found[1]) for key in shapes if (found := _BLOCK.match(key))]
    encoder = {key: shape for key, shape in shapes.items() if key.split(".")[0] in (*_ENCODER, *_AFTER)}
    tokens = tuple(token for token in _TOKENS if token in shapes)
    return _Traits(first[-1], first[0], max(blocks, default=-1) + 1, tokens, encoder)


def _looks_like(state: Mapping[str, Any], name: str) -> str:
    """`; it looks like MODEL: --set model=MODEL`, or nothing when no plain one of timm has just these weights."""
    import timm

    file = _traits(state)
    if not (file.patch and file.depth):
        return ""
    size = _SIZES.get(file.width, "")
    patterns = [f"{what}_*{size}*patch{file.patch}_*" for what in ("vit", "deit", "deit3")]
    found = {one for pattern in patterns for one in timm.list_models(pattern)}
    for one in sorted(found - {name.split(".")[0]}, key=lambda one: (len(one), one)):
        if _is_of(one, file):
            tagged = f"{one}.{_DINO}"  # normalised otherwise; what was trained without labels has no classifier
            like = tagged if "head.weight" not in state and tagged in timm.list_pretrained(f"{one}.*") else one
            return f"; it looks like {like}: --set model={like}"
    return ""


def _is_of(architecture: str, file: _Traits) -> bool:
    import timm
    import torch

    bare = {"pretrained": False, "num_classes": 0}
    with torch.device("meta"):  # the shapes alone
        try:
            model = timm.create_model(architecture, **bare, weight_init="skip")  # drawing them takes longest
        except TypeError:  # one that cannot be told so
            model = timm.create_model(architecture, **bare)
    mine, theirs = ({**one.shapes, "pos_embed": ()} for one in (_traits(model.state_dict()), file))  # of any size
    return mine == theirs
