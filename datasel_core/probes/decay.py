"""Decay probe: what a short run to the end from one fixed checkpoint makes of the kept samples."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.features.flops import of_training
from datasel_core.features.influence.checkpoint import SCHEDULE, Checkpoint, read_checkpoint
from datasel_core.features.influence.decay import decayed
from datasel_core.features.influence.training import Stage
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.models import local_files
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.models.weights import choose_device
from datasel_core.probes.numbers.seeds import of_seeds
from datasel_core.probes.probe import Probe, probe
from datasel_core.probes.turns import source_of
from datasel_core.workspace.hashing import hash_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH_TOKENS = 4096


@probe("decay", version=1, title="Decay probe")
class DecayProbe(Probe):
    """From one fixed checkpoint with its optimiser, a language model learns the kept samples for a fixed number of
    steps, while the rate falls to nothing; then its loss on held-out samples is measured. The cheap form of a whole
    training: the same start and the same number of steps for every training set; several seeds differ in the order of
    samples alone.

    DATE-LM, https://arxiv.org/abs/2507.09424.
    """

    opens: ClassVar = ("turns",)
    elsewhere: ClassVar = True
    each_is: ClassVar = "mean loss on held-out responses of a checkpoint that went on with the kept while its rate fell"
    higher_is_better: ClassVar = False

    model: str = Field("", description=f"Folder of the checkpoint, with its optimiser's state and {SCHEDULE}.")
    steps: int = Field(100, ge=1, description="Training steps, whatever the number of samples.")
    n_seeds: int = Field(1, ge=1, description="Trainings that differ in the order of samples alone.")
    batch: int = Field(16, ge=1, description="Samples per step.")
    template: Template = Field(
        "plain", description="How prompt and response are put together: plain, or with the headings of Alpaca."
    )
    length: int | None = Field(
        None, ge=8, description="Most tokens of a sample; what is beyond is cut off. By default what the model reads."
    )
    most: int = Field(1000, ge=1, description="Held-out samples whose loss is measured, drawn where there are more.")
    seed: int = Field(0, ge=0, description="The first seed.")
    bf16: bool = Field(False, description="Train in numbers of 16 bits, which is faster where the processor has them.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def files(self) -> tuple[str, ...]:
        return local_files(str(self._folder()))

    def what(self) -> dict[str, Any]:
        """The checkpoint is what it holds, wherever it lies."""
        said, path = super().what(), Path(self.model).expanduser() / SCHEDULE
        return {**said, "checkpoint": hash_file(path)} if self.model and path.is_file() else said

    def measure(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress | None = None,
        elsewhere: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if not len(test):
            raise BadRequest("Nothing is held out: the whole pool was kept; name another pool with --held-out.")
        test = np.sort(np.random.default_rng(self.seed).permutation(test)[: self.most])
        losses, said = self._judged(roles, train, [(roles if elsewhere is None else elsewhere, test)], progress)
        found = losses[0][:, np.isfinite(losses[0]).all(axis=0)]
        about = {"tested_on": found.shape[1], "steps": self.steps, "n_seeds": self.n_seeds}
        return {**of_seeds("loss", found), **about, **said}

    def judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None = None,
    ) -> list[np.ndarray]:
        """Of each judge (len(rows),) the loss of each sample, the mean over the seeds, whatever `most` says."""
        return [one.mean(axis=0) for one in self._judged(roles, train, judges, progress)[0]]

    def _judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None,
    ) -> tuple[list[np.ndarray], dict[str, Any]]:
        """Of each judge (n_seeds, len(rows)) losses, NaN of what cannot be read; and what the training was."""
        if not len(train):
            raise BadRequest("A decay probe needs at least one sample to train on.")
        progress, folder, wrong = progress or Progress(), self._folder(), "Nothing that is held out can be measured"
        start = read_checkpoint(folder)
        learned = self._tokens(roles, train, start, "Nothing that was kept can be learned")
        held = [self._tokens(there, rows, start, wrong) for there, rows in judges]
        found = [np.full((self.n_seeds, len(rows)), np.nan) for _, rows in judges]
        for at in range(self.n_seeds):
            model = self._trained(start if at == 0 else read_checkpoint(folder), learned, at, progress)
            for into, tokens, (_, rows) in zip(found, held, judges, strict=True):
                progress.check()
                into[at, np.isin(rows, tokens.rows)] = per_sample(score(model, tokens, _BATCH_TOKENS).loss, tokens)
        return found, self._said(start, learned)

    def _trained(self, start: Checkpoint, tokens: Tokens, at: int, progress: Progress) -> "PreTrainedModel":
        stage = Stage(self.steps, self._batch(tokens), self.seed + at, self.bf16)
        label = f"training while the rate falls, seed {at + 1} of {self.n_seeds}"
        with tempfile.TemporaryDirectory() as scratch:
            end = decayed(start, tokens, stage, Path(scratch), choose_device(self.device), progress, label)
        return end.model.eval()

    def _said(self, start: Checkpoint, learned: Tokens) -> dict[str, Any]:
        order = training_order(learned.lengths(), self._batch(learned), self.steps, self.seed)
        parameters, tokens = start.parameters(), int(learned.lengths()[order].sum())
        return {
            "trained_on": len(learned.rows),
            "tokens": tokens,
            "parameters": parameters,
            "flops": self.n_seeds * of_training(parameters, tokens),
        }

    def _batch(self, learned: Tokens) -> int:
        return min(self.batch, len(learned.rows))

    def _tokens(self, roles: Mapping[str, Any], rows: np.ndarray, start: Checkpoint, wrong: str) -> Tokens:
        length = start.length(self.length)
        tokens = read_tokens(source_of(roles), rows, start.vocabulary, self.template, length)
        if not len(tokens.rows):
            raise BadRequest(f"{wrong}: {tokens.unreadable[0][1]}.")
        return tokens

    def _folder(self) -> Path:
        if not self.model:
            raise BadParameter(
                "decay goes on from a checkpoint; name its folder (model=FOLDER), as a run in stages or "
                "influence_probe keeps them."
            )
        folder = Path(self.model).expanduser()
        if not folder.is_dir():
            raise BadInput(f"There is no folder {self.model}; decay goes on from a checkpoint (model=FOLDER).")
        return folder
