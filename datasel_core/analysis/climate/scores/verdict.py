"""Whether an emulator is worth having: only where it beats pattern scaling by more than noise can explain.

The rule is stated beside each verdict. No verdict is a certificate: what was tested is one task on some runs.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from datasel_core.errors import BadInput

RULE = (
    "Useful: its error is below that of pattern scaling by more than the upper end of the noise's interval, and no "
    "baseline is better. Otherwise pattern scaling is recommended."
)


@dataclass(frozen=True)
class Interval:
    """Of a mean, 95 %."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """useful: by the rule. recommended: what to use. words: one sentence that says why. gain: error of pattern scaling
    less the emulator's; noise: the floor that it must pass; None where it is not known.
    """

    useful: bool
    recommended: str
    words: str
    gain: Interval
    noise: Interval | None


def interval(values: np.ndarray) -> Interval:
    """Of the mean of independent values, by Student's t; a single one has no width. Raises BadInput."""
    values = np.asarray(values, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise BadInput("An interval is of one value at least, and of finite ones.")
    mean = float(values.mean())
    half = 0.0
    if len(values) > 1:
        half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def noise_interval(floors: np.ndarray) -> Interval:
    """floors: (pairs,) the noise floor by each pair of members (`errors.Floor.pairs_s`). From the lowest pair to the
    highest: pairs share members, so that no law of independent values holds for them. Raises BadInput.
    """
    mean = interval(floors).mean
    return Interval(mean, float(np.min(floors)), float(np.max(floors)))


def verdict(
    name: str,
    emulator: np.ndarray,
    pattern_scaling: np.ndarray,
    floors: np.ndarray | None,
    baselines: dict[str, float],
    unit: str = "K",
) -> Verdict:
    """name: of the emulator. emulator, pattern_scaling: (trials,) errors (RMSE_s), one of each per member of the target
    or seed, paired. floors: (pairs,) as in `noise_interval`; None where no second member says how large noise is.
    baselines: name -> error of what else was tried, on average. Raises BadInput.
    """
    emulator, pattern_scaling = np.atleast_1d(emulator), np.atleast_1d(pattern_scaling)
    if emulator.shape != pattern_scaling.shape:
        raise BadInput("The emulator and pattern scaling must be tried on the same members and seeds, one error each.")
    gain = interval(pattern_scaling - emulator)
    instead = "pattern scaling is recommended"
    if floors is None or not len(floors):
        said = f"how large noise is was not known, since no scenario has a second member: {instead}"
        return Verdict(False, "pattern scaling", f"{name}: {said}.", gain, None)
    noise = noise_interval(floors)
    apart = f"{abs(gain.mean):.3f} {unit} {'below' if gain.mean >= 0 else 'above'} pattern scaling"
    better = [other for other, error in sorted(baselines.items()) if error < float(emulator.mean())]
    if gain.low <= noise.high:
        said = f"its error is {apart}, which is not more than noise ({noise.high:.3f} {unit}): {instead}"
    elif better:
        said = f"its error is {apart}, but {better[0]} does better still: {instead}"
    else:
        said = f"its error is {apart}, more than noise ({noise.high:.3f} {unit}): useful for the task that was tested"
        return Verdict(True, name, f"{name}: {said}.", gain, noise)
    return Verdict(False, "pattern scaling", f"{name}: {said}.", gain, noise)
