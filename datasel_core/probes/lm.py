"""Language probe: how well a small language model, trained on the kept alone, predicts responses it has never seen."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.feature import Source
from datasel_core.features.language.answers import final_answer, generate, question, spelt_question
from datasel_core.features.language.models import OFFERED, SCRATCH, local_files
from datasel_core.features.language.proxy import RATES, Build
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.training import Recipe, train
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.probes.numbers.seeds import SHARE, of_seeds
from datasel_core.probes.probe import Probe, probe
from datasel_core.probes.turns import source_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH_TOKENS = 4096
_Asked = tuple[int, list[int], str]
"""Row, ids of the prompt, final answer."""


@probe("lm", version=1, title="Language probe")
class LanguageProbe(Probe):
    """A language model learns the responses of the kept samples for a fixed number of steps; then its loss on held-out
    responses is measured, and how often its final answer is the right one. The same number of steps for every training
    set, so that a smaller one is seen more often; several seeds, so that chance can be told from merit. From scratch,
    the vocabulary is trained on the whole pool, so that losses of different selections compare.
    """

    opens: ClassVar = ("turns",)
    wants: ClassVar = ("group",)
    elsewhere: ClassVar = True
    each_is: ClassVar = "mean loss on held-out responses of a language model that learned the kept alone"
    higher_is_better: ClassVar = False

    model: str = Field(
        SCRATCH,
        min_length=1,
        description=f"{SCRATCH}, a model of the hub such as {OFFERED[1]}, or a folder with one (as a path).",
    )
    steps: int = Field(300, ge=1, description="Training steps, whatever the number of samples.")
    n_seeds: int = Field(
        3,
        ge=1,
        description="Trainings that differ by chance alone: order of samples, and from scratch the first weights.",
    )
    batch: int = Field(16, ge=1, description="Samples per step.")
    rate: float | None = Field(
        None,
        gt=0,
        description="Highest learning rate (AdamW, cosine); by default 1e-3 from scratch, 2e-5 for a given model.",
    )
    template: Template = Field(
        "plain", description="How prompt and response are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(512, ge=8, description="Most tokens of a sample; what is beyond is cut off.")
    most: int = Field(1000, ge=1, description="Held-out samples whose loss is measured, drawn where there are more.")
    answers: int = Field(
        100,
        ge=0,
        description="Of those, so many at most are answered word by word, where the final answer can be told.",
    )
    longest: int = Field(256, ge=1, description="Most tokens of an answer.")
    vocabulary: int = Field(4096, ge=300, description="From scratch: tokens of the vocabulary.")
    layers: int = Field(2, ge=1, description="From scratch: layers of the model.")
    width: int = Field(192, ge=8, description="From scratch: width of the model.")
    heads: int = Field(3, ge=1, description="From scratch: attention heads.")
    seed: int = Field(0, ge=0, description="The first seed.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def measure(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress | None = None,
        elsewhere: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        progress, there = progress or Progress(), roles if elsewhere is None else elsewhere
        if not len(test):
            raise BadRequest("Nothing is held out: the whole pool was kept; name another pool with --held-out.")
        build, vocabulary, learned = self._begun(roles, train, progress)
        test = np.sort(np.random.default_rng(self.seed).permutation(test)[: self.most])
        held = self._tokens(source_of(there), test, vocabulary, "Nothing that is held out can be measured")
        asked = self._questions(source_of(there), held.rows, vocabulary)
        losses, right = [], []
        for at in range(self.n_seeds):
            model = self._trained(
                build, vocabulary, learned, self.seed + at, progress, f"training, seed {at + 1} of {self.n_seeds}"
            )
            progress.check()
            losses.append(per_sample(score(model, held, _BATCH_TOKENS).loss, held).astype(np.float64))
            right.append(self._right(model, vocabulary, asked, progress, f"answering, seed {at + 1} of {self.n_seeds}"))
        groups = (
            np.array(["" if name is None else str(name) for name in there["group"]])[held.rows]
            if "group" in there
            else None
        )
        found = {**of_seeds("loss", np.array(losses)), **of_seeds("exact_match", np.array(right), SHARE)}
        if groups is not None:
            found["by_source"] = {
                str(name): self._of(groups == name, np.array(losses), np.array(right), asked, held.rows)
                for name in np.unique(groups)
            }
        return {
            **found,
            "trained_on": len(learned.rows),
            "tested_on": len(held.rows),
            "answered": len(asked),
            "steps": self.steps,
            "n_seeds": self.n_seeds,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "vocabulary": vocabulary.size,
        }

    def judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None = None,
    ) -> list[np.ndarray]:
        """Of each judge (len(rows),) the loss of each sample, the mean over the seeds, whatever `most` says."""
        progress = progress or Progress()
        build, vocabulary, learned = self._begun(roles, train, progress)
        wrong = "Nothing that is held out can be measured"
        held = [self._tokens(source_of(there), test, vocabulary, wrong) for there, test in judges]
        losses = [np.full((self.n_seeds, len(test)), np.nan) for _, test in judges]
        for at in range(self.n_seeds):
            label = f"training, seed {at + 1} of {self.n_seeds}"
            model = self._trained(build, vocabulary, learned, self.seed + at, progress, label)
            for into, tokens, (_, test) in zip(losses, held, judges, strict=True):
                progress.check()
                into[at, np.isin(test, tokens.rows)] = per_sample(score(model, tokens, _BATCH_TOKENS).loss, tokens)
        return [one.mean(axis=0) for one in losses]

    def _begun(
        self, roles: Mapping[str, Any], train: np.ndarray, progress: Progress
    ) -> tuple[Build, Vocabulary, Tokens]:
        """What is to be trained, how it spells, and what it learns."""
        if not len(train):
            raise BadRequest("A language probe needs at least one sample to train on.")
        source = source_of(roles)
        build = Build(self.model, self.vocabulary, self.layers, self.width, self.heads, self.length, self.seed)
        vocabulary = build.spelling(source, progress)
        return build, vocabulary, self._tokens(source, train, vocabulary, "Nothing that was kept can be learned")

    def _of(
        self, mine: np.ndarray, losses: np.ndarray, right: np.ndarray, asked: Sequence[_Asked], rows: np.ndarray
    ) -> dict[str, Any]:
        of_mine = np.isin([row for row, _, _ in asked], rows[mine])
        return {
            **of_seeds("loss", losses[:, mine]),
            **of_seeds("exact_match", right[:, of_mine], SHARE),
            "tested_on": int(mine.sum()),
            "answered": int(of_mine.sum()),
        }

    def _tokens(self, source: Source, rows: np.ndarray, vocabulary: Vocabulary, wrong: str) -> Tokens:
        tokens = read_tokens(source, rows, vocabulary, self.template, self.length)
        if not len(tokens.rows):
            raise BadRequest(f"{wrong}: {tokens.unreadable[0][1]}.")
        return tokens

    def _trained(
        self, build: Build, vocabulary: Vocabulary, tokens: Tokens, seed: int, progress: Progress, label: str
    ) -> "PreTrainedModel":
        model, device = build.built(vocabulary, seed), choose_device(self.device)
        with tempfile.TemporaryDirectory() as scratch:
            train(
                model,
                tokens,
                Recipe(self.steps, self.batch, self.rate or RATES[build.is_new], seed),
                device,
                Path(scratch),
                progress,
                label,
            )
        return model.eval()

    def _questions(self, source: Source, rows: np.ndarray, vocabulary: Vocabulary) -> list[_Asked]:
        """Those that can be asked, the same for every seed."""
        found: list[_Asked] = []
        for row in np.random.default_rng(self.seed).permutation(rows).tolist() if self.answers else ():
            put = question(source.turns(row))
            answer = final_answer(put[1]) if put else None
            ids = spelt_question(put[0], vocabulary, self.template) if answer is not None else []
            if ids and len(ids) < self.length:
                found.append((row, ids, answer))
            if len(found) == self.answers:
                break
        return found

    def _right(
        self, model: "PreTrainedModel", vocabulary: Vocabulary, asked: Sequence[_Asked], progress: Progress, label: str
    ) -> np.ndarray:
        track = progress.track(len(asked), label)
        said = generate(model, vocabulary, [ids for _, ids, _ in asked], self.longest, progress, track)
        track.finish()
        return np.array(
            [final_answer(text) == answer for text, (_, _, answer) in zip(said, asked, strict=True)], dtype=np.float64
        )
