"""A yardstick: what random choices of a pool's candidates are worth on its held-out samples, by one measure, size by
size. Measured once per pool, held-out set and measure, and kept.

Chunks are written as they come, so that a kill costs one; meta.json comes last and closes over the array.
"""

import contextlib
import functools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.parallel import side_by_side
from datasel_core.base.progress import Progress
from datasel_core.base.role import GROUP
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence.differences import LEVEL
from datasel_core.evidence.measures import Distance, HeldOut, Measure, Probed, main_measure
from datasel_core.evidence.nearness import nearest_of_draws
from datasel_core.evidence.worth import FEWEST_DRAWS
from datasel_core.features.roles import Roles
from datasel_core.pools.holdout import HOLDOUT, Aside
from datasel_core.pools.pool import Pool
from datasel_core.workspace.arrays import load_array, read_arrays, save_array, write_arrays
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, ids_sha256, is_own, key_of, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

DRAWS = FEWEST_DRAWS
_STEP = 2**0.5
"""From one size to the next."""
_LEAST = {Distance.id: 5, Probed.id: 10}
_MOST = {Distance.id: 50_000, Probed.id: 640}
_STREAM = 1_729
"""Apart from the seeds that people give, so that no choice of theirs is one of these draws."""
_CHUNK = 512
_ARRAY = "random"


@dataclass(frozen=True)
class Band:
    """low, mean, high: (k,) of single random choices, by size: a picture of how they scatter, not an interval of
    anything.
    """

    sizes: np.ndarray
    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Yardstick:
    """measure: on held-out samples of its pool. aside: all that is set aside there, which random cannot draw either."""

    workspace: Workspace
    measure: Measure
    aside: Aside

    @property
    def pool(self) -> Pool:
        return self.measure.roles.pool

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """(n,) candidates: rows that have a value and are not set aside."""
        missing = self.measure.roles.missing_rows(tuple(self.measure.what()["features"]))
        return np.setdiff1d(np.arange(self.pool.n), np.union1d(missing, self.aside.rows(self.pool)))

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """(k,) how many are drawn: geometric, up to half of the candidates, and not beyond what is worth its time."""
        return grid(_LEAST[self.measure.id], min(len(self.rows) // 2, _MOST[self.measure.id]))

    @functools.cached_property
    def folder(self) -> Path:
        features = self.measure.what()["features"]
        what = {
            "yardstick": 1,
            "pool": self.pool.fingerprint,
            "holdout": self.aside.what(),
            "held": ids_sha256(self.pool.ids[self.measure.held.rows].tolist()),
            "measure": self.measure.what(),
            "sizes": self.sizes.tolist(),
            "draws": DRAWS,
            **({"table": self.pool.table_sha256} if GROUP.name in features else {}),
        }
        return self.workspace.yardstick(key_of(what))

    def order(self, draw: int) -> np.ndarray:
        """Rows in the order in which a draw takes them; its choice of a size is the beginning."""
        return drawn(self.rows, draw)[: self.sizes[-1]]

    def read(self) -> np.ndarray | None:
        """(k, draws, m) float32 of the measure: size, draw, held-out sample; None where it is not finished, or is
        damaged.
        """
        with contextlib.suppress(BadInput, OSError, KeyError, TypeError, AttributeError):
            meta = read_json(self.folder / "meta.json")
            path = self.folder / f"{_ARRAY}.npy"
            if is_own(meta) and hash_file(path) == meta["array_sha256"]:
                return np.asarray(load_array(path))
        return None

    def band(self, level: float = LEVEL) -> Band | None:
        """Where single random choices lie; None where the yardstick is not there."""
        random = self.read()
        if random is None:
            return None
        means = random.mean(2, dtype=np.float64)
        low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2], axis=1)
        return Band(self.sizes, low, means.mean(1), high)

    def make(self, progress: Progress | None = None) -> np.ndarray:
        """As `read`; measured, or gone on with, where it is not there. Raises BadRequest, Stopped."""
        progress = progress or Progress()
        with Lock(self.folder).hold(progress.check):
            if (found := self.read()) is not None:
                return found
            values = np.empty((len(self.sizes), DRAWS, len(self.measure.held.rows)), np.float32)
            places = list(_places(self.measure, values.shape))
            for at, place in progress.over(enumerate(places), len(places), "measuring random choices"):
                values[place] = self._chunk(at, place, values[place].shape, progress)
            save_array(self.folder / f"{_ARRAY}.npy", values)
            said = {"array_sha256": hash_file(self.folder / f"{_ARRAY}.npy"), **self.about()}
            write_json(self.folder / "meta.json", {**said, "sha256": own_hash(said)})
            shutil.rmtree(self.folder / "chunks", ignore_errors=True)
            return values

    def about(self) -> dict[str, Any]:
        """What it is, for people who find the folder."""
        return {
            "pool": self.pool.name,
            "measure": self.measure.what(),
            "sizes": self.sizes.tolist(),
            "draws": DRAWS,
            "candidates": len(self.rows),
            "held_out": len(self.measure.held.rows),
            "held_out_of": self.measure.held.of,
        }

    def _chunk(self, at: int, place: tuple[slice, ...], shape: tuple[int, ...], progress: Progress) -> np.ndarray:
        """A part of the array, from an earlier attempt where that is whole."""
        path = self.folder / "chunks" / f"{at:05d}.npz"
        with contextlib.suppress(BadInput, FileNotFoundError, KeyError):
            if (found := read_arrays(path)["values"]).shape == shape:
                return found
        found = _near(self, place[2]) if isinstance(self.measure, Distance) else _each(self, place[0], progress)
        write_arrays(path, {"values": found})
        return found


def drawn(rows: np.ndarray, draw: int) -> np.ndarray:
    """All of these rows in the random order of a draw."""
    return np.random.default_rng([_STREAM, draw]).permutation(rows)


def grid(least: int, most: int) -> np.ndarray:
    """(k,) sizes, growing by about 1.4 from `least` to `most`; empty where that is smaller."""
    if most < least:
        return np.empty(0, np.int64)
    steps = max(1, round(np.log(most / least) / np.log(_STEP)))
    return np.unique(np.geomspace(least, most, steps + 1).round().astype(np.int64))


def yardsticks(workspace: Workspace, pool: Pool, aside: Aside | None) -> list[Yardstick]:
    """That of the pool's one measure, then that of distance, where it is another; none where there is no held-out set,
    no vectors, or too few samples.
    """
    held = None if aside is None else aside.sets.get(HOLDOUT)
    if held is None:
        return []
    roles = Roles.of(workspace, pool)
    if (main := main_measure(roles, held)) is None:
        return []
    found = [main] if isinstance(main, Distance) else [main, Distance(roles, _held(roles, held))]
    made = [Yardstick(workspace, one, aside) for one in found if len(one.held.rows) > 1]
    return [one for one in made if len(one.sizes)]


def check(yardsticks: list[Yardstick], pool: Pool, aside: Aside | None) -> list[Yardstick]:
    """The same. Raises BadRequest, saying what is lacking, where there is none."""
    if yardsticks:
        return yardsticks
    if aside is None or HOLDOUT not in aside.sets:
        raise BadRequest(
            f"{pool.name} has no held-out set to measure random choices on; draw one before anything is chosen: "
            f"python -m datasel_core holdout {pool.name} --share 20%"
        )
    raise BadRequest(
        f"Random choices of {pool.name} cannot be measured: it needs an embedding, at least 2 held-out samples and "
        f"{2 * min(_LEAST.values())} to choose from that have one."
    )


def _held(roles: Roles, held: Any) -> HeldOut:
    return HeldOut.among(roles.pool, held, roles.missing_rows((Distance(roles, None).role,)))


def _places(measure: Measure, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
    """Parts of the array that are measured together: of distances some held-out samples, of a probe one size."""
    every = slice(None)
    if isinstance(measure, Distance):
        for start in range(0, shape[2], _CHUNK):
            yield every, every, slice(start, min(start + _CHUNK, shape[2]))
        return
    for size in range(shape[0]):
        yield slice(size, size + 1), every, every


def _near(yardstick: Yardstick, held: slice) -> np.ndarray:
    """(k, draws, some held-out) distances."""
    measure, sizes = yardstick.measure, yardstick.sizes
    since = np.full((yardstick.pool.n, DRAWS), len(sizes), np.int16)
    for draw in range(DRAWS):
        order = yardstick.order(draw)
        since[order, draw] = np.searchsorted(sizes, np.arange(len(order)), side="right")
    rows = np.flatnonzero((since < len(sizes)).any(axis=1))
    array = functools.partial(measure.roles.array, measure.role)
    points = np.asarray(array(measure.held.rows[held]))
    return nearest_of_draws(points, lambda part: np.asarray(array(rows[part])), since[rows], len(sizes))


def _each(yardstick: Yardstick, size: slice, progress: Progress) -> np.ndarray:
    """(1, draws, m) of a measure that is asked once per draw."""
    n = yardstick.sizes[size][0]
    found = []
    with contextlib.closing(
        side_by_side(lambda draw: yardstick.measure.each(yardstick.order(draw)[:n]), range(DRAWS))
    ) as made:
        for one in made:
            progress.check()
            found.append(one)
    return np.stack(found)[None].astype(np.float32)
