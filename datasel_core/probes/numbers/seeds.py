"""What several seeds say together."""

import math
from typing import Any

import numpy as np

SHARE = (0.0, 1.0)
"""Between what a share lies."""


def of_seeds(name: str, values: np.ndarray, ends: tuple[float, float] = (-math.inf, math.inf)) -> dict[str, Any]:
    """values: (seeds, samples). Mean, standard deviation over seeds, and the interval of 95 % for the mean (Student's
    t), where there are several seeds. ends: what cannot be lower or higher, so that the interval ends there too.
    """
    from scipy import stats

    if not values.shape[1]:
        return {}
    of_seed = values.mean(axis=1)
    found: dict[str, Any] = {name: round(float(of_seed.mean()), 6)}
    if len(of_seed) > 1:
        sd = float(of_seed.std(ddof=1))
        half = float(stats.t.ppf(0.975, len(of_seed) - 1)) * sd / len(of_seed) ** 0.5
        found |= {
            f"{name}_sd": round(sd, 6),
            f"{name}_low": round(max(found[name] - half, ends[0]), 6),
            f"{name}_high": round(min(found[name] + half, ends[1]), 6),
        }
    return found
