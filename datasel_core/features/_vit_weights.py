"""Loading any vision transformer of timm: from a weights file that cannot run code, or from the hub, or with one clear line why not."""

import difflib
import importlib
import logging
import pickle
import socket
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasel_core.errors import BadInput, BadParameter, Failed, UnknownName
from datasel_core.store import hash_file

if TYPE_CHECKING:
    from torch import nn

OFFERED = ("vit_small_patch16_224.dino", "vit_small_patch14_dinov2.lvd142m")
"""Models to offer first, best known for patterns: DINO ViT-S/16 (as in FreeSel) and DINOv2 ViT-S/14. Any other of timm can be named."""

_WRAPPERS = ("state_dict", "model_state_dict", "model", "teacher")
_PREFIXES = ("module.", "backbone.")


def weights_hash(weights: str) -> str:
    """SHA-256 of a weights file, in hex. Raises BadInput when there is no such file."""
    return hash_file(_weights_path(weights))


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
    place = _device(device)
    patch_px(name, px)
    if weights is None:
        model = _from_hub(name, px)
    else:
        model = _build(name, px)
        _fill(model, _read_weights(_weights_path(weights)), name, weights)
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
        raise BadParameter(f"timm cannot build {name}: {_first_line(error)}.") from None
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
        raise Failed(f"The weights of {name} could not be downloaded: {_first_line(error)}. {remedy}") from error
    finally:
        log.setLevel(level)


def _in_reach(name: str) -> bool:
    """False when the hub's name does not resolve and the weights are not in its cache: there is no need to wait through its retries."""
    import timm
    from huggingface_hub import constants, try_to_load_from_cache

    config = timm.get_pretrained_cfg(name)
    files = {getattr(config, "hf_hub_filename", None), "model.safetensors", "pytorch_model.bin"} - {None}
    if config is not None and config.hf_hub_id and any(isinstance(try_to_load_from_cache(config.hf_hub_id, file), str) for file in files):
        return True
    if urllib.request.getproxies():
        return True
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        return False
    return True


def _weights_path(weights: str) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise BadInput(f"There is no weights file {path}.")
    return path


def _read_weights(path: Path) -> dict[str, Any]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise BadInput(f"{path.name} holds more than weights, and loading it could run code; save its weights alone, as safetensors or a state dict.") from None
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadInput(f"{path.name} cannot be read as weights: {_first_line(error)}.") from None
    while isinstance(state, dict) and (inner := next((state[key] for key in _WRAPPERS if isinstance(state.get(key), dict)), None)) is not None:
        state = inner
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(f"{path.name} holds no state dict: names of weights and their tensors.")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _fill(model: "nn.Module", state: dict[str, Any], name: str, weights: str) -> None:
    """Every weight of the model comes from the file; what only the file has (a classifier, say) is left. Raises BadInput."""
    adapt = getattr(importlib.import_module(type(model).__module__), "checkpoint_filter_fn", None)
    try:
        state = adapt(state, model) if adapt else state  # resizes position embeddings, renames the keys of other releases
        missing = model.load_state_dict(state, strict=False).missing_keys
    except (RuntimeError, KeyError, ValueError) as error:
        raise BadInput(f"{Path(weights).name} does not fit {name}: {_first_line(error)}.") from None
    if missing:
        raise BadInput(f"{Path(weights).name} does not fit {name}: it lacks {len(missing)} of its weights, {missing[0]} first.")


def _device(device: str) -> str:
    import torch

    there = ["cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if torch.backends.mps.is_available() else [])]
    if device == "auto":
        return there[-1]
    if device.split(":")[0] not in there:
        raise BadParameter(f"device is {device}; this machine has: {', '.join(there)}.")
    return device


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]).rstrip(".:") or type(error).__name__
