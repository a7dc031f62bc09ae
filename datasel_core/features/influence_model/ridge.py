"""Ridge regression on one vector per sample, or on counts of words."""

from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.parallel import one_thread
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Array, Ragged, sums
from datasel_core.errors import BadInput
from datasel_core.features.influence_model.probed import Prediction, Probed

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROWS = 1 << 14
_PENALTIES = np.logspace(-3, 6, 19)


def has_value(values: Array, name: str) -> np.ndarray:
    """(n,) bool: which samples have something to predict from. Raises BadInput."""
    if isinstance(values, Ragged) and values.values.ndim == 2 and values.values.dtype.kind in "iu":
        return values.lengths() > 0
    if isinstance(values, Ragged) or values.ndim != 2:
        raise BadInput(
            f"Influence is predicted from one vector per sample, or from counts of words; {name} is neither."
        )
    found = np.empty(len(values), bool)
    for start in range(0, len(values), _ROWS):
        found[start : start + _ROWS] = np.isfinite(values[start : start + _ROWS]).all(axis=1)
    return found


def predict(values: Array, name: str, there: np.ndarray, probed: Probed, progress: Progress) -> Prediction:
    """The penalty is the best by leave-one-out among the samples to learn from; no other sample decides anything.

    values: of the role called `name`, n samples. there: (n,) bool of `has_value`.
    """
    from sklearn.linear_model import RidgeCV

    found = np.full(len(values), np.nan)
    width = 1 + int(values.values[:, 0].max()) if isinstance(values, Ragged) else values.shape[1]
    with one_thread():
        learned, scale = _matrix(values, probed.train, width), 1.0
        if not isinstance(values, Ragged):
            scale = float(learned.std(axis=0).mean()) or 1.0
        model = RidgeCV(alphas=_PENALTIES).fit(learned / scale, probed.goals())
        rows = np.flatnonzero(there)
        starts = range(0, len(rows), _ROWS)
        for start in progress.over(starts, len(starts), "predicting influence"):
            part = rows[start : start + _ROWS]
            found[part] = model.predict(_matrix(values, part, width) / scale)
    n, lacking = len(probed.train), [(int(row), f"it has no value of {name}") for row in np.flatnonzero(~there)]
    flops = {"fit": 4 * n * width * min(n, width), "predict": 2 * len(rows) * width}
    return Prediction(found, lacking, {"flops": flops, "penalty": float(model.alpha_)})


def _matrix(values: Array, rows: np.ndarray, width: int) -> "np.ndarray | csr_matrix":
    """(m, width) float64; of counts, their logarithms with length 1."""
    if not isinstance(values, Ragged):
        return np.asarray(values[rows], dtype=np.float64)
    from scipy.sparse import csr_matrix

    part = values.take(rows)
    counts: Any = np.log1p(part.values[:, 1].astype(np.float64))
    lengths = np.sqrt(sums(np.square(counts), part.offsets))
    counts = counts / np.repeat(lengths, part.lengths())
    return csr_matrix((counts, part.values[:, 0], part.offsets), shape=(len(rows), width))
