"""How fast a model learns at each step, and how its optimiser does it: plain numbers, kept beside its weights."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from datasel_core.errors import BadInput, BadParameter


@dataclass(frozen=True)
class Schedule:
    """Warm-up, then one rate, then an optional decay: what MATES trains by. rate: the highest. warm_up: steps until it.
    decay_from: the step (from 0) at which the decay begins, None for never; decay: how many steps it takes, down to
    nothing.

    MiniCPM, https://arxiv.org/abs/2404.06395, names it WSD.
    """

    rate: float
    warm_up: int = 0
    decay_from: int | None = None
    decay: int = 0

    def __post_init__(self) -> None:
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise BadParameter(f"rate is {self.rate}; it must be a number above 0.")
        if self.warm_up < 0 or (self.decay_from is not None and (self.decay < 1 or self.decay_from < self.warm_up)):
            raise BadParameter(
                f"The schedule warms up for {self.warm_up} steps and decays from {self.decay_from} for {self.decay}; "
                "steps are no fewer than 0, and a decay of at least one comes after the warm-up."
            )

    def at(self, step: int) -> float:
        """The rate of the step after `step` others. Raises BadParameter beyond the end of the decay."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        if self.decay_from is None or step < self.decay_from:
            return self.rate
        if step >= self.decay_from + self.decay:
            raise BadParameter(f"The schedule ends after {self.decay_from + self.decay} steps; step {step} is beyond.")
        return self.rate * (1 - (step - self.decay_from) / self.decay)

    def decaying(self, step: int, decay: int) -> "Schedule":
        """The same, which decays from this step on: a short run to the end from any checkpoint."""
        if step < self.warm_up:
            raise BadParameter(f"A decay cannot begin at step {step}, within a warm-up of {self.warm_up} steps.")
        return Schedule(self.rate, self.warm_up, step, decay)


@dataclass(frozen=True)
class AdamW:
    """The numbers of the optimiser. clip: the longest that a gradient may be. decay: of weights, a share of the rate.

    Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
    """

    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    decay: float = 0.1
    clip: float = 1.0


def said(schedule: Schedule, adamw: AdamW) -> dict[str, Any]:
    """Both as plain data."""
    return {"schedule": asdict(schedule), "adamw": asdict(adamw)}


def understood(found: Mapping[str, Any]) -> tuple[Schedule, AdamW]:
    """From what `said` gave. Raises BadInput."""
    try:
        schedule, numbers = Schedule(**found["schedule"]), dict(found["adamw"])
        adamw = AdamW(**{**numbers, "betas": tuple(float(beta) for beta in numbers["betas"])})
        sound = all(isinstance(one, int | float) for one in (adamw.eps, adamw.decay, adamw.clip))
        if not sound or len(adamw.betas) != 2 or not all(0 <= beta < 1 for beta in adamw.betas) or adamw.eps <= 0:
            raise ValueError
    except (KeyError, TypeError, ValueError):  # also of a rate that is none
        raise BadInput("it names no schedule and optimiser that can be read") from None
    return schedule, adamw
