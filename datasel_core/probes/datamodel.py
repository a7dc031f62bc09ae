"""Tiny trainings on random halves of a pool, and what each says of a reference: a file each; a kill costs one."""

import contextlib
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.declare import Declared, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.models import SCRATCH
from datasel_core.features.language.proxy import RATES, Build
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.training import Recipe, train
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json, write_json

_BATCH_TOKENS = 4096

Train = Callable[[np.ndarray, Progress, str], float]
"""Learns these rows of a pool and says its loss on the reference, in nats; the text is what a bar calls it."""


def reference_losses(halves: Sequence[np.ndarray], learn: Train, folder: Path, progress: Progress) -> np.ndarray:
    """(m,) float64: the loss on the reference after learning each half; those that lie in the folder are not learned
    again. halves: rows of each. Raises Failed, Stopped.
    """
    found = np.empty(len(halves))
    for at, rows in enumerate(halves):
        path, known = folder / f"half-{at:03d}.json", {}
        with contextlib.suppress(BadInput):  # damaged: once more
            known = read_json(path, {})
        if not isinstance(known.get("loss"), float):
            progress.check()
            known = {"loss": float(learn(rows, progress, f"training, half {at + 1} of {len(halves)}"))}
            if not math.isfinite(known["loss"]):
                raise Failed(
                    f"The training on half {at + 1} of {len(halves)} ended with a loss that is no number; take a "
                    "smaller rate (--set rate=...)."
                )
            write_json(path, known)
        found[at] = known["loss"]
    return found


class TinyModel(Declared):
    """A small language model from random weights, the same for every half."""

    steps: int = Field(150, ge=1, description="Training steps, the same for every half.")
    batch: int = Field(16, ge=1, description="Samples per step.")
    rate: float | None = Field(None, gt=0, description="Highest learning rate; by default 1e-3.")
    template: Template = Field("plain", description="How prompt and response are put together.")
    length: int = Field(128, ge=8, description="Most tokens of a sample; what is beyond is cut off.")
    vocabulary: int = Field(2048, ge=300, description="Tokens of the vocabulary, which is learned from the pool.")
    layers: int = Field(2, ge=1, description="Layers.")
    width: int = Field(96, ge=8, description="Width.")
    heads: int = Field(3, ge=1, description="Attention heads.")
    seed: int = Field(0, ge=0, description="First weights and order of samples.")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda|mps)$", description="Where to compute.")

    def what(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude={"device"})


TinyModel.id, TinyModel.version = "datamodel", 1


@dataclass(frozen=True)
class TinyTraining:
    """A `Train`: a tiny model learns rows of a pool; its loss is the mean over all learned tokens of the reference."""

    how: TinyModel
    source: Source
    vocabulary: Vocabulary
    reference: Tokens

    @classmethod
    def of(cls, how: TinyModel, pool: Pool, reference: Pool, folder: Path, progress: Progress) -> "TinyTraining":
        """The vocabulary is learned from the whole pool, once, and kept in the folder. Raises BadRequest."""
        source = _source(pool)
        vocabulary = _build(how).spelling(source, progress, folder)
        tokens = read_tokens(_source(reference), np.arange(reference.n), vocabulary, how.template, how.length)
        if not len(tokens.rows):
            raise BadRequest(f"Nothing of the reference {reference.name} can be measured: {tokens.unreadable[0][1]}.")
        return cls(how, source, vocabulary, tokens)

    def __call__(self, rows: np.ndarray, progress: Progress, label: str) -> float:
        how, build = self.how, _build(self.how)
        tokens = read_tokens(self.source, rows, self.vocabulary, how.template, how.length)
        if not len(tokens.rows):
            raise BadRequest(f"Nothing of a random half can be learned: {tokens.unreadable[0][1]}.")
        model = build.built(self.vocabulary, how.seed)
        recipe = Recipe(how.steps, how.batch, how.rate or RATES[True], how.seed)
        with tempfile.TemporaryDirectory() as scratch:
            train(model, tokens, recipe, choose_device(how.device), Path(scratch), progress, label)
        return float(score(model.eval(), self.reference, _BATCH_TOKENS).loss.mean(dtype=np.float64))


def _build(how: TinyModel) -> Build:
    return Build(SCRATCH, how.vocabulary, how.layers, how.width, how.heads, how.length, how.seed)


def _source(pool: Pool) -> Source:
    def turns(row: int) -> list[Turn]:
        try:
            return pool.turns(row)
        except BadRequest as error:
            raise Unreadable(str(error)) from None

    return Source(pool.n, turns=turns)
