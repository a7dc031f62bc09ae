"""What a probe is: train small on the kept, measure on the held-out."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.registry import declares

probe = declares("probe")


class Probe(Declared):
    """`measure` trains on `train` rows and tests on `test` rows."""

    needs: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[tuple[str, ...]] = ()
    """What it looks at of the samples themselves: `image`, `text`, `turns`. In `roles` these are functions: row -> RGB
    picture, row -> texts, row -> turns.
    """
    wants: ClassVar[tuple[str, ...]] = ()
    """Roles that it takes where the pool has them."""
    knows: ClassVar[tuple[str, ...]] = ()
    """Roles of which it is told what is known beside their values: in `roles`, `facts` is role -> facts."""
    elsewhere: ClassVar[bool] = False
    """Whether it can test on another pool; then `measure` also takes `elsewhere`: the roles of that pool, in which
    `test` are rows.
    """

    each_is: ClassVar[str] = ""
    """What the mean of `each` is, as a sentence says it; empty where a probe has no such number."""
    higher_is_better: ClassVar[bool] = True
    """Whether more of it is better."""

    def files(self) -> tuple[str, ...]:
        """Files that are read besides the samples; like sources, they must lie under an allowed root."""
        return ()

    def each(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """(len(test),) float64: what it measures of each test sample, where it is a mean over them; NaN where it cannot
        read one. As `measure`; of a probe that can test `elsewhere` it is what it says of one judge, its own pool.
        """
        if self.elsewhere:
            return self.judged(roles, train, [(roles, test)], progress)[0]
        raise TypeError(f"{type(self).__name__} must implement each.")

    def judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None = None,
    ) -> list[np.ndarray]:
        """`each` of several pools after one training; only where it can test `elsewhere`. judges: the roles of a pool,
        and rows of it.
        """
        raise TypeError(f"{type(self).__name__} must implement judged.")

    def measure(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> dict[str, Any]:
        """roles: role -> array of the pool, and n: how many samples the pool has. Raises BadRequest, Stopped."""
        raise TypeError(f"{type(self).__name__} must implement measure.")
