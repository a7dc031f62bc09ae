"""What several seeds say together."""

from typing import Any

import numpy as np


def of_seeds(name: str, values: np.ndarray) -> dict[str, Any]:
    """values: (seeds, samples). Mean, standard deviation over seeds, and the interval of 95 % for the mean (Student's
    t), where there are several seeds.
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
            f"{name}_low": round(found[name] - half, 6),
            f"{name}_high": round(found[name] + half, 6),
        }
    return found
