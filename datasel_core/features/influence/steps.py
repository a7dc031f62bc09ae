"""One optimiser step on one sample. A step changes the weights and nothing else: what it remembers is as it was before,
to the bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from datasel_core.features.influence.flat import Flat
from datasel_core.features.influence.schedule import AdamW

if TYPE_CHECKING:
    import torch


class Step(Protocol):
    """A way to learn from one sample."""

    def __call__(self, weights: Flat, sample: int) -> None:
        """Changes `weights.values`, given `weights.gradient`, which may be spoilt. sample: which one it is, for steps
        that know something of each.
        """


@dataclass(frozen=True)
class Plain:
    """Against the gradient, `rate` times it, no longer than `clip` where that is given: gradient descent."""

    rate: float
    clip: float | None = None

    def __call__(self, weights: Flat, sample: int) -> None:
        shrunk = 1.0 if self.clip is None else min(1.0, self.clip / (float(weights.gradient.norm()) + 1e-6))
        weights.values.sub_(weights.gradient, alpha=self.rate * shrunk)


@dataclass(frozen=True)
class Preconditioned:
    """Against what `direction` makes of the gradient and the sample: a Newton step, say."""

    direction: Callable[["torch.Tensor", int], "torch.Tensor"]

    def __call__(self, weights: Flat, sample: int) -> None:
        weights.values.sub_(self.direction(weights.gradient, sample))


class AdamWStep:
    """The next step of torch's own AdamW, clipped. first, second: (p,) what it remembers of gradients and of their
    squares, after so many steps.
    """

    def __init__(
        self, weights: Flat, first: "torch.Tensor", second: "torch.Tensor", steps: int, rate: float, adamw: AdamW
    ):
        import torch

        self.leaf, self.clip = torch.nn.Parameter(weights.values), adamw.clip  # the same numbers, not a copy
        self.leaf.grad = weights.gradient
        self.optimizer = torch.optim.AdamW([self.leaf], rate, adamw.betas, adamw.eps, adamw.decay, fused=True)
        steps_taken = torch.tensor(float(steps), device=first.device)
        self.kept = {"step": steps_taken, "exp_avg": first, "exp_avg_sq": second}
        self.optimizer.state[self.leaf] = {name: one.clone() for name, one in self.kept.items()}

    def __call__(self, weights: Flat, sample: int) -> None:
        import torch

        torch.nn.utils.clip_grad_norm_([self.leaf], self.clip)
        self.optimizer.step()
        for name, one in self.optimizer.state[self.leaf].items():
            one.copy_(self.kept[name])
