"""What comes before a probe: a model that knows more than how common words are, references that it is measured on, and
which samples are probed. Kept in a folder, from which probing begins and goes on.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import Failed
from datasel_core.features.feature import Source
from datasel_core.features.flops import counting
from datasel_core.features.influence.checkpoint import (
    Checkpoint,
    begun,
    has_state,
    is_there,
    read_checkpoint,
    write_checkpoint,
)
from datasel_core.features.influence.probing import How, Prober
from datasel_core.features.influence.references import (
    Reference,
    check_apart,
    check_ready,
    read_references,
    refuse_shared,
    unigram,
)
from datasel_core.features.influence.schedule import Schedule
from datasel_core.features.influence.training import Stage, clear, train_on
from datasel_core.features.language.models import check_sizes, given_model
from datasel_core.features.language.proxy import RATES, Build
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.vocabulary import FILE, SAID
from datasel_core.features.models.clip_weights import is_folder
from datasel_core.features.models.weights import choose_device
from datasel_core.workspace.files import read_json, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ABOUT, _MODEL = "about.json", "model"
_WARM_UP = 0.1
"""Share of the steps in which the rate rises."""
_COUNTED = 16
_CHARACTERS = 1 << 16
"""Of a text, so many are looked at for a vocabulary: one book must not decide it, nor take all the time."""


@dataclass(frozen=True)
class Asked:
    """What decides a probing, besides pool and model. share, steps, batch, rate: of the warm-up; rate None for what
    suits the model. most: samples of a reference that are measured. overlap: whether it may share samples with the
    pool.
    """

    build: Build
    template: Template
    references: tuple[str, ...]
    n_probes: int
    share: float
    steps: int
    batch: int
    rate: float | None
    most: int
    overlap: bool
    how: How

    @property
    def is_begun(self) -> bool:
        """Whether the model comes with what its optimiser remembers, and needs no warm-up."""
        return is_folder(self.build.model) and has_state(self._given)

    @property
    def _given(self) -> Path:
        return Path(self.build.model).expanduser().resolve()

    def place(self, folder: Path) -> Path:
        """Where the checkpoint lies that is probed."""
        return self._given if self.is_begun else folder / _MODEL

    def tokens(self, source: Source, rows: np.ndarray, checkpoint: Checkpoint) -> Tokens:
        return read_tokens(source, rows, checkpoint.vocabulary, self.template, self.build.length)

    def measured_on(self, source: Source, checkpoint: Checkpoint) -> list[Reference]:
        sources = {name: source.elsewhere(name) for name in self.references}
        length, seed = self.build.length, self.build.seed
        return read_references(sources, checkpoint.vocabulary, self.template, length, self.most, seed)

    def prober(self, source: Source, folder: Path) -> tuple[Prober, Checkpoint]:
        """Ready to probe, from what lies in the folder."""
        checkpoint = read_checkpoint(self.place(folder))
        how = dataclasses.replace(self.how, device=choose_device(self.how.device))
        tokens = [one.tokens for one in self.measured_on(source, checkpoint)]
        return Prober(checkpoint, tokens, how), checkpoint


def prepare(asked: Asked, source: Source, folder: Path, progress: Progress) -> dict[str, np.ndarray]:
    """Warms the model up, or goes on with that, and looks whether probing means anything. rows: that are probed, those
    that the model has not learned first. before: (r,) loss of each reference. learned: rows of the warm-up.

    Raises Failed, BadRequest, Stopped.
    """
    if asked.build.is_new:
        check_sizes(asked.build.width, asked.build.heads)
    shared = check_apart(source, {name: source.elsewhere(name) for name in asked.references}, progress)
    if not asked.overlap:
        refuse_shared(shared)
    drawn = np.random.default_rng(asked.build.seed).permutation(source.n)
    n = max(1, round(asked.share * source.n))
    learned, probed = np.sort(drawn[:n]), np.sort(np.concatenate([drawn[n:], drawn[:n]])[: asked.n_probes])
    if asked.is_begun:
        given_model(asked.build.model, asked.build.length)  # which says what does not fit
    elif not is_there(folder / _MODEL):
        _warm(asked, source, learned, folder, progress)
    prober, checkpoint = asked.prober(source, folder)
    references, tokens = asked.measured_on(source, checkpoint), asked.tokens(source, learned, checkpoint)
    plain = [unigram(tokens, one.tokens, checkpoint.vocabulary.size) for one in references]
    check_ready(references, prober.before, plain)
    if not np.isfinite(prober.idle).all():
        rate = checkpoint.schedule.at(checkpoint.step)
        raise Failed(f"After one step at the rate {rate:.3g} the loss is no number; take a lower one (--set rate=...).")
    facts = {
        "references": [{**one.said(), "shared": shared[one.name]} for one in references],
        "before": prober.before.tolist(),
        "idle": prober.idle.tolist(),
        "unigram": [loss for loss, _ in plain],
        "unseen": [share for _, share in plain],
        **_said(asked, checkpoint, len(learned)),
        **_flops(prober.subject.model, references, asked.tokens(source, probed, checkpoint), tokens, asked),
    }
    write_json(folder / _ABOUT, facts)
    return {"rows": probed, "before": prober.before, "learned": learned}


def facts_of(folder: Path) -> dict[str, Any]:
    """What a reader of the values needs to know of what they were measured with."""
    return read_json(folder / _ABOUT, {})


def tidy(folder: Path) -> None:
    """Removes what only the making needed; the checkpoint stays."""
    clear(folder)
    for name in (FILE, SAID):
        (folder / name).unlink(missing_ok=True)  # the vocabulary, which the checkpoint has, too


def _warm(asked: Asked, source: Source, rows: np.ndarray, folder: Path, progress: Progress) -> None:
    mine = Source(len(rows), turns=_beginnings(source, rows))
    if asked.build.is_new:
        vocabulary = asked.build.spelling(mine, progress, folder)
        model = asked.build.built(vocabulary, asked.build.seed)
    else:
        model, vocabulary = given_model(asked.build.model, asked.build.length)
    rate = asked.rate or RATES[asked.build.is_new]
    start = begun(model, vocabulary, Schedule(rate, max(1, round(_WARM_UP * asked.steps))))
    tokens = asked.tokens(source, rows, start)
    if not len(tokens.rows):
        row, reason = tokens.unreadable[0]
        raise Failed(f"No sample can be learned, from the first ({row}) on: {reason}.")
    stage = Stage(asked.steps, min(asked.batch, len(tokens.rows)), asked.build.seed, asked.how.bf16)
    end = train_on(
        start, tokens, stage, folder, choose_device(asked.how.device), progress, "warming up the language model"
    )
    write_checkpoint(end, folder / _MODEL)
    clear(folder)


def _beginnings(source: Source, rows: np.ndarray) -> Callable[[int], list[Turn]]:
    def turns(at: int) -> list[Turn]:
        return [dataclasses.replace(turn, text=turn.text[:_CHARACTERS]) for turn in source.turns(int(rows[at]))]

    return turns


def _said(asked: Asked, checkpoint: Checkpoint, learned: int) -> dict[str, Any]:
    """Facts about model and step."""
    return {
        "model": asked.build.model,
        "parameters": sum(weight.numel() for weight in checkpoint.model.parameters()),
        "vocabulary": checkpoint.vocabulary.size,
        "step": checkpoint.step,
        "rate": checkpoint.schedule.at(checkpoint.step),
        "optimiser": dataclasses.asdict(checkpoint.adamw),
        "learned": 0 if asked.is_begun else learned,
    }


def _flops(
    model: "PreTrainedModel", references: list[Reference], probed: Tokens, learned: Tokens, asked: Asked
) -> dict[str, Any]:
    """`flops`: of the warm-up, and of all probes. A backward pass takes twice a forward one; what a forward one takes
    for a token was counted on some samples of the first reference.
    """
    import torch

    some, device = references[0].tokens, next(model.parameters()).device
    at = np.unique(np.linspace(0, len(some.rows) - 1, min(_COUNTED, len(some.rows))).astype(np.int64))
    with torch.no_grad(), counting() as counter:
        for one in at:
            model(input_ids=torch.from_numpy(some.padded([one])[0]).to(device), use_cache=False)
    each = counter.get_total_flops() / some.lengths()[at].sum()
    measured = sum(len(one.tokens.ids) for one in references)
    seen = 0.0 if asked.is_begun or not len(learned.rows) else asked.steps * asked.batch * learned.lengths().mean()
    probes = 3 * len(probed.ids) + measured * (len(probed.rows) + 2)
    return {"flops": {"train": round(3 * each * seen), "probes": round(each * probes)}, "probed": len(probed.rows)}
