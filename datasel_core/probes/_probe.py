"""What a probe is: train small on the kept, measure on the held-out."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.declare import Declared
from datasel_core.registry import declares

probe = declares("probe")


class Probe(Declared):
    """`measure` trains on `train` rows and tests on `test` rows."""

    needs: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[tuple[str, ...]] = ()
    """What it looks at of the samples themselves: `image`, `text`. In `roles` these are functions: row -> RGB picture, row -> texts."""

    def measure(self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} must implement measure.")
