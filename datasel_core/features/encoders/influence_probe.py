"""What one training step on a sample does to the loss on a reference, measured of some samples."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.base.role import Role, declare
from datasel_core.errors import BadParameter
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.influence.checkpoint import state_hashes
from datasel_core.features.influence.probing import How
from datasel_core.features.influence.warm_up import Asked, facts_of, prepare, tidy
from datasel_core.features.language.models import OFFERED, SCRATCH, hashes, local_files
from datasel_core.features.language.proxy import Build
from datasel_core.features.language.tokens import Template

MEASURED_INFLUENCE = declare(
    Role(
        "measured_influence",
        "number",
        "By how much the loss on the reference fell after one training step on a sample: above 0 it helps.",
        unit="nats",
        good="high",
    )
)
_AFTER = "after"


@feature("influence_probe", version=1, title="Influence probes")
class InfluenceProbe(Feature):
    """By how much one training step on a sample lowers the loss of a language model on a reference: another pool that
    shows what it is to be good at. Measured, not estimated, and so slow: of some samples, drawn by the seed.

    The model is copied with what its optimiser (AdamW) remembers, takes one step on the sample alone at the rate that
    its training has reached, and reads the reference again; then everything is as before, to the bit. The number is
    the mean cross-entropy over the reference's learned tokens before, less that after. A part of it is the same for all
    samples: what the optimiser would have done anyway (`idle`). Beside it is kept `after`, the loss after the step on
    each reference. Nothing is probed before the model predicts the reference better than word counts do.

    MATES, https://arxiv.org/abs/2406.06046.
    """

    role: ClassVar[str] = MEASURED_INFLUENCE.name
    reads: ClassVar[str] = "turns"
    learns: ClassVar[bool] = True
    suits: ClassVar[str] = "Shows which samples teach a model what another pool asks of it: what MATES learns from."
    asks: ClassVar[str] = "--set references=POOL"
    unmeasured: ClassVar[str] = "not among the samples that were probed"
    speed: ClassVar[float] = 5000
    begins: ClassVar[float] = 600
    cost: ClassVar[str] = (
        "from scratch a few minutes of training, then 1 to 5 samples a second on two cores; a model of 100 million "
        "parameters wants a GPU"
    )
    avoid: ClassVar[str] = (
        "When there is no other set that shows what the model is to be good at, or when it is also what judges the "
        "choice."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2406.06046"

    references: str = Field(
        "",
        title="Reference",
        description=(
            "The pool that shows what the model is to be good at, by name; several with commas between them. The first "
            "gives the number, the loss on the others is kept beside it."
        ),
    )
    model: str = Field(
        SCRATCH,
        min_length=1,
        description=(
            f"What is probed: {SCRATCH}, a model of the hub such as {OFFERED[3]}, or a folder with config.json, "
            "safetensors and tokenizer.json (as a path). A checkpoint with its optimiser is probed as it is, at its "
            "own rate; any other is warmed up."
        ),
        json_schema_extra={"offered": list(OFFERED)},
    )
    n_probes: int = Field(
        500,
        title="Probes",
        ge=1,
        description=(
            "How many samples are probed, those first that the warm-up did not learn. Move it up where a prediction "
            "from them is not sure enough. Below 100 hardly anything can be learned from them; each takes about as "
            "long as reading the reference once."
        ),
    )
    share: float = Field(
        0.2,
        title="Warm-up share",
        gt=0,
        le=1,
        description=(
            "The share of the pool, drawn by the seed, that the warm-up learns and the word counts are of. Move it up "
            "for small pools. Near 0 the model learns a few samples by heart; at 1 it has met every sample that is "
            "probed."
        ),
    )
    steps: int = Field(
        500,
        title="Warm-up steps",
        ge=1,
        description=(
            "How many training steps the warm-up takes. Move it up where the model does not beat word counts yet. At "
            "1 it knows nothing; many steps on a small share learn it by heart."
        ),
    )
    batch: int = Field(
        16,
        title="Samples per step",
        ge=1,
        description=(
            "How many samples each step of the warm-up learns from; a probe always learns from one. Move it down for "
            "small pools, up for a steadier training. At 1 the loss jumps; large ones take longer a step."
        ),
    )
    rate: float | None = Field(
        None,
        title="Learning rate",
        gt=0,
        description=(
            "The rate of warm-up and probes (AdamW, clipped at 1, constant after a tenth of the steps). Move it down "
            "where the loss jumps. Too small changes nothing that can be measured, too large drowns a sample in its "
            "step; left empty, 1e-3 from scratch and 2e-5 for a given model."
        ),
        json_schema_extra=spoken({"none": "1e-3 from scratch, else 2e-5"}),
    )
    most: int = Field(
        100,
        title="Samples of a reference",
        ge=1,
        description=(
            "How many samples of each reference are measured at most, drawn by the seed where there are more. Move it "
            "up where probes of one sample differ with the seed. A few say little of the whole; every probe takes as "
            "long as reading them all."
        ),
    )
    overlap: Literal["refuse", "allow"] = Field(
        "refuse",
        title="Samples of the reference in the pool",
        description="What to do when a reference has the very same texts as the pool: refuse, or allow it.",
        json_schema_extra=spoken({"refuse": "are refused", "allow": "are allowed"}),
    )
    template: Template = Field(
        "plain", description="How prompt and response are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(
        256,
        title="Most tokens",
        ge=8,
        description=(
            "How many tokens of a sample are read at most, of a reference's too; what is beyond is cut off. Move it up "
            "for long texts. At 8 hardly a sentence is seen; long ones cost time and memory."
        ),
    )
    vocabulary: int = Field(
        4096,
        title="Vocabulary size",
        ge=300,
        description=(
            "From scratch: how many different tokens the model reads, learned from the warm-up's share. Move it up for "
            "large pools of many words. 300 are little more than letters; very many make rare words tokens that are "
            "never learned."
        ),
    )
    layers: int = Field(
        2,
        ge=1,
        description=(
            "From scratch: how many layers the model has. Move it up for pools of ten thousand samples and more. At 1 "
            "it learns which words go together; every further layer costs about as much time again."
        ),
    )
    width: int = Field(
        192,
        ge=8,
        description=(
            "From scratch: how many numbers stand for each token. Move it up together with layers. At 8 hardly "
            "anything is learned; twice the width takes three to four times as long."
        ),
    )
    heads: int = Field(
        3,
        ge=1,
        description=(
            "From scratch: how many places each layer can look at; the width must be a multiple of it. There is seldom "
            "a reason to move it. 1 looks at one place at a time; many narrow ones see little each."
        ),
    )
    seed: int = Field(0, ge=0, description="Which samples are learned and probed; start of the weights and the order.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Numbers to compute in; bf16 is faster where the processor has it, and its rounding is as large as "
        "small influences are.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )
    batch_tokens: int = Field(
        4096,
        ge=1,
        description="Tokens per batch while a reference is read, padding included.",
        json_schema_extra=HOW,
    )

    def pools(self) -> tuple[str, ...]:
        names = tuple(name.strip() for name in self.references.split(",") if name.strip())
        if not names:
            raise BadParameter(
                "influence_probe needs a reference, a pool that shows what the model is to be good at: --set "
                "references=POOL."
            )
        if len(set(names)) < len(names):
            raise BadParameter(f"references is {self.references!r}; it must name each pool once.")
        return names

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def depends(self) -> dict[str, Any]:
        return {**hashes(self.model), **state_hashes(self.model)}

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """references (name, n, samples, tokens, shared), before, idle, unigram, unseen (per reference), model,
        parameters, vocabulary (size), step, rate, optimiser, learned (samples), flops (train, probes), probed.
        """
        return {} if source is None else facts_of(_folder(source))

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        return prepare(self._asked(), source, _folder(source), progress)

    def measures(self, fitted: Mapping[str, np.ndarray]) -> np.ndarray:
        return fitted["rows"]

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        if not len(rows):
            return
        asked = self._asked()
        prober, checkpoint = asked.prober(source, _folder(source))
        for row in rows:
            source.check()
            tokens = asked.tokens(source, np.array([row]), checkpoint)
            if not len(tokens.rows):
                yield Block(np.empty(0, np.int64), np.empty(0, np.float32), tokens.unreadable)
                continue
            (after,) = prober.after(tokens)
            if np.isfinite(after).all():
                value = np.array([fitted["before"][0] - after[0]], np.float32)
                yield Block(tokens.rows, value, extra={_AFTER: after[None].astype(np.float32)})
            else:
                wrong = (int(row), "the loss after a step on it is NaN or infinite")
                yield Block(np.empty(0, np.int64), np.empty(0, np.float32), [wrong])

    def tidy(self, folder: Path, fitted: Mapping[str, np.ndarray]) -> None:
        tidy(folder / _FOLDER)

    def _asked(self) -> Asked:
        build = Build(self.model, self.vocabulary, self.layers, self.width, self.heads, self.length, self.seed)
        how = How(self.device, self.precision == "bf16", self.batch_tokens)
        names = {one.name for one in dataclasses.fields(Asked)} - {"build", "references", "overlap", "how"}
        same = {name: getattr(self, name) for name in names}
        return Asked(build=build, references=self.pools(), overlap=self.overlap == "allow", how=how, **same)


_FOLDER = "influence"


def _folder(source: Source) -> Path:
    return source.folder / _FOLDER
