"""Facts in fine-tuning: what a trained language model learns of new facts, and what that does to those it knew."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.facts_training.asking import Exposures, exposures, questions_in
from datasel_core.features.facts_training.decoding import Drawing, said
from datasel_core.features.facts_training.few_shot import prompts_of
from datasel_core.features.facts_training.knowledge import answers_of, verdicts
from datasel_core.features.facts_training.tuning import RATES, Adapter, Kind, tuned
from datasel_core.features.feature import Source
from datasel_core.features.language.models import OFFERED, SCRATCH, given_model, hashes, local_files
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.probes.numbers import tuning
from datasel_core.probes.numbers.facts import over_seeds
from datasel_core.probes.numbers.tuning import Answers, Questions, shares
from datasel_core.probes.probe import Probe, probe
from datasel_core.probes.turns import source_of
from datasel_core.workspace.hashing import key_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH_TOKENS = 4096
_GIVEN = tuple(one for one in OFFERED if one != SCRATCH)
Judge = Literal["all", "old", "unknown"]
_JUDGES: dict[Judge, str] = {
    "all": "share of held-out questions that a language model answers rightly after fine-tuning on the kept",
    "old": "share of held-out facts known before that a language model still knows after fine-tuning on the kept",
    "unknown": "share of held-out facts unknown before that it answers, after fine-tuning on the kept, as if they were "
    "another of their relation",
}
_KNOWN = {"all": "asked", "old": "known before", "unknown": "unknown before"}
_before: dict[str, np.ndarray] = {}


@dataclass(frozen=True)
class _World:
    """All that is the same for every seed. answers: of each fact."""

    there: Exposures
    vocabulary: Vocabulary
    learned: Tokens
    answers: list[str]
    relation: np.ndarray


@probe("facts_tuning", version=1, title="Facts in fine-tuning")
class FactsTuning(Probe):
    """A language model that was trained before is fine-tuned on the kept facts, by low-rank adapters (LoRA) or whole.
    Before that it is asked about every fact several times, each time after other examples of its relation: a fact is
    highly known where its likeliest answer is always right, maybe known where it is sometimes, unknown where never
    (weakly known facts, which only answers that are drawn show, are among the unknown; `fact_knowledge` tells them).
    After it: how many new facts it memorised, in the wording that it learned and in others; whether old ones, which it
    knew and did not train on, are still right; and how it answers unknown facts that it did not train on: rightly,
    wrongly with the answer of another fact of the relation, or otherwise.

    As trained: the question alone, as in training. After examples: the very prompts that were asked before, so that
    what differs are the weights. Equal steps or equal epochs for every training set; the same seeds for each.

    Gekhman et al. 2024, https://arxiv.org/abs/2405.05904; Hu et al. 2021, https://arxiv.org/abs/2106.09685.
    """

    opens: ClassVar = ("turns",)
    wants: ClassVar = ("fact", "relation")

    model: str = Field(
        _GIVEN[-1],
        min_length=1,
        description=f"A model of the hub such as {_GIVEN[-1]}, or a folder with config.json, safetensors and "
        "tokenizer.json (as a path).",
        json_schema_extra={"offered": list(_GIVEN)},
    )
    tuning: Kind = Field(
        "lora",
        description="Whether low-rank adapters learn, or all weights do.",
        json_schema_extra=spoken({"lora": "adapters (LoRA)", "full": "all weights"}),
    )
    rank: int = Field(16, ge=1, description="Of adapters: their rank.")
    alpha: float = Field(32, gt=0, description="Of adapters: their scale, by which they count alpha / rank times.")
    count: Literal["steps", "epochs"] = Field(
        "epochs", description="Equal epochs for every training set, or steps, so that a smaller one is seen more often."
    )
    n: int = Field(20, ge=1, description="So many steps or epochs.")
    n_seeds: int = Field(
        3, ge=1, description="Trainings that differ by chance alone: first adapters, order of samples."
    )
    batch: int = Field(16, ge=1, description="Samples per step.")
    rate: float | None = Field(
        None,
        gt=0,
        description="Highest learning rate (AdamW, cosine); by default 2e-4 of adapters, 2e-5 of all weights.",
    )
    template: Template = Field(
        "plain", description="How question and answer are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(512, ge=8, description="Most tokens of examples and question; what is longer is not asked.")
    longest: int = Field(16, ge=1, description="Most tokens of an answer.")
    n_examples: int = Field(4, ge=1, description="Facts of the relation that are shown before a question.")
    n_prompts: int = Field(4, ge=1, description="How often a fact is asked about, each time after other examples.")
    most: int = Field(
        500,
        ge=1,
        description="Questions of each kind (learned, reworded, dropped) at most; drawn where there are more.",
    )
    judge: Judge = Field(
        "all",
        description="In tables of evidence: all held-out questions, those of facts known before, or unknown before.",
        json_schema_extra=spoken({"all": "all questions", "old": "facts known before", "unknown": "unknown facts"}),
    )
    bf16: bool = Field(
        False, description="Compute in numbers of 16 bits, which is faster where the processor has them."
    )
    seed: int = Field(0, ge=0, description="The first seed.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    @property
    def each_is(self) -> str:
        return _JUDGES[self.judge]

    @property
    def higher_is_better(self) -> bool:
        return self.judge != "unknown"

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def what(self) -> dict[str, Any]:
        """The model is what its folder holds."""
        found = hashes(self.model)
        return {**super().what(), **({"weights": key_of(found)} if found else {})}

    def measure(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> dict[str, Any]:
        progress, source = progress or Progress(), source_of(roles)
        world = self._world(roles, train, progress)
        parts = {
            name: self._asked(world, source, world.there.some(at, self.most, self.seed))
            for name, at in world.there.parts(train, test).items()
        }
        model = self._model()
        before = {name: self._said(model, world, one, progress, "asking before") for name, one in parts.items()}
        found = []
        for at in range(self.n_seeds):
            model, label = self._trained(world, at, progress), f"asking, seed {at + 1} of {self.n_seeds}"
            after = {}
            for name, one in parts.items():
                alone = self._alone(model, world, one, progress, label)
                again = self._said(model, world, one, progress, label) if name == "dropped" else []
                after[name] = Answers(one.at, before[name], alone, again)
            found.append(after)
        numbers = [tuning.numbers_of(world.there, one, world.answers, world.relation) for one in found]
        parameters = sum(weight.numel() for weight in model.parameters())
        steps, batch = self._recipe(world, 0).steps, self._recipe(world, 0).batch
        return {
            **over_seeds(numbers, parameters),
            "by_knowledge": tuning.by_knowledge(world.there, found),
            **tuning.before_of(world.there, found[0], world.answers, world.relation),
            "facts": world.there.facts,
            "trained_on": len(world.learned.rows),
            "asked": {name: len(one.at) for name, one in parts.items()},
            "examples": tuning.examples_in(world.there, found[0]["dropped"]),
            "steps": steps,
            "epochs": round(steps * batch / len(world.learned.rows), 2),
            "n_seeds": self.n_seeds,
            "parameters": parameters,
        }

    def each(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """(len(test),) what `judge` says of each, the mean over the seeds; of all of them, whatever `most` says. NaN
        where a fact is not of those that are judged. Raises BadRequest where none is.
        """
        progress, source = progress or Progress(), source_of(roles)
        world = self._world(roles, train, progress)
        one = self._asked(world, source, np.flatnonzero(np.isin(world.there.rows, test)))
        judged = np.full(len(one.at), True) if self.judge == "all" else self._judged(world, one, progress)
        if not judged.any():
            raise BadRequest(
                f"No held-out fact is {_KNOWN[self.judge]}, so there is nobody to ask; draw a larger held-out set, or "
                "take another model."
            )
        one, values = one.of(np.flatnonzero(judged)), np.zeros(int(judged.sum()))
        known = answers_of(world.relation, world.answers)
        for at in range(self.n_seeds):
            model, label = self._trained(world, at, progress), f"asking, seed {at + 1} of {self.n_seeds}"
            if self.judge == "old":
                values += shares(world.there, one.at, self._said(model, world, one, progress, label))
                continue
            answers, relation = [world.there.answer[place] for place in one.at], world.there.relation[one.at]
            wanted = "wrong" if self.judge == "unknown" else "right"
            words = verdicts(self._alone(model, world, one, progress, label), answers, relation, known)
            values += np.array([word == wanted for word in words])
        of = dict(zip(world.there.rows[one.at].tolist(), (values / self.n_seeds).tolist(), strict=True))
        return np.array([of.get(row, np.nan) for row in test.tolist()], dtype=np.float64)

    def _judged(self, world: _World, one: Questions, progress: Progress) -> np.ndarray:
        """(m,) bool: whether each was known, or unknown, before. A table of evidence asks the same before every
        training, so the last answer is remembered.
        """
        key = key_of([self.what(), hashlib.sha256(json.dumps(one.shown).encode()).hexdigest()])
        if key not in _before:
            answers = self._said(self._model(), world, one, progress, "asking before")
            _before.clear()
            _before[key] = shares(world.there, one.at, answers)
        return _before[key] == (1 if self.judge == "old" else 0)

    def _world(self, roles: Mapping[str, Any], train: np.ndarray, progress: Progress) -> _World:
        if not len(train):
            raise BadRequest("Fine-tuning needs at least one sample to train on.")
        source = source_of(roles)
        there = exposures(source, progress, roles.get("fact"), roles.get("relation"))
        kept = there.rows[np.isin(there.rows, train)]
        if not len(kept):
            raise BadRequest("No kept sample asks something and says the answer, so there is nothing to learn.")
        _, vocabulary = given_model(self.model, self.length)
        learned = read_tokens(source, kept, vocabulary, self.template, self.length)
        if not len(learned.rows):
            raise BadRequest(f"Nothing that was kept can be learned: {learned.unreadable[0][1]}.")
        first = there.first()
        return _World(there, vocabulary, learned, [there.answer[at] for at in first], there.relation[first])

    def _asked(self, world: _World, source: Source, at: np.ndarray) -> Questions:
        """Questions at these positions, those that are too long apart; prompts of a relation that has examples."""
        there, vocabulary = world.there, world.vocabulary
        tokens = read_tokens(source, there.rows[at], vocabulary, self.template, self.length)
        at = at[np.isin(there.rows[at], tokens.rows)]
        shown = prompts_of(there, at, self.n_prompts, self.n_examples, self.seed, vocabulary, self.template)
        fits = [all(len(ids) + self.longest <= self.length for ids in one) for one in shown]
        return Questions(at, tokens, [one if can else [] for one, can in zip(shown, fits, strict=True)])

    def _model(self) -> "PreTrainedModel":
        model, _ = given_model(self.model, self.length)
        return model.eval().to(choose_device(self.device))

    def _recipe(self, world: _World, at: int) -> Recipe:
        n, rate = len(world.learned.rows), self.rate or RATES[self.tuning]
        batch = min(self.batch, n)
        return Recipe(
            self.n if self.count == "steps" else -(-self.n * n // batch), batch, rate, self.seed + at, self.bf16
        )

    def _trained(self, world: _World, at: int, progress: Progress) -> "PreTrainedModel":
        adapter, label = Adapter(self.rank, self.alpha), f"fine-tuning, seed {at + 1} of {self.n_seeds}"
        adapter, device = adapter if self.tuning == "lora" else None, choose_device(self.device)
        return tuned(self._model(), world.learned, self._recipe(world, at), adapter, device, progress, label)

    def _alone(
        self, model: "PreTrainedModel", world: _World, one: Questions, progress: Progress, label: str
    ) -> list[str]:
        """The answer to each question as it is trained, without examples."""
        prompts = [[ids] for ids in questions_in(one.tokens)]
        return [words for (words,) in self._answers(model, world, prompts, progress, label)]

    def _said(
        self, model: "PreTrainedModel", world: _World, one: Questions, progress: Progress, label: str
    ) -> list[list[str]]:
        """The answers to each question, one after each set of examples."""
        return self._answers(model, world, one.shown, progress, label)

    def _answers(
        self,
        model: "PreTrainedModel",
        world: _World,
        prompts: Sequence[list[list[int]]],
        progress: Progress,
        label: str,
    ) -> list[list[str]]:
        flat = [ids for group in prompts for ids in group]
        track, keys = progress.track(len(flat), label), [()] * len(flat)
        how = (self.longest, Drawing(), progress.check, _BATCH_TOKENS, self.bf16, track)
        found = iter(said(model, world.vocabulary, flat, keys, *how))
        track.finish()
        return [[next(found)[0] for _ in group] for group in prompts]
