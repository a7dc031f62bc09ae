"""What an appraisal is: what a selection is worth, said in its manifest beside its metrics, where there is something to
measure it by, such as a held-out set of the pool or of its target.

The engine asks all of them, through the registry.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis.curve import Curve
from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.registry import declares
from datasel_core.runs.question import Question

appraisal = declares("appraisal")


class Appraisal(Declared):
    """Subclasses implement `appraise`, and `curves` where they draw any. Both are asked of every selection."""

    def appraise(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Any] | None:
        """What the manifest says under its id; None where there is nothing to measure. rows: of the pool, in pick
        order, without those chosen earlier. Raises Stopped.
        """
        raise TypeError(f"{type(self).__name__} must implement appraise.")

    def curves(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Curve]:
        """Name -> curve, kept beside those of the pool."""
        return {}
