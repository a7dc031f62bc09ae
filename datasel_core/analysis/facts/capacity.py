"""How many bits a language model of so many parameters can store, from what was measured and published."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadParameter


@dataclass(frozen=True)
class Measured:
    """rho: bits a parameter that a model was found to store. exposures: how often it saw each fact; None where it saw
    them until nothing more was stored. what, source: of what, and who measured it.
    """

    rho: float
    exposures: int | None
    what: str
    source: str


_FACTS = "knowledge of made biographies, GPT-2 and Llama shapes"
_PHYSICS = "Allen-Zhu & Li 2024, Physics of Language Models: Part 3.3, https://arxiv.org/abs/2404.05405"
PUBLISHED = (
    Measured(1.0, 100, _FACTS, _PHYSICS),
    Measured(2.0, 1000, _FACTS, _PHYSICS),
    Measured(
        3.6,
        None,
        "random strings, GPT shapes",
        "Morris et al. 2025, How much do language models memorize?, https://arxiv.org/abs/2505.24832",
    ),
)
"""What bits a parameter were found."""

RANGE = (1.0, 3.6)
"""From the least to the most that was found: what a slider offers."""


def rho(exposures: float, measured: Sequence[Measured] = PUBLISHED) -> float:
    """Bits a parameter where each fact is seen so often: straight lines in the logarithm of exposures between what was
    measured, and the nearest of them outside (1 to 2 of what is published).

    Below 100 exposures nothing was published; 1 is more than will be stored there. Raises BadParameter.
    """
    if not (np.isfinite(exposures) and exposures > 0):
        raise BadParameter(f"exposures is {exposures}; a fact must be seen a number of times above 0, such as 100.")
    known = sorted((one.exposures, one.rho) for one in measured if one.exposures is not None)
    if not known:
        raise BadParameter("No measurement says how often facts were seen; give one that does.")
    at, found = zip(*known, strict=True)
    return float(np.interp(np.log(exposures), np.log(at), found))


def capacity(parameters: float, bits_a_parameter: float) -> float:
    """Bits: rho P. Raises BadParameter."""
    for name, value in (("parameters", parameters), ("rho", bits_a_parameter)):
        if not (np.isfinite(value) and value >= 0):
            raise BadParameter(f"{name} is {value}; it must be a finite number of at least 0.")
    return float(parameters) * float(bits_a_parameter)
