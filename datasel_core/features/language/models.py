"""The model: a small one from nothing, or any causal language model of transformers by name or folder; or one clear
line why not.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from datasel_core.errors import BadInput, BadParameter, Failed, Stopped
from datasel_core.features.language.vocabulary import FILE, Vocabulary, read_vocabulary
from datasel_core.features.models.clip_weights import is_folder
from datasel_core.features.models.weights import first_line, hub_in_reach, ill_fitting, loading_trouble
from datasel_core.workspace.hashing import hash_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SCRATCH = "scratch"
OFFERED = (SCRATCH, "EleutherAI/pythia-70m", "EleutherAI/pythia-160m", "HuggingFaceTB/SmolLM2-135M")
_FILES = ("config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json", FILE)
_REMEDY = "Get it on a machine with a network and give its folder: model=PATH."


def local_files(model: str) -> tuple[str, ...]:
    """The user's own folder that will be read."""
    return (model,) if is_folder(model) else ()


def hashes(model: str) -> dict[str, str]:
    """SHA-256 of every local file that decides the values. Raises BadInput."""
    if not is_folder(model):
        return {}
    folder = _checked(Path(model).expanduser().resolve())
    return {
        f"{path.name}_sha256": hash_file(path) for path in [folder / "config.json", folder / FILE, *weights_in(folder)]
    }


def check_sizes(width: int, heads: int) -> None:
    """Raises BadParameter for a model that cannot be built."""
    if width % (8 * heads):  # a quarter of each head is turned by position, in pairs
        raise BadParameter(f"width is {width}; it must be a multiple of eight times the heads ({8 * heads}).")


def new_model(
    vocabulary: Vocabulary, layers: int, width: int, heads: int, length: int, seed: int, spread: float = 0.02
) -> "PreTrainedModel":
    """A GPT-NeoX with random weights, the same for the same seed: what Pythia is, in small. spread: the standard
    deviation of the weights. Raises BadParameter.
    """
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    check_sizes(width, heads)
    config = GPTNeoXConfig(
        vocab_size=vocabulary.size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=length,
        initializer_range=spread,
        bos_token_id=vocabulary.end,
        eos_token_id=vocabulary.end,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPTNeoXForCausalLM(config)


def found_model(model: str) -> Path:
    """The folder of a model that was given by name or path, downloaded if need be. Raises BadInput, or Failed when the
    hub cannot be reached.
    """
    if is_folder(model):
        return _checked(Path(model).expanduser().resolve())
    from huggingface_hub import snapshot_download

    if not hub_in_reach(model, [FILE]):
        raise Failed(f"The model {model} could not be downloaded: no network reaches the hub. {_REMEDY}")
    with quiet():
        try:
            folder = Path(snapshot_download(model, allow_patterns=list(_FILES)))
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  (whatever the hub's client raises ends here as one line)
            raise Failed(f"The model {model} could not be downloaded: {first_line(error)}. {_REMEDY}") from None
    return _checked(folder)


def read_model(folder: Path) -> "PreTrainedModel":
    """A causal language model in float32. No code of its own runs, and no pickle is opened. Raises BadInput."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    with quiet():
        try:
            model, said = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
        except SafetensorError as error:
            raise BadInput(f"The weights in {folder} cannot be read: {first_line(error)}.") from None
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
            raise BadInput(
                f"{folder} holds no causal language model that transformers knows: {loading_trouble(error)}."
            ) from None
    if (why := ill_fitting(model, said["missing_keys"], said["unexpected_keys"])) is not None:
        raise BadInput(f"The weights in {folder} do not fit its config.json: {why}.")
    return model


def given_model(model: str, length: int) -> tuple["PreTrainedModel", Vocabulary]:
    """A model that was trained elsewhere, with its vocabulary. Raises BadInput, BadParameter, Failed."""
    folder = found_model(model)
    vocabulary, built = read_vocabulary(folder), read_model(folder)
    most = getattr(built.config, "max_position_embeddings", None)
    if most is not None and length > most:
        raise BadParameter(f"length is {length}; {model} reads {most} tokens at most.")
    if vocabulary.size > (n := built.get_input_embeddings().weight.shape[0]):
        raise BadInput(
            f"The {FILE} in {folder} has {vocabulary.size} tokens, but the model knows {n}; they do not belong "
            "together."
        )
    return built, vocabulary


def weights_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("model*.safetensors"))


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise BadInput(
            f"The folder {folder} holds no language model; it needs config.json, model.safetensors and {FILE}."
        )
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{folder / 'config.json'} describes no language model: it has no model_type.") from None
    if not weights_in(folder):
        pickled = next(iter(sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])), None)
        why = f"has only {pickled.name}, and loading it could run code" if pickled else "has no weights"
        raise BadInput(f"{folder} {why}; save the model as safetensors: model.safetensors.")
    if not (folder / FILE).is_file():
        raise BadInput(f"{folder} has no {FILE}; save the model's fast tokenizer beside it.")
    return folder


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """transformers and the hub log, warn and draw bars at length; here they say nothing, and are as they were
    afterwards.
    """
    from transformers.utils import logging as theirs

    hub, level, bar = logging.getLogger("huggingface_hub"), theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    before = hub.level
    theirs.set_verbosity(theirs.CRITICAL)
    theirs.disable_progress_bar()
    hub.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        theirs.set_verbosity(level)
        hub.setLevel(before)
        if bar:
            theirs.enable_progress_bar()
