"""The loss of every sample at checkpoints of a small language model while it learns the pool."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.base.role import Role, declare
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.language.models import OFFERED, SCRATCH, hashes, local_files
from datasel_core.features.language.proxy import Build, Schedule, Trail, facts_of, finish_proxy, fit_proxy
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary, read_vocabulary

LOSS_TRAJECTORY = declare(
    Role("loss_trajectory", "series", "The loss of a sample at each checkpoint of a training.", unit="nats")
)


@feature("loss_trajectory", version=1, title="Loss trajectories")
class LossTrajectory(Feature):
    """How the loss of each response falls while a small language model, the proxy, learns the pool: one number per
    checkpoint. What S2L looks at.

    The model is fine-tuned on all samples, responses alone are learned, and at each of the evenly spaced checkpoints
    every sample is scored in eval mode: mean cross-entropy over the tokens of its response. The first number is from
    after the first part of training, as published, not from before it. Beside it are kept `error` (EL2N), `right`
    (share of tokens predicted) and `forgotten` (how often a token was known and then not). A response that does not fit
    is cut off; a sample whose prompt alone fills the limit is left out.

    S2L, https://arxiv.org/abs/2403.07384; EL2N, https://arxiv.org/abs/2107.07075; forgetting,
    https://arxiv.org/abs/1812.05159.
    """

    role: ClassVar[str] = LOSS_TRAJECTORY.name
    reads: ClassVar[str] = "turns"
    learns: ClassVar[bool] = True
    suits: ClassVar[str] = "Shows how each sample is learned: what S2L chooses by."
    speed: ClassVar[float] = 25
    begins: ClassVar[float] = 10
    cost: ClassVar[str] = (
        "from scratch about 15 minutes on two cores for 12 million characters; a model of 70 million parameters wants "
        "a GPU"
    )
    avoid: ClassVar[str] = (
        "When a pool is so small that a model cannot learn anything from it: below a thousand samples take a "
        "pretrained model."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2403.07384"

    model: str = Field(
        SCRATCH,
        min_length=1,
        description=(
            f"The proxy: {SCRATCH}, a model of the hub such as {OFFERED[1]}, or a folder with config.json, "
            "safetensors and tokenizer.json (as a path)."
        ),
        json_schema_extra={"offered": list(OFFERED)},
    )
    template: Template = Field(
        "plain", description="How prompt and response are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(
        512,
        title="Most tokens",
        ge=8,
        description=(
            "How many tokens of a sample are read at most; what is beyond is cut off. Move it up for long "
            "responses. At 8 hardly a sentence is seen; long ones cost time and memory."
        ),
    )
    epochs: int = Field(
        3,
        ge=1,
        description=(
            "How many times every sample is seen. Move it up where losses still fall at the end. At 1 "
            "trajectories show first impressions only; many epochs learn everything by heart, and all end "
            "alike."
        ),
    )
    batch: int = Field(
        16,
        title="Samples per step",
        ge=1,
        description=(
            "How many samples each training step learns from. Move it down for small pools, up for steadier "
            "losses. At 1 losses jump from step to step; with the whole pool there is one step an epoch."
        ),
    )
    rate: float | None = Field(
        None,
        title="Learning rate",
        gt=0,
        description=(
            "The highest learning rate (AdamW, cosine, 3 % warm-up). Move it down where the loss jumps, up "
            "where it hardly falls. Too small learns nothing, too large forgets everything; left empty, 1e-3 "
            "from scratch and 2e-5 for a given model."
        ),
        json_schema_extra=spoken({"none": "1e-3 from scratch, else 2e-5"}),
    )
    n_checkpoints: int = Field(
        8,
        title="Checkpoints",
        ge=2,
        description=(
            "At how many points of the training losses are measured, evenly spaced. Move it up to see more of "
            "how samples are learned. 2 tell only more from less; each further one costs one more pass over "
            "the pool."
        ),
    )
    vocabulary: int = Field(
        4096,
        title="Vocabulary size",
        ge=300,
        description=(
            "From scratch: how many different tokens the model reads, learned from the pool. Move it up for "
            "large pools of many words. 300 are little more than letters; very many make rare words tokens "
            "that are never learned."
        ),
    )
    layers: int = Field(
        2,
        ge=1,
        description=(
            "From scratch: how many layers the model has. Move it up for pools of ten thousand samples and "
            "more. At 1 it learns which words go together; every further layer costs about as much time "
            "again."
        ),
    )
    width: int = Field(
        192,
        ge=8,
        description=(
            "From scratch: how many numbers stand for each token. Move it up together with layers. At 8 "
            "hardly anything is learned; twice the width takes three to four times as long."
        ),
    )
    heads: int = Field(
        3,
        ge=1,
        description=(
            "From scratch: how many places each layer can look at; the width must be a multiple of it. There "
            "is seldom a reason to move it. 1 looks at one place at a time; many narrow ones see little each."
        ),
    )
    seed: int = Field(0, ge=0, description="Start of the weights and of the order of samples.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Numbers to compute in; bf16 is faster where the processor has it, "
        "and losses change in the third digit.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )
    block: int = Field(
        256, ge=1, description="Samples scored at all checkpoints before they are kept.", json_schema_extra=HOW
    )
    batch_tokens: int = Field(
        4096, ge=1, description="Tokens per batch while scoring, padding included.", json_schema_extra=HOW
    )

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def depends(self) -> dict[str, Any]:
        return hashes(self.model)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """steps of the checkpoints, tokens, learned_tokens, cut (samples), parameters, vocabulary (size), rate,
        batch.
        """
        return {} if source is None else facts_of(_folder(source))

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        build = Build(self.model, self.vocabulary, self.layers, self.width, self.heads, self.length, self.seed)
        schedule = Schedule(self.epochs, self.batch, self.rate, self.n_checkpoints, self.precision == "bf16")
        return fit_proxy(build, schedule, self.template, source, _folder(source), self.device, progress)

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        if not len(rows):
            return
        trail = Trail(_folder(source), tuple(fitted["steps"].tolist()), self.device)
        vocabulary = read_vocabulary(_folder(source))
        for start in range(0, len(rows), self.block):
            yield self._scored(source, rows[start : start + self.block], vocabulary, trail)

    def _scored(self, source: Source, rows: np.ndarray, vocabulary: Vocabulary, trail: Trail) -> Block:
        tokens = read_tokens(source, rows, vocabulary, self.template, self.length)
        values, error, right = (np.empty((len(tokens.rows), len(trail)), np.float32) for _ in range(3))
        forgotten, known = np.zeros(int(tokens.learned.sum()), np.float32), None
        for at in range(len(trail)) if len(tokens.rows) else ():
            source.check()
            found = score(trail.model(at), tokens, self.batch_tokens, self.precision == "bf16")
            for into, what in ((values, found.loss), (error, found.error), (right, found.right)):
                into[:, at] = per_sample(what, tokens)
            if known is not None:
                forgotten += known & ~found.right
            known = found.right
        extra = {"error": error, "right": right, "forgotten": per_sample(forgotten, tokens)}
        return _sound(tokens, values, extra)

    def tidy(self, folder: Path, fitted: Mapping[str, np.ndarray]) -> None:
        if "steps" in fitted:
            finish_proxy(folder / "proxy", tuple(fitted["steps"].tolist()))


def _folder(source: Source) -> Path:
    return source.folder / "proxy"


def _sound(tokens: Tokens, values: np.ndarray, extra: Mapping[str, np.ndarray]) -> Block:
    sound = np.isfinite(values).all(axis=1)
    wrong = [(int(row), "its loss is NaN or infinite") for row in tokens.rows[~sound]]
    return Block(
        tokens.rows[sound],
        values[sound],
        sorted([*tokens.unreadable, *wrong]),
        {name: array[sound] for name, array in extra.items()},
    )
