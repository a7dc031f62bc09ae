"""Loading a model of sentence-transformers that cannot run code: its files are looked at before the library is; or one
clear line why not.
"""

import functools
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.errors import BadInput, Failed
from datasel_core.features.models.weights import choose_device, first_line, hub_in_reach, ill_fitting, loading_trouble
from datasel_core.workspace.hashing import hash_file, key_of

OFFERED = (
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/static-retrieval-mrl-en-v1",
    "BAAI/bge-base-en-v1.5",
)
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5")
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")
_REMEDY = "Get it on a machine with a network and give its folder: model=PATH."


@dataclass(frozen=True)
class Encoder:
    """A model in memory and what is to be known of it: model, weights_sha256, dims."""

    model: Any
    facts: dict[str, Any]

    def encode(self, texts: Sequence[str], batch: int) -> np.ndarray:
        """(n, d) float32 of length 1; a zero vector stays zero."""
        if not texts:
            return np.empty((0, self.facts["dims"]), np.float32)
        return self.model.encode(
            list(texts), batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32)


def is_folder(model: str) -> bool:
    """A model is given by name, or as a folder by a path that shows it is one: /models/mine, ./mine, ~/mine."""
    return model.startswith((".", "~")) or Path(model).is_absolute()


def content(model: str) -> str:
    """One hash of every file in a model's folder that may decide the vectors. Raises BadInput when there is none."""
    return _content(_folder(model))


def _content(folder: Path) -> str:
    return key_of(
        {
            str(path.relative_to(folder)): hash_file(path)
            for pattern in _WANTED
            for path in sorted(folder.rglob(pattern))
        }
    )


def load(model: str, device: str) -> Encoder:
    """The model asked for; the last one stays in memory. Raises BadInput, BadParameter, or Failed when the hub cannot
    be reached.
    """
    return _loaded(model, choose_device(device), content(model) if is_folder(model) else "")


@functools.lru_cache(maxsize=1)
def _loaded(model: str, device: str, _: str) -> Encoder:
    folder = _folder(model) if is_folder(model) else _downloaded(model)
    check_folder(folder, model)
    from sentence_transformers import SentenceTransformer

    with _quiet():
        try:
            built = SentenceTransformer(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
            dims = len(built.encode("a", show_progress_bar=False))
            _check_fit(built, folder, model)
        except BadInput:
            raise
        except Exception as error:  # whatever a library makes of a damaged folder
            raise BadInput(
                f"{model} cannot be loaded as a model of sentence-transformers: {loading_trouble(error)}."
            ) from error
    return Encoder(built, {"model": model, "weights_sha256": _content(folder), "dims": dims})


def _folder(model: str) -> Path:
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.")
    return folder.resolve()


def check_folder(folder: Path, model: str) -> None:
    """Raises BadInput unless the model's weights are safetensors, and all its parts are the library's own."""
    modules, config = _json(folder / "modules.json"), _json(folder / "config.json")
    if modules is None and config is None:
        raise BadInput(f"{model} holds no model of sentence-transformers: neither modules.json nor config.json.")
    if modules is not None and not (isinstance(modules, list) and all(isinstance(one, dict) for one in modules)):
        raise BadInput(f"{folder / 'modules.json'} is damaged: it is no list of modules.")
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _PICKLES):
        if not any(path.parent.glob("*.safetensors")):
            raise BadInput(
                f"{model} has weights in {path.name}, and loading that could run code; save the model anew, as "
                "safetensors."
            )
    if not any(folder.rglob("*.safetensors")):
        raise BadInput(f"{model} has no weights: there is no .safetensors file in it.")
    own = [
        str(one.get("type")) for one in modules or [] if not str(one.get("type")).startswith("sentence_transformers.")
    ]
    own += [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("config.json"))
        if "auto_map" in (_json(path) or {})
    ]
    if own:
        raise BadInput(
            f"{model} wants to run code of its own ({own[0]}), which datasel never does; take a model without."
        )


def _check_fit(built: Any, folder: Path, model: str) -> None:
    """Raises BadInput where a transformer is not what its config.json says: random numbers would fill it, unseen."""
    places = [str(one.get("path", "")) for one in _json(folder / "modules.json") or [{}]]
    for module, place in zip(built, places, strict=False):
        inner = getattr(module, "auto_model", None)
        if inner is None or not (folder / place / "config.json").exists():
            continue
        _, said = type(inner).from_pretrained(
            folder / place, output_loading_info=True, use_safetensors=True, local_files_only=True
        )
        if (why := ill_fitting(inner, said["missing_keys"], said["unexpected_keys"])) is not None:
            raise BadInput(f"The weights of {model} do not fit its config.json: {why}.")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError:
        raise BadInput(f"{path} is damaged: it is not JSON.") from None


def _downloaded(model: str) -> Path:
    """The model's folder in the hub's cache; pickles and code are not even fetched."""
    from huggingface_hub import snapshot_download

    if not hub_in_reach(model, ["modules.json", "config.json"]):
        raise Failed(f"The model {model} could not be downloaded: no network reaches the hub. {_REMEDY}")
    with _quiet():
        try:
            return Path(
                snapshot_download(model, allow_patterns=list(_WANTED), ignore_patterns=["onnx/*", "openvino/*"])
            )
        except Exception as error:
            raise Failed(f"The model {model} could not be downloaded: {first_line(error)}. {_REMEDY}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries log and warn at length; one line from us at the end instead."""
    logs = [logging.getLogger(name) for name in ("huggingface_hub", "transformers", "sentence_transformers")]
    levels = [log.level for log in logs]
    try:
        for log in logs:
            log.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
