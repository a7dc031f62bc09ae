"""Weights from a file that cannot run code, the hub when it is in reach, and the device to compute on, or one clear
line why not.
"""

import pickle
import re
import socket
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasel_core.base.trouble import first_line
from datasel_core.errors import BadInput, BadParameter
from datasel_core.workspace.hashing import hash_file

_WRAPPERS = ("state_dict", "model_state_dict", "model", "teacher")
_PREFIXES = ("module.", "backbone.")
_NAMES_CODE = re.compile("global|reduce|class|build", re.IGNORECASE)
"""In torch's words, what a file asks for that is no weights."""


def weights_hash(weights: str) -> str:
    """SHA-256 of a weights file, in hex. Raises BadInput when there is no such file."""
    return hash_file(weights_path(weights))


def weights_path(weights: str) -> Path:
    """Raises BadInput when there is no such file."""
    path = Path(weights).expanduser()
    if not path.is_file():
        raise BadInput(f"There is no weights file {path}.")
    return path


def read_weights(path: Path) -> dict[str, Any]:
    """Names and tensors of a safetensors file or a torch state dict, unwrapped from a training checkpoint. Raises
    BadInput; code in it never runs.
    """
    import torch
    from safetensors.torch import load_file

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = (
                load_file(path)
                if path.suffix == ".safetensors"
                else torch.load(path, map_location="cpu", weights_only=True)
            )
    except Exception as error:  # noqa: BLE001  (damaged files raise errors of every kind)
        if isinstance(error, pickle.UnpicklingError) and _NAMES_CODE.search(str(error)):
            raise BadInput(
                f"{path.name} holds more than weights, and loading it could run code; save its weights alone, as "
                "safetensors or a state dict."
            ) from None
        raise BadInput(
            f"{path.name} cannot be read as weights: it is cut off, damaged or of another kind; give a safetensors "
            "file or a torch state dict."
        ) from None
    while (
        isinstance(state, dict)
        and (inner := next((state[key] for key in _WRAPPERS if isinstance(state.get(key), dict)), None)) is not None
    ):
        state = inner
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(f"{path.name} holds no state dict: names of weights and their tensors.")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def ill_fitting(model: Any, missing: Iterable[str], unexpected: Iterable[str]) -> str | None:
    """What is wrong with weights that transformers took: it makes up what is missing, and drops layers that are spare.

    model: as it was built. missing, unexpected: names of weights, as its loading info says. None where all is well: a
    pooler, which nobody looks at, may be missing, and a head may be left over.
    """
    if lacking := sorted(name for name in missing if "pooler" not in name.split(".")):
        return f"{lacking[0]} is missing, and {len(lacking) - 1} more"
    last: dict[str, int] = {}
    for stack, at in map(_layer, model.state_dict()):
        last[stack] = max(at, last.get(stack, 0))

    def is_dropped(name: str) -> bool:  # masks and frequencies that older releases kept in every layer are no weights
        both = (_layer(one) for one in (name, name.removeprefix(f"{model.base_model_prefix}.")))
        return any(stack in last and (at > last[stack] or name.endswith(".weight")) for stack, at in both)

    if spare := sorted(filter(is_dropped, unexpected)):
        return f"the model has no place for {spare[0]}, and {len(spare) - 1} more"
    return None


def _layer(name: str) -> tuple[str, int]:
    """(`encoder.layer`, 3) of `encoder.layer.3.output.bias`; (the whole name, -1) outside of numbered layers."""
    parts = name.split(".")
    at = next((at for at, part in enumerate(parts) if part.isdecimal()), None)
    return (name, -1) if at is None else (".".join(parts[:at]), int(parts[at]))


def choose_device(device: str) -> str:
    """auto is a GPU where there is one. Raises BadParameter for a device that this machine lacks."""
    import torch

    there = [
        "cpu",
        *(["cuda"] if torch.cuda.is_available() else []),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]
    if device == "auto":
        return there[-1]
    if device.split(":")[0] not in there:
        raise BadParameter(f"device is {device}; this machine has: {', '.join(there)}.")
    return device


def hub_in_reach(repository: str | None, files: Iterable[str]) -> bool:
    """False when the hub's name does not resolve and its cache has none of these files: there is no need to wait
    through its retries.
    """
    import urllib.parse
    import urllib.request

    from huggingface_hub import constants, try_to_load_from_cache

    if repository and any(isinstance(try_to_load_from_cache(repository, file), str) for file in files):
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


def loading_trouble(error: BaseException) -> str:
    """What kept transformers from loading a model, on one line."""
    other_sizes = "ignore_mismatched_sizes" in str(error)  # it says nothing else of them outside its log
    return "its config.json gives other sizes than its weights have" if other_sizes else first_line(error)
