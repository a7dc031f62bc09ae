"""Facts probe: how many facts a small language model knows by heart after it was trained on the kept alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datasel_core.analysis.facts.entropy import from_below
from datasel_core.analysis.facts.table import codes
from datasel_core.base.declare import HOW, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.facts_training import knowledge
from datasel_core.features.facts_training.asking import Exposures, answered, exposures, longest_answer
from datasel_core.features.facts_training.learning import HEAD, learn, new_learner, usual_rate
from datasel_core.features.flops import of_training
from datasel_core.features.language.models import check_sizes
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.probes.numbers.facts import BESIDE, DROPPED, Part, World, numbers_of, over_seeds
from datasel_core.probes.numbers.seeds import SHARE, of_seeds
from datasel_core.probes.probe import Probe, probe
from datasel_core.probes.turns import source_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_EXAMPLES = 20


@dataclass(frozen=True)
class _Questions:
    """tokens: of the m samples that ask something. answers: (m,) the right ones."""

    tokens: Tokens
    answers: list[str]


@probe("facts", version=1, title="Facts probe")
class FactsProbe(Probe):
    """A small transformer learns the kept exposures from nothing; then it is asked, and its answers are compared letter
    by letter: in wordings that it learned, in other wordings of the same facts, and about facts of which nothing was
    kept. Equal steps or equal epochs for every training set; several seeds, so that chance can be told from merit. The
    vocabulary is trained on the whole pool, with each digit a token of its own.

    Bits that are stored: Allen-Zhu & Li 2024, https://arxiv.org/abs/2404.05405. A fact learned in one wording may not
    be found by another: Allen-Zhu & Li 2023, https://arxiv.org/abs/2309.14316.
    """

    opens: ClassVar = ("turns",)
    wants: ClassVar = ("fact", "relation", "answer_bits")
    elsewhere: ClassVar = True
    each_is: ClassVar = "share of held-out questions that a small model, trained on the kept alone, answers rightly"

    count: Literal["steps", "epochs"] = Field(
        "steps", description="Equal steps for every training set, so that a smaller one is seen more often, or epochs."
    )
    n: int = Field(1500, ge=1, description="So many steps or epochs.")
    n_seeds: int = Field(3, ge=1, description="Trainings that differ by chance alone: first weights, order of samples.")
    batch: int = Field(64, ge=1, description="Samples per step.")
    rate: float | None = Field(
        None, gt=0, description="Highest learning rate (AdamW, cosine); by default .48 divided by the width."
    )
    template: Template = Field(
        "plain", description="How question and answer are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(128, ge=8, description="Most tokens of a sample; one that is longer is not asked about.")
    most: int = Field(
        10000,
        ge=1,
        description="Questions of each kind (learned, reworded, dropped) at most; drawn where there are more.",
    )
    answer_bits: float | None = Field(
        None, gt=0, description="Bits of one answer where they are known; by default estimated for each relation."
    )
    vocabulary: int = Field(512, ge=1, description="Tokens of the vocabulary; 1 spells letter by letter.")
    layers: int = Field(2, ge=1, description="Layers of the model.")
    width: int = Field(48, ge=8, description="Width of the model.")
    heads: int | None = Field(None, ge=1, description="Attention heads; by default as many as are 8 wide.")
    seed: int = Field(0, ge=0, description="The first seed.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def measure(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress | None = None,
        elsewhere: Mapping[str, Any] | None = None,
        beside: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """elsewhere: of another pool, of which `elsewhere_match` is the share that is answered rightly. beside: rows of
        a training on less, so that what is dropped is what that one has nothing of: it is asked about the same.
        """
        progress = progress or Progress()
        world = self._world(roles, train, test if elsewhere is None else test[:0], progress, beside)
        there = None if elsewhere is None else self._questions(world, roles, elsewhere, test, progress)
        bits, guess = self._bits(roles, world), knowledge.guesses(world.relation, world.answers)
        found, taken, examples, away = [], [], [], []
        for at in range(self.n_seeds):
            model, steps = self._trained(world, at, progress)
            said = {
                name: answered(model, world.vocabulary, one.tokens, world.longest, progress, f"asking, seed {at + 1}")
                for name, one in world.parts.items()
            }
            found.append(numbers_of(world, model, said, bits, guess))
            taken.append(steps)
            examples = examples or self._examples(world, said[world.gone])
            away += [] if there is None else [self._rightly(world, model, there, at, progress)]
        parameters = sum(weight.numel() for weight in model.parameters())
        tokens = int(np.mean(taken) * self._batch(world) * world.learned.lengths().mean())
        return {
            **over_seeds(found, parameters),
            **({} if there is None else of_seeds("elsewhere_match", np.array(away), SHARE)),
            "facts": world.there.facts,
            "facts_trained": len(world.parts["trained"].facts),
            "trained_on": len(world.learned.rows),
            "asked": {name: len(one.at) for name, one in world.parts.items()}
            | ({} if there is None else {"elsewhere": len(there.answers)}),
            "examples": examples,
            "dropped_by_seed": {name: [one["numbers"][name] for one in found] for name in DROPPED},
            "steps": self._steps(world),
            "steps_taken": taken,
            "epochs": round(float(np.mean(taken)) * self._batch(world) / len(world.learned.rows), 2),
            "n_seeds": self.n_seeds,
            "parameters": parameters,
            "flops": self.n_seeds * of_training(parameters, tokens),
            "vocabulary": world.vocabulary.size,
        }

    def judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None = None,
    ) -> list[np.ndarray]:
        """Of each judge (len(rows),) how often it is answered rightly, over the seeds, whatever `most` says; NaN where
        it asks nothing.
        """
        progress = progress or Progress()
        world = self._world(roles, train, train[:0], progress)
        asked = [self._questions(world, roles, there, test, progress) for there, test in judges]
        right = [np.zeros((self.n_seeds, len(one.answers))) for one in asked]
        for at in range(self.n_seeds):
            model, _ = self._trained(world, at, progress)
            for into, one in zip(right, asked, strict=True):
                into[at] = self._rightly(world, model, one, at, progress)
        found = []
        for one, shares, (_, test) in zip(asked, right, judges, strict=True):
            of = dict(zip(one.tokens.rows.tolist(), shares.mean(axis=0).tolist(), strict=True))
            found.append(np.array([of.get(row, np.nan) for row in test.tolist()], dtype=np.float64))
        return found

    def _questions(
        self, world: World, roles: Mapping[str, Any], there: Mapping[str, Any], test: np.ndarray, progress: Progress
    ) -> "_Questions":
        """Those rows of a pool that ask something. Letters that the pool of the training lacks are not read."""
        source = source_of(there)
        known = world.there if there is roles else exposures(source, progress, there.get("fact"), there.get("relation"))
        rows = np.intersect1d(test, known.rows)
        tokens = read_tokens(source, rows, world.vocabulary, self.template, self.length)
        if there is not roles and not len(tokens.rows):
            raise BadRequest("No sample of the pool to test on asks something and says the answer.")
        return _Questions(tokens, [known.answer[at] for at in np.searchsorted(known.rows, tokens.rows)])

    def _rightly(
        self, world: World, model: "PreTrainedModel", asked: "_Questions", at: int, progress: Progress
    ) -> np.ndarray:
        """(m,) whether each is answered rightly, letter by letter."""
        longest = max(world.longest, longest_answer(asked.tokens))
        said = answered(model, world.vocabulary, asked.tokens, longest, progress, f"asking, seed {at + 1}")
        return np.array([one == answer for one, answer in zip(said, asked.answers, strict=True)], dtype=bool)

    def _world(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress,
        beside: np.ndarray | None = None,
    ) -> World:
        heads = self.heads or max(1, self.width // HEAD)
        check_sizes(self.width, heads)
        if not len(train):
            raise BadRequest("A facts probe needs at least one sample to train on.")
        source = source_of(roles)
        there = exposures(source, progress, roles.get("fact"), roles.get("relation"))
        kept = np.flatnonzero(np.isin(there.rows, train))
        if not len(kept):
            raise BadRequest("No kept sample asks something and says the answer, so there is nothing to learn.")
        vocabulary = train_vocabulary(there.texts(), self.vocabulary, own_alphabet=True)
        learned = read_tokens(source, there.rows[kept], vocabulary, self.template, self.length)
        if not len(learned.rows):
            raise BadRequest(f"Nothing that was kept can be learned: {learned.unreadable[0][1]}.")
        parts = there.parts(train, test)
        if beside is not None:
            parts[BESIDE] = there.parts(beside, np.setdiff1d(train, beside))["dropped"]
        first = there.first()
        asked = {name: self._asked(source, there, at, vocabulary) for name, at in parts.items()}
        longest = max(longest_answer(tokens) for tokens in (learned, *(one.tokens for one in asked.values())))
        return World(
            there, vocabulary, learned, asked, [there.answer[at] for at in first], there.relation[first], longest
        )

    def _asked(self, source: Any, there: Exposures, at: np.ndarray, vocabulary: Vocabulary) -> Part:
        facts, at = np.unique(there.fact[at]), there.some(at, self.most, self.seed)
        tokens = read_tokens(source, there.rows[at], vocabulary, self.template, self.length)
        return Part(at[np.isin(there.rows[at], tokens.rows)], tokens, facts)

    def _bits(self, roles: Mapping[str, Any], world: World) -> np.ndarray:
        """(facts,) bits of the answer of each."""
        if self.answer_bits is not None:
            return np.full(world.there.facts, self.answer_bits)
        bits = from_below(world.relation, *codes(world.answers, "answer"))[world.relation]
        if "answer_bits" in roles:  # both are too low where answers are many and facts few
            return np.fmax(bits, np.asarray(roles["answer_bits"], np.float64)[world.there.rows[world.there.first()]])
        return bits

    def _batch(self, world: World) -> int:
        return min(self.batch, len(world.learned.rows))

    def _steps(self, world: World) -> int:
        return self.n if self.count == "steps" else -(-self.n * len(world.learned.rows) // self._batch(world))

    def _trained(self, world: World, at: int, progress: Progress) -> tuple["PreTrainedModel", int]:
        heads, seed = self.heads or max(1, self.width // HEAD), self.seed + at
        model = new_learner(world.vocabulary, self.layers, self.width, heads, self.length, seed)
        recipe = Recipe(self._steps(world), self._batch(world), self.rate or usual_rate(self.width), seed)
        label = f"learning facts, seed {at + 1} of {self.n_seeds}"
        return model, learn(model, world.learned, recipe, choose_device(self.device), progress, label)

    def _examples(self, world: World, said: list[str]) -> list[dict[str, Any]]:
        """What the first model says to some questions about dropped facts."""
        at = world.parts[world.gone].at
        return [
            {"row": int(world.there.rows[one]), "answer": world.there.answer[one], "said": words}
            for one, words in list(zip(at.tolist(), said, strict=True))[:_EXAMPLES]
        ]
