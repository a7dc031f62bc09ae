"""How alike two selections are. No metric of one selection, so it is not registered."""

import numpy as np


def overlap(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """a, b: ids kept by two selections. Counts of both, only a, only b; `jaccard` = both / either; `share` = both / the
    smaller.
    """
    both = len(np.intersect1d(a, b))
    either = len(a) + len(b) - both
    return {
        "both": both,
        "only_a": len(a) - both,
        "only_b": len(b) - both,
        "jaccard": round(both / either, 6) if either else 1.0,
        "share": round(both / min(len(a), len(b)), 6) if len(a) and len(b) else 0.0,
    }
