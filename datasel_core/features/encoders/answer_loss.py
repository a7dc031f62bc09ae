"""How well a short warm-up taught each answer: what pruning by the loss goes by."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.base.role import ANSWER_LOSS
from datasel_core.errors import Failed
from datasel_core.features.facts_training.answer_tokens import AnswerTokens, answers, spans
from datasel_core.features.facts_training.learning import HEAD, learn, new_learner, one_torch_thread, usual_rate
from datasel_core.features.facts_training.rest import Rest
from datasel_core.features.feature import Block, Feature, Source, Unreadable, feature
from datasel_core.features.language.models import check_sizes
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Template, read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary, written_vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.workspace.files import read_json, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LEAST_STEPS = 150
_ROWS = 256
"""Rows that are scored together, always the same ones, so that who goes on after a stop gets the same last digit."""
_BATCH_TOKENS = 16384
_MOST_SPANS = 256
_WEIGHT = "weight/"
_ABOUT, _REST = "warm_up.json", "warm_up.npz"


@feature("answer_loss", version=1, title="Loss of the answer")
class AnswerLoss(Feature):
    """How much of each answer a small model does not know yet after a short training on the whole pool, in nats: the
    cross-entropy of its tokens together, low for what is known. What loss pruning goes by.

    The model is a transformer that learns from nothing, as in the probe `facts`, each digit a token of its own. The
    loss is the sum over the tokens of the answer and its end, not their mean: minus the logarithm of the probability
    that the model gives the whole answer. Of running text in which facts are marked it is that of their tokens alone,
    a sum over all marked spans or the mean of the spans; a token that only part of a span lies in belongs to it whole,
    one that two spans share to the first. Of running text without marks it is that of the whole text. Beside it are
    kept `facts`, how many a sample has, and, where they are marked, `per_fact`, the loss of each (of the first 256).
    A sample of which the answer, or a marked span, ends beyond the limit of tokens has no loss, and is named.

    Cram Less to Fit More, 2026, https://arxiv.org/abs/2604.08519, prunes by such a loss; how long it warms up is not
    public.
    """

    role: ClassVar[str] = ANSWER_LOSS.name
    reads: ClassVar[str] = "turns"
    learns: ClassVar[bool] = True
    suits: ClassVar[str] = "Says which facts are learned first: what loss pruning chooses by."
    speed: ClassVar[float] = 1500
    begins: ClassVar[float] = 15
    cost: ClassVar[str] = "about 7 s for 3,000 facts, a minute for 100,000 on one core: one pass to learn, one to look"
    avoid: ClassVar[str] = "As a measure of worth: what is repeated most has the lowest."
    paper: ClassVar[str] = "https://arxiv.org/abs/2604.08519"

    steps: int | None = Field(
        None,
        ge=1,
        title="Warm-up steps",
        description=(
            "How many training steps come before the losses are measured. Move it up when losses hardly tell frequent "
            "facts from rare ones, down when most are known by heart. At 1 all are unknown; left empty, one pass over "
            "the pool, at least 150 steps."
        ),
        json_schema_extra=spoken({"none": "one pass, at least 150"}),
    )
    over: Literal["sample", "fact"] = Field(
        "sample",
        description="Of a text with several marked facts: the loss of all together, or the mean of its facts.",
        json_schema_extra=spoken({"sample": "all its facts together", "fact": "the mean of its facts"}),
    )
    template: Template = Field(
        "plain", description="How question and answer are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(
        256,
        title="Most tokens",
        ge=8,
        description=(
            "How many tokens of a sample are read at most. Move it up where samples are left out because their facts "
            "end beyond it. At 8 hardly a question fits; long texts cost time and memory."
        ),
    )
    batch: int = Field(
        64,
        title="Samples per step",
        ge=1,
        description=(
            "How many samples each training step learns from. Move it down for small pools, up for steadier losses. At "
            "1 losses jump from step to step; with the whole pool each step sees everything."
        ),
    )
    rate: float | None = Field(
        None,
        title="Learning rate",
        gt=0,
        description=(
            "The highest learning rate (AdamW, cosine, 3 % warm-up). Move it down where training goes astray, up where "
            "nothing is learned. Too small learns nothing, too large forgets everything; left empty, .48 divided by "
            "the width."
        ),
        json_schema_extra=spoken({"none": ".48 divided by the width"}),
    )
    vocabulary: int = Field(
        512,
        title="Vocabulary size",
        ge=1,
        description=(
            "How many different tokens the model reads, learned from the pool. Move it up for running text and many "
            "words. 1 spells letter by letter; very many make rare words tokens that are never learned."
        ),
    )
    layers: int = Field(
        2,
        ge=1,
        description=(
            "How many layers the model has. Move it up to be like the model that will learn what is kept. At 1 it "
            "learns what goes together; every further layer costs about as much time again."
        ),
    )
    width: int = Field(
        48,
        ge=8,
        description=(
            "How many numbers stand for each token. Move it up together with layers. At 8 hardly anything is learned; "
            "twice the width takes three to four times as long."
        ),
    )
    heads: int | None = Field(
        None,
        ge=1,
        description=(
            "How many places each layer can look at; the width must be a multiple of eight times as many. There is "
            "seldom a reason to move it. 1 looks at one place at a time; left empty, as many as are 8 wide."
        ),
        json_schema_extra=spoken({"none": "as many as are 8 wide"}),
    )
    seed: int = Field(0, ge=0, description="Start of the weights and of the order of samples.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """summed: it is no mean over tokens. steps (taken), parameters, vocabulary (size), marked (whether facts are
        marked in texts), learned_from (samples).
        """
        folder = None if source is None else source.folder
        return {"summed": True} | ({} if folder is None else read_json(folder / _ABOUT, {}))

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        check_sizes(self.width, self._heads())
        look = _Look(source)
        vocabulary = train_vocabulary(look.texts(progress), self.vocabulary, own_alphabet=True)
        start = (vocabulary.end,) if look.running else ()  # so that the first token of a text is predicted too
        vocabulary = Vocabulary(vocabulary.tokenizer, start, vocabulary.end)
        track = progress.track(source.n, "splitting texts into tokens")
        tokens = read_tokens(source, np.arange(source.n), vocabulary, self.template, self.length, track)
        track.finish()
        if not len(tokens.rows):
            row, reason = tokens.unreadable[0] if tokens.unreadable else (0, "the pool is empty")
            raise Failed(f"No sample can be learned, from the first ({row}) on: {reason}.")
        batch = min(self.batch, len(tokens.rows))
        steps = self.steps or max(_LEAST_STEPS, -(-len(tokens.rows) // batch))
        model, device = self._model(vocabulary), choose_device(self.device)
        recipe = Recipe(steps, batch, self.rate or usual_rate(self.width), self.seed)
        rest = None if source.folder is None else Rest(source.folder / _REST)
        taken = learn(model, tokens, recipe, device, progress, "warming up", rest)
        about = {
            "steps": taken,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "vocabulary": vocabulary.size,
            "marked": bool(look.most),
            "learned_from": len(tokens.rows),
        }
        if source.folder is not None:
            write_json(source.folder / _ABOUT, about)
        written = np.frombuffer(vocabulary.tokenizer.to_str().encode(), np.uint8)
        weights = {f"{_WEIGHT}{name}": value.cpu().numpy() for name, value in model.state_dict().items()}
        return {"vocabulary": written, "start": np.array(start, np.int64), "most": np.array(look.most), **weights}

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        if not len(rows):
            return
        vocabulary, model = self._warmed(fitted)
        most = int(fitted["most"])
        for group in np.split(rows, np.flatnonzero(np.diff(rows // _ROWS)) + 1):
            source.check()
            first = int(group[0]) // _ROWS * _ROWS
            whole = np.arange(first, min(first + _ROWS, source.n))
            if most:
                found = spans(source, whole, vocabulary, self.length)
            else:
                found = answers(source, whole, vocabulary, self.template, self.length)
            yield self._block(found, model, group, min(most, _MOST_SPANS))

    def tidy(self, folder: Path, fitted: Mapping[str, np.ndarray]) -> None:
        (folder / _REST).unlink(missing_ok=True)

    def _block(self, found: AnswerTokens, model: "PreTrainedModel", rows: np.ndarray, most: int) -> Block:
        """Of those of the samples that are asked for. most: marked facts of a sample whose losses are kept."""
        with one_torch_thread():
            losses = found.per_fact(score(model, found.tokens, _BATCH_TOKENS).loss.astype(np.float64))
        owners = np.repeat(np.arange(len(found.counts)), found.counts)
        values = np.bincount(owners, weights=losses, minlength=len(found.counts))
        values = values / found.counts if self.over == "fact" else values
        sound = np.isfinite(values)
        wrong = [(int(row), "its loss is NaN or infinite") for row in found.tokens.rows[~sound]]
        asked = sound & np.isin(found.tokens.rows, rows)
        extra: dict[str, np.ndarray] = {"facts": found.counts.astype(np.int32)}
        if most:
            nth = np.arange(len(owners)) - (np.cumsum(found.counts) - found.counts)[owners]
            extra["per_fact"] = np.full((len(values), most), np.nan, np.float32)
            extra["per_fact"][owners[nth < most], nth[nth < most]] = losses[nth < most]
        mine = set(rows.tolist())
        return Block(
            found.tokens.rows[asked],
            values[asked].astype(np.float32),
            sorted(pair for pair in [*found.tokens.unreadable, *wrong] if pair[0] in mine),
            {name: array[asked] for name, array in extra.items()},
        )

    def _heads(self) -> int:
        return self.heads or max(1, self.width // HEAD)

    def _model(self, vocabulary: Vocabulary) -> "PreTrainedModel":
        return new_learner(vocabulary, self.layers, self.width, self._heads(), self.length, self.seed)

    def _warmed(self, fitted: Mapping[str, np.ndarray]) -> tuple[Vocabulary, "PreTrainedModel"]:
        """The vocabulary and the trained model, in eval mode, as they were learned."""
        import torch

        start = tuple(fitted["start"].tolist())
        vocabulary = written_vocabulary(fitted["vocabulary"].tobytes().decode(), start)
        model = self._model(vocabulary)
        weights = {name: array for name, array in fitted.items() if name.startswith(_WEIGHT)}
        model.load_state_dict({name.removeprefix(_WEIGHT): torch.from_numpy(one) for name, one in weights.items()})
        return vocabulary, model.eval().requires_grad_(False).to(choose_device(self.device))


class _Look:
    """What a pass over the texts sees. running: whether any is running text. most: marked facts of a sample at most."""

    def __init__(self, source: Source):
        self.source, self.running, self.most = source, False, 0

    def texts(self, progress: Progress) -> Iterator[str]:
        for row in progress.over(range(self.source.n), self.source.n, "reading texts"):
            try:
                turns = self.source.turns(row)
            except Unreadable:
                continue
            for turn in turns:
                self.running = self.running or turn.role == "text"
                self.most = max(self.most, len(turn.spans))
                yield turn.text.encode("utf-8", "replace").decode("utf-8")
