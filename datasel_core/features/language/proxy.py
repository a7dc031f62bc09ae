"""A proxy model: trained on the pool in order to measure it. Its folder is where it grows, and what is left of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed
from datasel_core.features.feature import Source
from datasel_core.features.language.checkpoints import Checkpoints, planned
from datasel_core.features.language.models import SCRATCH, check_sizes, given_model, new_model, read_model
from datasel_core.features.language.tokens import Template, read_tokens, texts_of
from datasel_core.features.language.training import Recipe, train
from datasel_core.features.language.vocabulary import FILE, SAID, Vocabulary, read_vocabulary, train_vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.workspace.files import read_json, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel

RATES = {True: 1e-3, False: 2e-5}
"""Learning rates, from scratch or not: what small models bear, and what was published for fine-tuning."""
_ABOUT = "about.json"
_IN_MEMORY = 1 << 31


@dataclass(frozen=True)
class Build:
    """What a model is: `scratch` with these sizes, or a name or folder, for which they do not count."""

    model: str
    vocabulary: int
    layers: int
    width: int
    heads: int
    length: int
    seed: int

    @property
    def is_new(self) -> bool:
        return self.model == SCRATCH

    def spelling(self, source: Source, progress: Progress, folder: Path | None = None) -> Vocabulary:
        """The vocabulary; one that is trained is kept in the folder. What cannot be built is said here, before anything
        is read. Raises BadInput, BadParameter, Failed.
        """
        if not self.is_new:
            return given_model(self.model, self.length)[1]
        check_sizes(self.width, self.heads)
        if folder is not None and (folder / FILE).is_file():
            return read_vocabulary(folder)
        vocabulary = train_vocabulary(texts_of(source, progress), self.vocabulary)
        if folder is not None:
            vocabulary.save(folder)
        return vocabulary

    def built(self, vocabulary: Vocabulary, seed: int) -> "PreTrainedModel":
        if self.is_new:
            return new_model(vocabulary, self.layers, self.width, self.heads, self.length, seed)
        return given_model(self.model, self.length)[0]


@dataclass(frozen=True)
class Schedule:
    """How a proxy model is trained. rate: None for what suits the model."""

    epochs: int
    batch: int
    rate: float | None
    n_checkpoints: int
    bf16: bool


def fit_proxy(
    build: Build, schedule: Schedule, template: Template, source: Source, folder: Path, device: str, progress: Progress
) -> dict[str, np.ndarray]:
    """Trains, or goes on training; the checkpoints lie in the folder then. Raises Failed when no sample can be
    learned.
    """
    device = choose_device(device)
    vocabulary = build.spelling(source, progress, folder)
    track = progress.track(source.n, "splitting texts into tokens")
    tokens = read_tokens(source, np.arange(source.n), vocabulary, template, build.length, track)
    track.finish()
    if not len(tokens.rows):
        row, reason = tokens.unreadable[0] if tokens.unreadable else (0, "the pool is empty")
        raise Failed(f"No sample can be learned, from the first ({row}) on: {reason}.")
    batch = min(schedule.batch, len(tokens.rows))
    recipe = Recipe(
        -(-len(tokens.rows) * schedule.epochs // batch),
        batch,
        schedule.rate or RATES[build.is_new],
        build.seed,
        schedule.bf16,
    )
    steps = planned(recipe.steps, schedule.n_checkpoints)
    kept = Checkpoints(folder, steps)
    model = build.built(vocabulary, build.seed)
    vocabulary.save(folder)
    facts = {
        "steps": list(steps),
        "tokens": len(tokens.ids),
        "learned_tokens": int(tokens.learned.sum()),
        "cut": tokens.cut,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": vocabulary.size,
        "rate": recipe.rate,
        "batch": batch,
    }
    write_json(folder / _ABOUT, facts)
    train(model, tokens, recipe, device, folder, progress, "training the proxy model", kept)
    return {"steps": np.array(steps)}


def facts_of(folder: Path) -> dict[str, Any]:
    """What a reader of the values needs to know of the model they come from."""
    return read_json(folder / _ABOUT, {})


class Trail:
    """The checkpoints of a trained proxy, one after another, as models in eval mode; small ones stay in memory."""

    def __init__(self, folder: Path, steps: tuple[int, ...], device: str):
        self.kept, self.device = Checkpoints(folder, steps), choose_device(device)
        self._loaded: dict[int, PreTrainedModel] = {}
        if self.kept.usable() != steps:
            raise Failed(
                f"A checkpoint in {folder} is gone or damaged; remove {folder.parent} and compute the feature again."
            )

    def __len__(self) -> int:
        return len(self.kept.steps)

    def model(self, at: int) -> "PreTrainedModel":
        """After the checkpoint at this place."""
        if at in self._loaded:
            return self._loaded[at]
        model = read_model(self.kept.path(self.kept.steps[at])).eval().requires_grad_(False).to(self.device)
        size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
        if size * len(self) <= _IN_MEMORY:
            self._loaded[at] = model
        return model


def finish_proxy(folder: Path, steps: tuple[int, ...]) -> None:
    """Keeps the trained model with its vocabulary, as a folder that can be given as `model`; the checkpoints go."""
    Checkpoints(folder, steps).finish(folder / "model")
    for name in (SAID, FILE):
        if (folder / name).exists():
            (folder / name).replace(folder / "model" / name)
