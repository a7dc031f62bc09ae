"""Influence probes: how many a second, beside loops that reload a checkpoint for each, and beside the bare passes.

`bare`: forward and backward of the sample and forward of the reference, with all logits as the model gives them, on the
same batches; no step, nothing restored. `reloaded`: for each probe weights and moments are read from disk again, then
the same batches; `as scripts do`: the reference in the order of its pool, eight samples at a time, all logits. Made-up
tokens; all in one run. What the loops lose is the reading alone: where the reference is large, reading it is nearly all
of a probe. Then what was tried beside: gradients of several samples at once (`vmap`), 16 bits; and how an AdamW step
ranks samples beside leaving each one out of a linear least squares.
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from datasel_core.features.influence.checkpoint import Checkpoint, begun, write_checkpoint
from datasel_core.features.influence.flat import Flat
from datasel_core.features.influence.probing import How, LanguageSubject, Prober, probes
from datasel_core.features.influence.schedule import AdamW, Schedule
from datasel_core.features.influence.steps import AdamWStep
from datasel_core.features.language.models import new_model, read_model
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary
from tests.benchmarks._measure import size, stopwatch, table

_SIZES = {
    "tiny, small reference": (300, 32, 2, 64, 16, 32),
    "small": (2048, 128, 2, 128, 16, 96),
    "as by default, 64 samples": (4096, 192, 3, 256, 64, 192),
}
"""vocabulary, width, heads, tokens of a sample, samples and tokens of the reference; at most."""


def main() -> None:
    table([_measured(name, *sizes) for name, sizes in _SIZES.items()])
    table([_ranked(name, scale) for name, scale in (("alike", 0.0), ("from 0.03 to 30", 1.5))])


def _measured(name: str, words: int, width: int, heads: int, length: int, n: int, longest: int) -> dict[str, Any]:
    rng, many = np.random.default_rng(0), size(20)
    samples, reference = _tokens(rng, many, length, words), _tokens(rng, n, longest, words)
    spelling = train_vocabulary([" ".join(map(str, range(4000)))], words)
    with tempfile.TemporaryDirectory() as scratch:
        model = new_model(Vocabulary(spelling.tokenizer, (), spelling.end), 2, width, heads, 256, 0)
        checkpoint = begun(model, spelling, Schedule(1e-3))
        write_checkpoint(checkpoint, Path(scratch))
        checkpoint = _with_moments(checkpoint)
        prober = Prober(checkpoint, [reference])
        found = np.array([next(prober.after(_one(samples, 0))) for _ in range(2)])  # warm by now
        with stopwatch() as whole:
            found = np.array(list(prober.after(samples)))
        with stopwatch() as bare:
            _bare(prober, samples, reference)
        few = max(2, many // 4)
        loops = [_timed(_reloaded, Path(scratch), samples, reference, few, how) for how in (True, False)]
        half = Prober(checkpoint, [reference], How(bf16=True))
        alike = stats.spearmanr(found[:, 0], np.array(list(half.after(samples)))[:, 0])[0]
        grouped = _vmapped(prober, length // 2)
    each = whole[0] / many
    return {
        "model": name,
        "weights": len(prober.subject.weights.values),
        "probes a second": 1 / each,
        "of bare": bare[0] / whole[0],
        "x reloaded": loops[0] / few / each,
        "x as scripts do": loops[1] / few / each,
        "vmap x loop": grouped,
        "16 bits, Spearman": float(alike),
    }


def _tokens(rng: np.random.Generator, n: int, longest: int, words: int) -> Tokens:
    lengths = rng.integers(longest // 2, longest + 1, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    learned = np.ones(offsets[-1], bool)
    learned[offsets[:-1]] = False
    ids = (rng.zipf(1.3, offsets[-1]) % (words - 8)).astype(np.int32)
    return Tokens(np.arange(n), ids, learned, offsets, (), 0)


def _one(tokens: Tokens, at: int) -> Tokens:
    part = slice(tokens.offsets[at], tokens.offsets[at + 1])
    return Tokens(
        tokens.rows[[at]], tokens.ids[part], tokens.learned[part], np.array([0, part.stop - part.start]), (), 0
    )


def _with_moments(checkpoint: Checkpoint) -> Checkpoint:
    """As after some training, so that a step is not the sign of a gradient."""
    import torch

    for name, one in checkpoint.second.items():
        one.copy_(torch.rand_like(one) * 1e-6 + 1e-8)
        checkpoint.first[name].copy_(torch.randn_like(one) * 1e-5)
    checkpoint.step = 200
    return checkpoint


def _timed(work: Callable[..., Any], *given: Any) -> float:
    with stopwatch() as taken:
        work(*given)
    return taken[0]


def _bare(prober: Prober, samples: Tokens, reference: Tokens) -> None:
    import torch

    model = prober.subject.model
    for at in range(len(samples.rows)):
        ids = torch.from_numpy(samples.padded([at])[0])
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
        torch.nn.functional.cross_entropy(logits, ids[0, 1:]).backward()
        with torch.inference_mode():
            for batch in prober.subject.batches:
                model(input_ids=batch.ids, use_cache=False).logits.sum()


def _reloaded(folder: Path, samples: Tokens, reference: Tokens, n: int, same: bool) -> None:
    """same: the reference in the batches that probing takes; else as it comes, eight at a time."""
    import torch
    from safetensors.torch import load_file

    for at in range(n):
        model, state = read_model(folder).eval(), load_file(folder / "adamw.safetensors")
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
        for name, one in model.named_parameters():
            moments = {"exp_avg": state[f"first.{name}"], "exp_avg_sq": state[f"second.{name}"]}
            optimizer.state[one] = {"step": torch.tensor(200.0), **moments}
        ids = torch.from_numpy(samples.padded([at])[0])
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
        torch.nn.functional.cross_entropy(logits, ids[0, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if same:
            LanguageSubject(model, [reference], How()).losses()
            continue
        with torch.inference_mode():
            for start in range(0, len(reference.rows), 8):
                padded, learned = reference.padded(np.arange(start, min(start + 8, len(reference.rows))))
                ids = torch.from_numpy(padded)
                logits = model(input_ids=ids, use_cache=False).logits
                wanted = torch.from_numpy(np.where(learned, padded, -100))[:, 1:]
                torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), wanted.flatten(), reduction="sum")


def _vmapped(prober: Prober, length: int) -> float:
    """How many times as fast gradients of eight samples of one length come at once; not kept: it takes eight times the
    room, gives other last digits in other groups, and a gradient is a tenth of a probe where models are not tiny.
    """
    import torch
    from torch.func import functional_call, grad, vmap

    model, ids = prober.subject.model, torch.randint(0, 200, (8, length))
    weights = {name: one.detach() for name, one in model.named_parameters()}

    def loss(weights: Any, one: torch.Tensor) -> torch.Tensor:
        logits = functional_call(model, weights, (), {"input_ids": one[None], "use_cache": False}).logits
        return torch.nn.functional.cross_entropy(logits[0, :-1], one[1:])

    def loop() -> None:
        for one in ids:
            torch.autograd.grad(loss(dict(model.named_parameters()), one), list(model.parameters()))

    at_once = vmap(grad(loss), in_dims=(None, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of attention, which torch maps one by one
        together = min(_timed(at_once, weights, ids) for _ in range(3))
    return min(_timed(loop) for _ in range(3)) / together


class _LeastSquares:
    """y = x b at its solution; the reference's loss is the mean square on other rows."""

    def __init__(self, x: np.ndarray, y: np.ndarray, others: np.ndarray, theirs: np.ndarray):
        import torch

        self.x, self.y, self.others, self.theirs = map(torch.from_numpy, (x, y, others, theirs))
        self.b = torch.nn.Parameter(torch.linalg.lstsq(self.x, self.y).solution)
        self.weights = Flat([self.b])

    def backward(self, sample: int) -> None:
        (0.5 * (self.y[sample] - self.x[sample] @ self.b) ** 2).backward()

    def losses(self) -> np.ndarray:
        return np.array([float(((self.theirs - self.others @ self.b.detach()) ** 2).mean())])


def _ranked(name: str, scale: float) -> dict[str, Any]:
    """Spearman of influence by an AdamW step with what leaving a sample out does; 8 draws of 300 rows of 10 columns,
    whose sizes are 10 to the power of up to +-`scale`.
    """
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        sizes = 10 ** rng.uniform(-scale, scale, 10)
        x, others = (rng.normal(size=(300, 10)) * sizes for _ in range(2))
        truth = rng.normal(size=10) / sizes
        y, theirs = (one @ truth + rng.normal(size=300) + 0.1 * one[:, 0] / sizes[0] for one in (x, others))
        theirs = theirs + 0.5 * others[:, 1] / sizes[1]  # the reference wants something else, so that rows help or harm
        found.append(_spearman(_LeastSquares(x, y, others, theirs), x, y, others, theirs))
    return {"columns": name, "Spearman, mean": float(np.mean(found)), "from": min(found), "to": max(found)}


def _spearman(subject: _LeastSquares, x: np.ndarray, y: np.ndarray, others: np.ndarray, theirs: np.ndarray) -> float:
    import torch

    residuals = y - x @ subject.b.detach().numpy()
    second = torch.from_numpy(((x * residuals[:, None]) ** 2).mean(axis=0))
    step = AdamWStep(subject.weights, torch.zeros(10).double(), second, 1000, 1e-4, AdamW(decay=0.0, clip=1e9))
    before = subject.losses()[0]
    influence = before - np.array([one[0] for one in probes(subject, step, range(len(x)))])
    inverse = np.linalg.inv(x.T @ x)
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    without = subject.b.detach().numpy() - (x @ inverse) * (residuals / (1 - leverage))[:, None]
    left_out = ((theirs - without @ others.T) ** 2).mean(axis=1)
    return float(stats.spearmanr(influence, left_out - before)[0])


if __name__ == "__main__":
    main()
