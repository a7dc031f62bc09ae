"""What one step on a sample does to the loss of references: a step, a look, and everything is as it was, to the bit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from datasel_core.features.influence.checkpoint import Checkpoint
from datasel_core.features.influence.flat import Flat
from datasel_core.features.influence.steps import AdamWStep, Step
from datasel_core.features.language.batches import scoring_batches
from datasel_core.features.language.halves import halves
from datasel_core.features.language.tokens import Tokens

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_LOGITS = 1 << 21
_FEWEST = 128


class Subject(Protocol):
    """What is probed: weights, samples that it can learn from, references that it is measured on."""

    weights: Flat

    def backward(self, sample: int) -> None:
        """Adds the gradient of one sample's loss to `weights.gradient`."""

    def losses(self) -> np.ndarray:
        """(r,) float64: the loss of each reference with the weights as they are."""


IDLE = -1
"""In place of a sample: a step that learns from nothing, which AdamW's memory of earlier samples moves all the same."""


def probes(subject: Subject, step: Step, samples: Iterable[int]) -> Iterator[np.ndarray]:
    """(r,) float64 per sample: the loss of each reference after one step on that sample alone. Whatever happens, the
    weights are afterwards what they were.
    """
    weights = subject.weights
    start = weights.values.clone()
    try:
        for sample in samples:
            weights.gradient.zero_()
            if sample != IDLE:
                subject.backward(sample)
            step(weights, sample)
            found = subject.losses()
            weights.values.copy_(start)
            yield found
    finally:
        weights.values.copy_(start)


@dataclass(frozen=True)
class How:
    """How probes are computed; bf16 alone changes their numbers."""

    device: str = "cpu"
    bf16: bool = False
    batch_tokens: int = 4096


class LanguageSubject:
    """A causal language model in eval mode. The loss of a sample, and of a reference, is the mean over its learned
    tokens: long texts of a reference count for more than short ones. samples: those that may be learned from.
    """

    samples: Tokens

    def __init__(self, model: "PreTrainedModel", references: Sequence[Tokens], how: How):
        self.model, self.how = model.to(how.device).eval(), how
        self.weights, self.halves = Flat(model.parameters()), halves(model)
        self.batches = list(_batches(references, how))
        self.counts = np.array([one.learned.sum() for one in references], dtype=np.float64)

    def backward(self, sample: int) -> None:
        import torch

        ids, learned = (torch.from_numpy(one).to(self.how.device) for one in self.samples.padded([sample]))
        with self._precision():
            states = self.halves.body(ids)[torch.nn.functional.pad(learned[:, 1:], (0, 1))]
            logits = self.halves.head(states)
        torch.nn.functional.cross_entropy(_whole(logits), ids[learned]).backward()

    def losses(self) -> np.ndarray:
        import torch

        sums = np.zeros(len(self.counts))
        with torch.inference_mode(), self._precision():
            for batch in self.batches:
                states, n = self.halves.body(batch.ids)[batch.before], max(_FEWEST, _LOGITS // self.halves.n_tokens)
                parts = zip(states.split(n), batch.wanted.split(n), strict=True)
                found = torch.cat([_losses(self.halves.head(part), wanted) for part, wanted in parts])
                sums += np.bincount(batch.reference, found.double().cpu().numpy(), minlength=len(sums))
        return sums / self.counts

    def _precision(self) -> "torch.autocast":
        import torch

        return torch.autocast(self.how.device.split(":")[0], torch.bfloat16, enabled=self.how.bf16)


def _whole(logits: "torch.Tensor") -> "torch.Tensor":
    """In no fewer than 32 bits."""
    return logits if logits.dtype.itemsize >= 4 else logits.float()


def _losses(logits: "torch.Tensor", wanted: "torch.Tensor") -> "torch.Tensor":
    """(m,) cross-entropy."""
    import torch

    return torch.nn.functional.cross_entropy(_whole(logits), wanted, reduction="none")


@dataclass(frozen=True)
class _Batch:
    """ids: (b, longest). before: (b, longest) bool, places before learned tokens. wanted: (m,) those tokens. reference:
    (m,) whose each is.
    """

    ids: "torch.Tensor"
    before: "torch.Tensor"
    wanted: "torch.Tensor"
    reference: np.ndarray


def _batches(references: Sequence[Tokens], how: How) -> Iterator[_Batch]:
    """All references at once, texts of one length together."""
    import torch

    whose = np.repeat(np.arange(len(references)), [len(one.rows) for one in references])
    within = np.concatenate([np.arange(len(one.rows)) for one in references])
    lengths = np.concatenate([one.lengths() for one in references])
    for at in scoring_batches(lengths, how.batch_tokens):
        ids = np.zeros((len(at), lengths[at].max()), np.int64)
        learned = np.zeros(ids.shape, bool)
        for place, one in enumerate(at):
            (ids[place, : lengths[one]],), (learned[place, : lengths[one]],) = references[whose[one]].padded(
                [within[one]]
            )
        yield _Batch(
            *(torch.from_numpy(one).to(how.device) for one in (ids, np.pad(learned[:, 1:], ((0, 0), (0, 1))))),
            torch.from_numpy(ids[learned]).to(how.device),
            np.repeat(whose[at], learned.sum(axis=1)),
        )


class Prober:
    """Probes of one checkpoint, a block of samples at a time. The checkpoint's model belongs to it from here on.

    before: (r,) float64, the loss of each reference at the checkpoint. idle: (r,) after a step that learned from
    nothing: the part of every influence that is the same for all.
    """

    def __init__(self, checkpoint: Checkpoint, references: Sequence[Tokens], how: How = How()):  # noqa: B008  (frozen)
        self.subject = LanguageSubject(checkpoint.model, references, how)
        self.step = step_of(checkpoint, self.subject.weights)
        self.before = self.subject.losses()
        self.idle = next(probes(self.subject, self.step, [IDLE]))

    def after(self, samples: Tokens) -> Iterator[np.ndarray]:
        """(r,) float64 per sample, in their order."""
        self.subject.samples = samples
        yield from probes(self.subject, self.step, range(len(samples.rows)))


def probe(
    checkpoint: Checkpoint,
    samples: Tokens,
    references: Sequence[Tokens],
    how: How = How(),  # noqa: B008
) -> tuple[np.ndarray, np.ndarray]:
    """(r,) losses of the references before, and (n, r) after one step on each sample: float64, nats a learned token."""
    prober = Prober(checkpoint, references, how)
    found = np.array(list(prober.after(samples)), dtype=np.float64)
    return prober.before, found.reshape(len(samples.rows), len(references))


def step_of(checkpoint: Checkpoint, weights: Flat) -> AdamWStep:
    """The step that training would take next from this checkpoint, at the schedule's rate."""
    first, second = (
        weights.laid({at: state[name] for at, name in enumerate(checkpoint.names())})
        for state in (checkpoint.first, checkpoint.second)
    )
    rate = checkpoint.schedule.at(checkpoint.step)
    return AdamWStep(weights, first, second, checkpoint.step, rate, checkpoint.adamw)
