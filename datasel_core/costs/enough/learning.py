"""A learning curve by probe: what share of held-out labelled samples a probe names rightly, learned from growing parts
of the labels.

The held-out ones are drawn first; the parts are nested, under several seeds. What was measured is kept size by size, so
that a kill costs one.
"""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.base.parallel import side_by_side
from datasel_core.base.progress import Progress
from datasel_core.costs.enough.labels import Labels
from datasel_core.errors import BadInput
from datasel_core.evidence.measures import Probed
from datasel_core.workspace.arrays import read_arrays, write_arrays

SEEDS, SIZES = 8, 9
MOST = 2_000
"""Labels that are learned from; of more, so many are drawn: a probe of all would take its time 8 times."""
_LEAST, _SPAN = 8, 16
"""The smallest part: so many, or a sixteenth of the labels."""
_STREAM = 0x1EA2


@dataclass(frozen=True)
class Curve:
    """sizes: (k,) labels learned from, the last all of them. shares: (seeds, k) of the held-out named rightly. held:
    how many those are.
    """

    sizes: np.ndarray
    shares: np.ndarray
    held: int

    @property
    def labels(self) -> int:
        return int(self.sizes[-1])

    @property
    def means(self) -> np.ndarray:
        return self.shares.mean(0)

    @property
    def of_held(self) -> float:
        """Half the 95 % interval of the last share, for other held-out samples than these."""
        share = float(self.means[-1])
        return 1.96 * float(np.sqrt(share * (1 - share) / self.held))


def sizes(labels: int) -> np.ndarray:
    """(k,) parts of so many labels, geometric."""
    return np.unique(np.geomspace(max(_LEAST, labels / _SPAN), labels, SIZES).round().astype(np.int64))


def order(rows: np.ndarray, seed: int) -> np.ndarray:
    """The same rows as a seed takes them; its parts are the beginnings."""
    return np.random.default_rng([_STREAM, seed]).permutation(rows)


def learned(measure: Probed, labels: Labels, folder: Path, progress: Progress) -> Curve:
    """measure: on the held-out samples of `labels`. folder: where parts of an earlier attempt lie. Raises Stopped."""
    rows = order(labels.train, SEEDS)[:MOST]
    parts = sizes(len(rows))
    shares = np.empty((SEEDS, len(parts)))
    track = progress.track(SEEDS * (len(parts) - 1) + 1, "learning from parts of the labels")
    for at, size in enumerate(parts.tolist()):
        path, seeds = folder / "chunks" / f"{at:02d}.npz", 1 if size == len(rows) else SEEDS
        shares[:, at] = _kept(path, seeds, lambda size=size, seeds=seeds: _shares(measure, rows, size, seeds))
        track.advance(seeds)
    track.finish()
    shutil.rmtree(folder / "chunks", ignore_errors=True)
    return Curve(parts, shares, len(labels.held.rows))


def _shares(measure: Probed, rows: np.ndarray, size: int, seeds: int) -> np.ndarray:
    """(seeds,) for this size. All rows are one part, whoever draws it."""
    with contextlib.closing(
        side_by_side(lambda seed: measure.each(order(rows, seed)[:size]).mean(), range(seeds))
    ) as made:
        return np.array(list(made))


def _kept(path: Path, seeds: int, make) -> np.ndarray:
    with contextlib.suppress(BadInput, FileNotFoundError, KeyError):
        if len(found := read_arrays(path)["shares"]) == seeds:
            return found
    found = make()
    write_arrays(path, {"shares": found})
    return found
