"""Loading a model of open_clip: the one that is shipped, any that it knows with weights from the hub or a file, or a
folder; or one clear line why not.
"""

import difflib
import functools
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, BadParameter, Failed, UnknownName
from datasel_core.features.models.clip_towers import Clip
from datasel_core.features.models.clip_traits import looks_like, resized
from datasel_core.features.models.weights import (
    choose_device,
    first_line,
    hub_in_reach,
    read_weights,
    weights_hash,
    weights_path,
)
from datasel_core.workspace.hashing import hash_file

SMALL = "scenes-small"
"""The model that is shipped: trained by tools/train_small_clip.py on the built-in demo scenes alone."""
OFFERED = (SMALL, "ViT-B-32", "ViT-B-16", "ViT-L-14")
OFFERED_TAGS = ("datacomp_xl_s13b_b90k", "laion2b_s34b_b79k", "openai")

_SHIPPED = Path(__file__).with_name("small_clip")
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_BESIDE = (".json", ".gz", ".txt", ".model")  # what may decide how photos and captions are prepared
_CONFIG, _BPE = "open_clip_config.json", "bpe.txt.gz"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip calls the weights in a folder or on the hub; it takes the first that is there, and so do we."""
_REMEDY = "Get them on a machine with a network and give their file: pretrained=PATH."


def local_files(model: str, pretrained: str | None) -> tuple[str, ...]:
    """The user's own files and folders that will be read."""
    return (*([model] if is_folder(model) else []), *([pretrained] if is_file(pretrained) else []))


def is_folder(model: str) -> bool:
    """A model is given by name, or as a folder by a path that shows it is one: /models/mine, ./mine, ~/mine."""
    return model.startswith((".", "~")) or Path(model).is_absolute()


def is_file(pretrained: str | None) -> bool:
    """Tags have no suffix."""
    return pretrained is not None and pretrained.endswith(_SUFFIXES)


def hashes(model: str, pretrained: str | None) -> dict[str, str]:
    """SHA-256 of every local file that decides the vectors. Raises BadInput when one is not there."""
    if is_file(pretrained):
        return {"weights_sha256": weights_hash(pretrained)}
    folder = _folder(model)
    if folder is None:
        return {}
    others = {f"{path.name}_sha256": hash_file(path) for path in sorted(folder.glob("*")) if path.suffix in _BESIDE}
    return {"weights_sha256": hash_file(_weights_in(folder)), **others}


def load(model: str, pretrained: str | None, device: str, precision: str) -> Clip:
    """The model asked for. The last one stays in memory, so that both towers, or a search after an encoding, load it
    once.

    Raises UnknownName, BadParameter, BadInput, or Failed when the hub cannot be reached.
    """
    return _loaded(model, pretrained, choose_device(device), precision, tuple(hashes(model, pretrained).items()))


@functools.lru_cache(maxsize=1)
def _loaded(
    model: str, pretrained: str | None, device: str, precision: str, content: tuple[tuple[str, str], ...]
) -> Clip:
    import open_clip
    import torch

    asked, how, weights = _resolve(model, pretrained)
    with _quiet():
        try:
            built, _, transform = open_clip.create_model_and_transforms(
                asked, precision=precision, device=device, **how
            )
        except (RuntimeError, KeyError, ValueError, AttributeError, StopIteration, ImportError, OSError) as error:
            like = looks_like(read_weights(weights), asked) if weights and is_file(pretrained) else ""
            raise BadInput(
                f"{weights.name if weights else model} does not fit {model}: {first_line(error)}{like}."
            ) from None
    if weights and (is_file(pretrained) or is_folder(model)):
        state = read_weights(weights)
        if (why := resized(state, built)) is not None:
            raise BadInput(
                f"{weights.name} does not fit {model}: {why}{looks_like(state, asked) if is_file(pretrained) else ''}."
            )
    facts = {
        "model": model,
        "pretrained": pretrained,
        "weights_sha256": dict(content).get("weights_sha256") or hash_file(weights),
    }
    bias = getattr(built, "logit_bias", None)
    facts |= {
        "dims": open_clip.get_model_config(asked)["embed_dim"],
        "logit_scale": built.logit_scale.exp().item(),
        "logit_bias": bias if bias is None else bias.item(),
    }
    dtype = open_clip.get_input_dtype(precision) or torch.float32
    return Clip(built.eval().requires_grad_(False), transform, dtype, facts, lambda: _tokenizer(asked))


def _resolve(model: str, pretrained: str | None) -> tuple[str, dict[str, Any], Path | None]:
    """open_clip's name for the model, what it is to be built with, and the file of its weights, downloaded if need
    be.
    """
    import open_clip

    folder = _folder(model)
    if folder is not None:
        if pretrained is not None:
            raise BadParameter(
                f"pretrained is {pretrained!r}, but {model} brings its own weights; leave pretrained out."
            )
        weights = _weights_in(folder)
        _check_config(folder)
        read_weights(weights)  # refuses what could run code, and says what is wrong with it
        return f"local-dir:{folder}", {}, weights
    known = _known(model)
    tags = open_clip.list_pretrained_tags_by_model(known)
    if pretrained is None:
        few = ", ".join(tags[:4]) + (" ..." if len(tags) > 4 else "") if tags else "none is known"
        raise BadParameter(
            f"{model} needs weights: pretrained is to be a tag ({few}) or a file ({', '.join(_SUFFIXES)})."
        )
    if is_file(pretrained):
        read_weights(weights_path(pretrained))
        return (
            known,
            {"pretrained": str(weights_path(pretrained)), **_as_trained(known, tags)},
            weights_path(pretrained),
        )
    config = open_clip.get_pretrained_cfg(known, pretrained)
    if not config:
        raise UnknownName(f"pretrained tag of {model}", pretrained, tags)
    # weights trained with QuickGELU give wrong vectors without it, and open_clip would only warn
    quick, quick_model = bool(config.get("quick_gelu")), f"{known}-quickgelu"
    as_file = quick_model if quick and quick_model in open_clip.list_models() else None
    file = _downloaded(f"{model} {pretrained}", config, as_file)
    return known, {"pretrained": pretrained, "force_quick_gelu": quick}, file


def _folder(model: str) -> Path | None:
    if model == SMALL:
        return _SHIPPED
    return Path(model).expanduser().resolve() if is_folder(model) else None


def _weights_in(folder: Path) -> Path:
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise BadInput(f"The folder {folder} holds no model of open_clip; it needs {_CONFIG} and {_WEIGHTS[0]}.")
    return found


def _check_config(folder: Path) -> None:
    try:
        config = json.loads((folder / _CONFIG).read_text())
        if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config["model_cfg"]):
            raise KeyError("model_cfg")
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{folder / _CONFIG} describes no model of open_clip: model_cfg with embed_dim, vision_cfg and text_cfg."
        ) from None


def _known(model: str) -> str:
    """open_clip also writes ViT-B/32 for ViT-B-32. Raises UnknownName with the nearest name, whatever its capitals."""
    import open_clip

    name, known = model.replace("/", "-"), open_clip.list_models()
    if name in known:
        return name
    plain = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), plain, n=1, cutoff=0.5)
    raise UnknownName("open_clip model", model, [plain[near[0]]] if near else OFFERED)


def _as_trained(known: str, tags: list[str]) -> dict[str, Any]:
    """How weights from a file want their photos prepared: as all known weights of the model do, else open_clip's
    default.
    """
    import open_clip

    configs = [open_clip.get_pretrained_cfg(known, tag) for tag in tags]
    wanted = [
        {f"image_{name}": config[name] for name in ("mean", "std", "interpolation", "resize_mode")}
        for config in configs
    ]
    return wanted[0] if wanted and all(one == wanted[0] for one in wanted) else {}


def _downloaded(name: str, config: dict[str, Any], as_file: str | None = None) -> Path:
    """as_file: the model to name with these weights in a file, where that is another: a file says no activation."""
    import open_clip

    repository, _, file = config.get("hf_hub", "").rpartition("/")
    remedy = _REMEDY if as_file is None else _REMEDY.replace("pretrained=", f"model={as_file} pretrained=")
    if not hub_in_reach(repository, [*_WEIGHTS, *([file, f"{Path(file).stem}.safetensors"] if file else [])]):
        raise Failed(f"The weights of {name} could not be downloaded: no network reaches the hub. {remedy}")
    with _quiet():
        try:
            return Path(open_clip.download_pretrained(config))
        except Exception as error:
            raise Failed(f"The weights of {name} could not be downloaded: {first_line(error)}. {remedy}") from error


def _tokenizer(asked: str) -> Any:
    import open_clip

    bpe = Path(asked.removeprefix("local-dir:")) / _BPE if asked.startswith("local-dir:") else None
    with _quiet():
        try:
            return open_clip.get_tokenizer(asked, **({"bpe_path": str(bpe)} if bpe and bpe.is_file() else {}))
        except ImportError:
            raise BadParameter(f"The tokenizer of {asked} needs one more library: pip install transformers.") from None
        except (OSError, RuntimeError, ValueError) as error:
            remedy = (
                f"Save the model with it as a folder and give that: model=FOLDER with {_CONFIG}, weights and "
                "tokenizer files."
            )
            raise Failed(f"The tokenizer of {asked} could not be loaded: {first_line(error)}. {remedy}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip and the hub log and warn at length; one line from us at the end instead. The handler keeps open_clip
    from setting up logging for everyone.
    """
    root, hub, silent = logging.getLogger(), logging.getLogger("huggingface_hub"), logging.NullHandler()
    levels = root.level, hub.level
    root.addHandler(silent)
    try:
        root.setLevel(logging.CRITICAL)
        hub.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(levels[0])
        hub.setLevel(levels[1])
        root.removeHandler(silent)


def small_tokenizer(context_length: int) -> Any:
    """The tokenizer of the model that comes with datasel: any text can be spelt in its few tokens."""
    import open_clip

    return open_clip.tokenizer.SimpleTokenizer(str(_SHIPPED / _BPE), context_length=context_length)
