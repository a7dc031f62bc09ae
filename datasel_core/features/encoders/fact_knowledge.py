"""Which facts a given language model knows already: asked with examples before the question, several times."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.base.role import FACT, RELATION, Role, declare
from datasel_core.errors import BadRequest
from datasel_core.features.facts_training.asking import exposures, plain, said_in
from datasel_core.features.facts_training.decoding import Drawing, said
from datasel_core.features.facts_training.few_shot import NONE, asked_first, examples_of, prompt
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.language.given import OfModel
from datasel_core.features.language.models import given_model
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.features.models.weights import choose_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KNOWLEDGE = declare(
    Role(
        "knowledge",
        "number",
        "How often a given language model answers a sample rightly after examples: 1 is always, 0 never.",
    )
)
DRAWN_KNOWLEDGE = declare(
    Role(
        "drawn_knowledge",
        "number",
        "How often answers that are drawn from a given language model are right, where its likeliest may be wrong.",
    )
)
_DRAWN = "drawn"
_ROWS = 32
_BLOCK = 1 << 14


@feature("fact_knowledge", version=1, title="What a model knows already")
class FactKnowledge(OfModel):
    """How often a language model that you give answers a fact rightly, letter by letter, before it learned it: asked
    several times, each time after other examples of the same relation, never the fact itself. Its likeliest answer
    counts; beside it is kept how often answers that are drawn are right.

    The categories of Gekhman et al. are filters: highly known is `knowledge = 1`, maybe known `knowledge > 0 AND
    knowledge < 1`, weakly known `knowledge = 0 AND drawn_knowledge > 0`, unknown `knowledge = 0 AND drawn_knowledge =
    0`. What is guessed rightly counts as known, and a small model mostly guesses: of 200 facts of four relations of
    EntityQuestions, SmolLM2-135M (instruct, of four-bit origin) knew 2 highly and 134 not at all; it was right in 11 %,
    where the commonest answer of each relation is right in 28 %.

    Gekhman et al. 2024, https://arxiv.org/abs/2405.05904.
    """

    role: ClassVar[str] = KNOWLEDGE.name
    columns: ClassVar[tuple[str, ...]] = (FACT.name, RELATION.name)
    learns: ClassVar[bool] = True
    suits: ClassVar[str] = "Shows which facts are new to a language model that you give; wants one."
    unmeasured: ClassVar[str] = "not among the facts that were asked about"
    speed: ClassVar[float] = 0.3
    cost: ClassVar[str] = (
        "with 135 million parameters, ten sets of examples and four drawn answers to each some seconds a fact on two "
        "cores"
    )
    avoid: ClassVar[str] = "Where answers are long: only those of a few words are said letter by letter."
    paper: ClassVar[str] = "https://arxiv.org/abs/2405.05904"

    most: int = Field(
        500,
        title="Facts that are asked about",
        ge=1,
        description=(
            "How many samples are asked about, drawn by the seed; the others have no value. Move it up where a choice "
            "needs more of them. Below 100 shares of known facts are rough; each costs as many prompts as there are "
            "sets of examples."
        ),
    )
    n_examples: int = Field(
        4,
        title="Examples",
        ge=1,
        description=(
            "How many other facts of the relation are shown before the question. Move it up where the model answers "
            "in another form than asked. With 1 it often does not see what is wanted; many make prompts long and slow."
        ),
    )
    n_prompts: int = Field(
        10,
        title="Sets of examples",
        ge=1,
        description=(
            "How often each fact is asked about, each time after other examples. Move it down to save time. At 1 a "
            "fact is known or not, nothing between; the paper has ten."
        ),
    )
    n_drawn: int = Field(
        4,
        title="Drawn answers",
        ge=0,
        description=(
            "How many answers are drawn after each set of examples, beside the likeliest. Move it up to tell facts "
            "that are hardly known from unknown ones. At 0 nobody tells them apart; the paper has sixteen."
        ),
    )
    temperature: float = Field(
        0.5,
        gt=0,
        description=(
            "How far drawn answers stray from the likeliest. Move it up to find what the model hardly knows. Near 0 "
            "they are all the likeliest; at 1 and above many are right by chance."
        ),
    )
    longest: int = Field(
        16,
        title="Longest answer",
        ge=1,
        description=(
            "How many tokens an answer has at most; samples with a longer one have no value. Move it up where answers "
            "are titles or lists. At 1 only single words can be said; long ones take time."
        ),
    )
    length: int = Field(
        512,
        title="Most tokens",
        ge=8,
        description=(
            "How many tokens examples, question and answer have at most; what is longer has no value. Move it up "
            "where questions are long, as far as the model reads. At 8 nothing fits; long prompts cost time and memory."
        ),
    )
    seed: int = Field(0, ge=0, description="Which facts are asked about, after which examples, and what is drawn.")

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        """rows: (m,) that are asked about. first: (m,) the row that asks the same first. examples: (m, prompts,
        examples) rows that are shown.
        """
        there = exposures(source, progress, source.roles.get(FACT.name), source.roles.get(RELATION.name))
        if not len(there.rows):
            raise BadRequest(f"{self.id} asks questions, and no sample of the pool has one with an answer.")
        at = np.sort(np.random.default_rng([19, self.seed]).permutation(len(there.rows))[: self.most])
        shown = examples_of(there, at, self.n_prompts, self.n_examples, self.seed)
        return {
            "rows": there.rows[at],
            "first": there.rows[asked_first(there)[at]],
            "examples": np.where(shown == NONE, NONE, there.rows[shown]),
        }

    def measures(self, fitted: Mapping[str, np.ndarray]) -> np.ndarray:
        return fitted["rows"]

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        if not len(rows):
            return
        model, vocabulary = given_model(self.model, self.length)
        model = model.eval().requires_grad_(False).to(choose_device(self.device))
        for start in range(0, len(rows), _ROWS):
            source.check()
            yield self._asked(model, vocabulary, source, rows[start : start + _ROWS], fitted)

    def _asked(
        self,
        model: "PreTrainedModel",
        vocabulary: Vocabulary,
        source: Source,
        rows: np.ndarray,
        fitted: Mapping[str, np.ndarray],
    ) -> Block:
        """What is drawn goes by the row that asks the same first, so that equal questions have equal values."""
        at = np.searchsorted(fitted["rows"], rows).tolist()
        made = [self._prompts(vocabulary, source, int(fitted["rows"][one]), fitted["examples"][one]) for one in at]
        good = [place for place, one in enumerate(made) if not isinstance(one, str)]
        keys = [(self.seed, int(fitted["first"][at[place]]), draw) for place in good for draw in range(self.n_prompts)]
        answers = iter(
            said(
                model,
                vocabulary,
                [one for place in good for one in made[place]],
                keys,
                self.longest,
                Drawing(self.n_drawn, self.temperature),
                source.check,
                self.batch_tokens,
                self.precision == "bf16",
            )
        )
        right = np.zeros((len(good), self.n_prompts, 1 + self.n_drawn))
        for into, place in zip(right, good, strict=True):
            wanted = plain(source.turns(int(rows[place]))[-1].text)
            into[:] = [[text == wanted for text in next(answers)] for _ in range(self.n_prompts)]
        extra = {_DRAWN: right[:, :, 1:].mean(axis=(1, 2)).astype(np.float32)} if self.n_drawn else {}
        lacking = [(int(rows[place]), one) for place, one in enumerate(made) if isinstance(one, str)]
        return Block(rows[good], right[:, :, 0].mean(axis=1).astype(np.float32), lacking, extra)

    def _prompts(self, vocabulary: Vocabulary, source: Source, row: int, examples: np.ndarray) -> list[list[int]] | str:
        """Of each set of examples what is asked, or why nothing can be."""
        if (examples == NONE).any():
            return f"its relation has fewer than {self.n_examples} other facts to show"
        asked = said_in(source.turns(row))
        answer = len(vocabulary.spell([asked[1]])[0])
        if answer >= self.longest:
            return f"its answer has {answer} tokens and an end; the limit is {self.longest}"
        made = [
            prompt([said_in(source.turns(one)) for one in shown], asked[0], vocabulary, self.template)
            for shown in examples.tolist()
        ]
        if (most := max(map(len, made)) + self.longest) > self.length:
            return f"examples, question and answer have up to {most} tokens; the limit is {self.length}"
        return made


@feature("drawn_knowledge", version=1, title="What a model knows by chance")
class DrawnKnowledge(Feature):
    """How often answers that are drawn from a language model are right, of the facts that it was asked about: above 0
    and never right otherwise, a fact is weakly known. Comes with `fact_knowledge` where answers were drawn.

    Gekhman et al. 2024, https://arxiv.org/abs/2405.05904.
    """

    role: ClassVar[str] = DRAWN_KNOWLEDGE.name
    reads: ClassVar[str] = KNOWLEDGE.name
    reads_extras: ClassVar[tuple[str, ...]] = (_DRAWN,)
    at_once: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    unmeasured: ClassVar[str] = FactKnowledge.unmeasured
    cost: ClassVar[str] = "nothing"
    paper: ClassVar[str] = "https://arxiv.org/abs/2405.05904"

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        return {"rows": np.flatnonzero(np.isfinite(source.extras[KNOWLEDGE.name][_DRAWN]))}

    def measures(self, fitted: Mapping[str, np.ndarray]) -> np.ndarray:
        return fitted["rows"]

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        values = np.asarray(source.extras[KNOWLEDGE.name][_DRAWN])
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            yield Block(part, values[part].astype(np.float32))
