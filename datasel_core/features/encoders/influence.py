"""Predicted influence of every sample, learned from the few that were probed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, Role, declare
from datasel_core.features.encoders.influence_probe import MEASURED_INFLUENCE
from datasel_core.features.feature import Block, Feature, Source, feature
from datasel_core.features.influence_model import ridge, transformer
from datasel_core.features.influence_model.probed import in_deviations, split
from datasel_core.features.influence_model.transformer import Recipe
from datasel_core.features.language.models import OFFERED, hashes, local_files
from datasel_core.features.language.proxy import Build
from datasel_core.workspace.files import read_json, write_json

INFLUENCE = declare(
    Role(
        "influence",
        "number",
        "The loss on a reference after a training step on a sample, as predicted: below 0 is better than the average.",
        unit="standard deviations",
        good="low",
    )
)
MEASURED = MEASURED_INFLUENCE.name
_AFTER = "after"
_RIDGE = "ridge"
_ABOUT = "influence.json"
_BLOCK = 1 << 14


@feature("influence", version=1, title="Predicted influence")
class Influence(Feature):
    """How much a training step on each sample would help a reference, predicted for the whole pool from the samples
    that were probed. Cheap; only as good as its rank correlation with unseen probes, which is said beside it.

    What is learned is the loss on the first reference after the step, in standard deviations, from nine tenths of the
    probed samples; the other tenth, which decides nothing in a ridge regression, gives Spearman's correlation with a 95
    % bootstrap interval. A transformer keeps its best epoch by that same tenth, as published, so its correlation is a
    little too good. Predictions are in standard deviations over the whole pool, low is good.

    MATES, https://arxiv.org/abs/2406.06046.
    """

    role: ClassVar[str] = INFLUENCE.name
    reads: ClassVar[str] = MEASURED
    reads_extras: ClassVar[tuple[str, ...]] = (_AFTER,)
    learns: ClassVar[bool] = True
    suits: ClassVar[str] = "Says of every sample what was measured of a few: what MATES chooses by."
    speed: ClassVar[float] = 9_000
    begins: ClassVar[float] = 5
    cost: ClassVar[str] = "seconds from an embedding; a transformer reads every sample: minutes for 10,000 texts"
    avoid: ClassVar[str] = "With fewer than a few hundred probed samples: then its correlation is hardly known."
    paper: ClassVar[str] = "https://arxiv.org/abs/2406.06046"

    model: str = Field(
        _RIDGE,
        min_length=1,
        description=(
            f"What predicts: {_RIDGE}, a regression on what is already known of each sample; {OFFERED[0]}, a "
            f"transformer that is trained on the texts from nothing; one of the hub such as {OFFERED[1]}; or a folder "
            "with one (as a path)."
        ),
        json_schema_extra={"offered": [_RIDGE, *OFFERED]},
    )
    by: str = Field(
        EMBEDDING.name,
        min_length=1,
        title="Predicted from",
        description=(
            "With ridge: what it predicts from, one vector per sample or counts of words, by role, feature or key. "
            "The newest of the role embedding by default."
        ),
    )
    measured: str = Field(
        "",
        title="Learned from",
        description="The key of the probes that it learns from; left empty, the newest ones of the pool.",
    )
    epochs: int = Field(
        5,
        ge=1,
        description=(
            "For a transformer: how many times every probed sample is seen. Move it up where the correlation still "
            "grows. At 1 little is learned; the best epoch is kept, so many cost only time."
        ),
    )
    batch: int = Field(
        16,
        ge=1,
        title="Samples per step",
        description=(
            "For a transformer: how many samples each training step learns from. Move it down where few are probed. At "
            "1 steps are noisy; with all of them there is one step an epoch."
        ),
    )
    rate: float | None = Field(
        None,
        gt=0,
        title="Learning rate",
        description=(
            "For a transformer: the learning rate (AdamW, constant). Move it down where the correlation jumps. Too "
            "small learns nothing, too large forgets what the model knew; left empty, 1e-3 from scratch and 5e-5 for a "
            "given model."
        ),
        json_schema_extra=spoken({"none": "1e-3 from scratch, else 5e-5"}),
    )
    length: int = Field(
        512,
        ge=8,
        title="Most tokens",
        description=(
            "For a transformer: how many tokens of a sample are read at most; what is beyond is cut off. Move it up "
            "for long texts. At 8 hardly a sentence is seen; long ones cost time and memory."
        ),
    )
    vocabulary: int = Field(
        4096,
        ge=300,
        title="Vocabulary size",
        description=(
            "From scratch: how many different tokens the transformer reads, learned from the pool. Move it up for "
            "large pools. 300 are little more than letters; very many are seldom seen among the probed."
        ),
    )
    layers: int = Field(
        2,
        ge=1,
        description=(
            "From scratch: how many layers the transformer has. Move it up with thousands of probed samples. At 1 it "
            "sees which words go together; many learn few samples by heart."
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
            "From scratch: how many places each layer can look at; the width must be a multiple of eight times it. "
            "There is seldom a reason to move it. 1 looks at one place at a time; many narrow ones see little each."
        ),
    )
    seed: int = Field(0, ge=0, description="Which tenth is checked with, resamples, and first weights.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="For a transformer, where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def reads_which(self) -> str:
        return self.measured

    def reads_too(self) -> tuple[str, ...]:
        return (self.by,) if self.model == _RIDGE else ()

    def opens_too(self) -> tuple[str, ...]:
        return () if self.model == _RIDGE else ("turns",)

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def depends(self) -> dict[str, Any]:
        return hashes(self.model)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """spearman (low, mid, high), n_probed, n_train, n_validation, flops (fit, predict), reference (its name, where
        that is known), and of the model what is to be known.
        """
        return {} if source is None else read_json(_about(source), {})

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        after = np.asarray(source.extras[MEASURED][_AFTER])
        first = np.asarray(after[:, 0] if after.ndim == 2 else after, dtype=np.float64)
        if self.model == _RIDGE:
            values = source.roles[self.by]
            there = ridge.has_value(values, self.by)
            probed = split(first, there, self.seed)
            found = ridge.predict(values, self.by, there, probed, progress)
        else:
            build = Build(self.model, self.vocabulary, self.layers, self.width, self.heads, self.length, self.seed)
            recipe = Recipe(self.epochs, self.batch, self.rate, self.seed)
            found, probed = transformer.predict(source, first, build, recipe, self.device, progress)
        influence, train, check = in_deviations(found.values), len(probed.train), len(probed.check)
        counts = {"n_probed": train + check, "n_train": train, "n_validation": check}
        quality = {"spearman": probed.quality(found.values, self.seed)}
        write_json(_about(source), {**quality, **counts, **found.facts, **_reference(source)})
        return {
            INFLUENCE.name: influence,
            "lacking": np.array([row for row, _ in found.lacking], dtype=np.int64),
            "reasons": np.array([reason for _, reason in found.lacking], dtype=np.str_),
        }

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        values = fitted[INFLUENCE.name]
        why = dict(zip(fitted["lacking"].tolist(), fitted["reasons"].tolist(), strict=True))
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            there = np.isfinite(values[part])
            lacking = [(int(row), why.get(int(row), "nothing could be predicted")) for row in part[~there]]
            yield Block(part[there], values[part[there]].astype(np.float32), lacking)


def _about(source: Source) -> Path:
    return source.folder / _ABOUT


def _reference(source: Source) -> dict[str, str]:
    """The name of the first reference, where whoever measured said it."""
    named = source.facts.get(MEASURED, {}).get("references") or [{}]
    return {"reference": named[0]["name"]} if isinstance(named[0], Mapping) and "name" in named[0] else {}
