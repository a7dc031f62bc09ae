"""A model in the midst of its training, on disk: a folder that can be given as `model`, with what its optimiser
remembers beside it. Read to the bit; schedule.json, written last, has the hash of every other file. No pickle is
opened.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasel_core.errors import BadInput, BadParameter, Failed
from datasel_core.features.influence.schedule import AdamW, Schedule, said, understood
from datasel_core.features.language.models import quiet, read_model, weights_in
from datasel_core.features.language.vocabulary import FILE, Vocabulary, read_vocabulary
from datasel_core.features.models.clip_weights import is_folder
from datasel_core.features.models.weights import first_line
from datasel_core.workspace.files import disk_trouble, read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, is_own, own_hash

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

MOMENTS, SCHEDULE = "adamw.safetensors", "schedule.json"
_FIRST, _SECOND = "first.", "second."
_LONG = 2048


@dataclass
class Checkpoint:
    """first, second: name of each weight -> the running mean of its gradient, and of the square. step: how many steps
    were taken. about: what else is to be known, plain data.
    """

    model: "PreTrainedModel"
    vocabulary: Vocabulary
    first: Mapping[str, "torch.Tensor"]
    second: Mapping[str, "torch.Tensor"]
    step: int
    schedule: Schedule
    adamw: AdamW
    about: Mapping[str, Any]

    def names(self) -> list[str]:
        """Names of the weights, in the order in which torch has them."""
        return [name for name, _ in self.model.named_parameters()]

    def parameters(self) -> int:
        """How many numbers the model has learned."""
        return sum(one.numel() for one in self.model.parameters())

    def length(self, asked: int | None = None) -> int:
        """How many tokens of a sample are read: as asked, else as many as the model can, up to 2,048. Raises
        BadParameter.
        """
        most = getattr(self.model.config, "max_position_embeddings", None) or _LONG
        if asked is not None and asked > most:
            raise BadParameter(f"length is {asked}; the checkpoint reads {most} tokens at most.")
        return min(most, _LONG) if asked is None else asked


def begun(
    model: "PreTrainedModel",
    vocabulary: Vocabulary,
    schedule: Schedule,
    adamw: AdamW = AdamW(),  # noqa: B008  (frozen)
) -> Checkpoint:
    """Before the first step of an optimiser that remembers nothing."""
    import torch

    first, second = ({name: torch.zeros_like(one) for name, one in model.named_parameters()} for _ in range(2))
    return Checkpoint(model, vocabulary, first, second, 0, schedule, adamw, {})


def has_state(folder: Path) -> bool:
    """Whether the folder is such a checkpoint, rather than a model alone."""
    return (folder / SCHEDULE).is_file() or (folder / MOMENTS).is_file()


def state_hashes(model: str) -> dict[str, str]:
    """SHA-256 of what a user's own folder has beside the model: nothing of a model alone, or of the hub."""
    if not is_folder(model):
        return {}
    places = (Path(model).expanduser().resolve() / name for name in (MOMENTS, SCHEDULE))
    return {f"{path.name}_sha256": hash_file(path) for path in places if path.is_file()}


def is_there(folder: Path) -> bool:
    """Whether a whole checkpoint lies there."""
    try:
        _checked(folder)
    except BadInput:
        return False
    return True


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes it; one that was there before counts as none until it is whole. Raises Failed when the disk is full."""
    from safetensors import SafetensorError
    from safetensors.torch import save

    (folder / SCHEDULE).unlink(missing_ok=True)
    try:
        with quiet():
            checkpoint.model.save_pretrained(folder)
        checkpoint.vocabulary.save(folder)
        state = {f"{_FIRST}{name}": one for name, one in checkpoint.first.items()}
        state |= {f"{_SECOND}{name}": one for name, one in checkpoint.second.items()}
        with writing(folder / MOMENTS) as temporary:
            # `save_file` puts a file of its own in the place, which nobody holds
            temporary.write_bytes(save({name: one.detach().cpu().contiguous() for name, one in state.items()}))
    except Failed:
        raise
    except OSError as error:
        raise disk_trouble(error, folder) from error
    except (RuntimeError, SafetensorError) as error:  # as torch and safetensors say that the disk is full
        raise Failed(
            f"A checkpoint could not be written to {folder}: {first_line(error)}. Free some space and start again; "
            "what was finished is kept."
        ) from error
    about = {
        "step": checkpoint.step,
        **said(checkpoint.schedule, checkpoint.adamw),
        "about": dict(checkpoint.about),
        "files": {path.name: hash_file(path) for path in _files(folder)},
    }
    write_json(folder / SCHEDULE, {**about, "sha256": own_hash(about)})


def read_checkpoint(folder: Path) -> Checkpoint:
    """What `write_checkpoint` wrote, to the bit. Raises BadInput when anything is missing, changed, or belongs to
    another model.
    """
    about = _checked(folder)
    model, vocabulary = read_model(folder), read_vocabulary(folder)
    state = _state(folder)
    try:
        schedule, adamw = understood(about)
    except BadInput as error:
        raise BadInput(f"{folder / SCHEDULE} is damaged: {error}.") from None
    shapes = {name: one.shape for name, one in model.named_parameters()}
    wanted = {f"{what}{name}": shape for what in (_FIRST, _SECOND) for name, shape in shapes.items()}
    wrong = sorted(name for name in wanted.keys() | state.keys() if name not in state or name not in wanted)
    wrong = wrong or sorted(name for name, shape in wanted.items() if state[name].shape != shape)
    if wrong:
        name = wrong[0].removeprefix(_FIRST).removeprefix(_SECOND)
        raise BadInput(f"{folder / MOMENTS} belongs to another model: {name} does not fit; bring the two together.")
    first, second = ({name: state[f"{what}{name}"] for name in shapes} for what in (_FIRST, _SECOND))
    return Checkpoint(model, vocabulary, first, second, about["step"], schedule, adamw, about["about"])


def _checked(folder: Path) -> dict[str, Any]:
    """What schedule.json says, where every file is what it says. Raises BadInput."""
    if not (folder / SCHEDULE).is_file():
        raise BadInput(f"{folder} is no checkpoint that can be gone on from: it has no {SCHEDULE}.")
    about = read_json(folder / SCHEDULE)
    kinds = {"step": int, "files": dict, "about": dict}
    sound = isinstance(about, dict) and all(isinstance(about.get(name), kind) for name, kind in kinds.items())
    if not sound or not is_own(about) or about["step"] < 0:
        raise BadInput(f"{folder / SCHEDULE} is damaged or was changed; give a checkpoint as it was written.")
    for name in sorted({*about["files"], *(path.name for path in _files(folder))}):
        known, path = about["files"].get(name), folder / name
        if known is None or not path.is_file() or hash_file(path) != known:
            raise BadInput(f"{path} is missing, damaged or of another checkpoint; give a checkpoint as it was written.")
    return about


def _state(folder: Path) -> dict[str, "torch.Tensor"]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with contextlib.suppress(SafetensorError, OSError):
        return load_file(folder / MOMENTS)
    raise BadInput(f"{folder / MOMENTS} cannot be read; give a checkpoint as it was written.")


def _files(folder: Path) -> list[Path]:
    """Those that decide what a checkpoint is, beside schedule.json."""
    fixed = (folder / name for name in ("config.json", FILE, MOMENTS))
    return [path for path in fixed if path.is_file()] + weights_in(folder)
