"""Who could serve which target: the neighbour tables of TSDS, found once and kept. Any alpha, C or sigma is then
answered at once, with how near its draw comes to the target.

What was measured before a kill stands: crowding is kept a chunk at a time, and meta.json is written last.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadInput
from datasel_core.methods.algorithms.crowding import Crowd
from datasel_core.methods.algorithms.transport import Neighbours, TransportPlan, make_plan
from datasel_core.methods.closeness import Outlook, beyond, to_target, unlike
from datasel_core.methods.tsds import Tsds, find_neighbours
from datasel_core.runs.question import Question
from datasel_core.vectors.directions import matrix, same_width
from datasel_core.workspace.arrays import load_array, read_arrays, save_array, write_arrays
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, key_of
from datasel_core.workspace.locks import Lock

SHARES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5)
"""Stops of sigma, as shares of the usual distance from a target to its tenth neighbour; the method's own default is
always among them.
"""
_CHUNK = 8192
_AROUND = "around.npz"
_FOUND = ("given", "targets", "rows", "places", "distances", "widths")


def tables_folder(asked: Question) -> Path:
    """Where the tables of a question are kept: whatever its alpha, C, budget or seed, they are the same."""
    how = {name: getattr(asked.method, name) for name in ("max_k", "kde_k", "neighbors", "sigma")}
    what = {"serving": 1, "pool": asked.pool.fingerprint, "features": asked.roles.keys(asked.method.roles())}
    given, missing = asked.candidates.given, asked.roles.missing_rows(asked.method.roles())
    if len(given) < asked.pool.n - len(missing):  # some may not be chosen
        what["given"] = hashlib.sha256(given.tobytes()).hexdigest()
    return asked.workspace.serving(key_of({**what, "target": asked.target.what(), "how": how}))


@dataclass(frozen=True)
class Tables:
    """given: (n,) rows of the pool that may be chosen; positions in `neighbours` count among these. targets: (m,) rows
    of the target pool. away: (n,) how far each of `given` is from the nearest target example. beyond: what is farther
    from all candidates is like none of them.
    """

    key: str
    given: np.ndarray
    targets: np.ndarray
    neighbours: Neighbours
    away: np.ndarray
    beyond: float

    def plan(self, alpha: float, c: float, sigma: float) -> TransportPlan:
        """sigma: 0, or one of `neighbours.widths`."""
        return make_plan(self.neighbours, alpha, c, sigma)

    def outlook(self, method: Tsds, plan: TransportPlan, budget: int, seed: int) -> Outlook:
        """What a selection by this method, of this plan, would come to."""
        return method.outlook(plan, self.away, budget, np.random.default_rng(seed))

    @property
    def unlike(self) -> np.ndarray:
        """Positions in `targets` of those that no candidate resembles, the farthest first."""
        return unlike(self.neighbours, self.beyond)

    def probability(self, plan: TransportPlan, n: int) -> np.ndarray:
        """(n,) over the whole pool; 0 where a sample has no vector."""
        found = np.zeros(n)
        found[self.given] = plan.probability
        return found


def make_tables(asked: Question, progress: Progress) -> Path:
    """Finds the neighbours and measures crowding around all of them, or goes on where an earlier attempt was. Raises
    BadInput, Stopped.
    """
    folder = tables_folder(asked)
    with Lock(folder).hold(progress.check):
        if read_tables(folder) is not None:
            return folder
        given = asked.candidates.given
        vectors = matrix(asked.roles.array(EMBEDDING.name, given), "pool role embedding")
        found = _found(folder, asked, given, vectors, progress)
        _measure_around(folder, asked, vectors, progress)
        _measure(folder, vectors, found, progress)
        said = {"kde_k": found.kde_k, "recall": found.recall, "n": len(given)}
        write_json(folder / "meta.json", {**said, "sha256": key_of(_hashes(folder, (*_FOUND, "crowding")) | said)})
        _remove_parts(folder)
    return folder


def read_tables(folder: Path) -> Tables | None:
    """What was kept in this folder, memory-mapped; None while it is not finished, or no longer whole."""
    try:
        meta = read_json(folder / "meta.json")
        if meta is None or not _is_whole(folder, (*_FOUND, "crowding"), meta):
            return None
        arrays = {name: load_array(folder / f"{name}.npy") for name in (*_FOUND, "crowding")}
        around = read_arrays(folder / _AROUND)
    except (BadInput, OSError, KeyError, TypeError, AttributeError):
        return None
    found = Neighbours(
        meta["n"],
        arrays["rows"],
        arrays["places"],
        arrays["distances"],
        arrays["widths"],
        arrays["crowding"],
        meta["kde_k"],
        meta["recall"],
    )
    return Tables(folder.name, arrays["given"], arrays["targets"], found, around["away"], float(around["beyond"]))


def _found(folder: Path, asked: Question, given: np.ndarray, vectors: np.ndarray, progress: Progress) -> Neighbours:
    """The neighbours of every target, from an earlier attempt where there was one that is still whole."""
    with contextlib.suppress(BadInput, OSError, KeyError, TypeError, AttributeError):
        said = read_json(folder / "found.json")
        if not _is_whole(folder, _FOUND, said):
            raise BadInput(f"{folder} is damaged.")
        arrays = {name: load_array(folder / f"{name}.npy") for name in _FOUND}
        unknown = np.full((len(arrays["rows"]), len(arrays["widths"])), np.nan)
        return Neighbours(
            len(given),
            arrays["rows"],
            arrays["places"],
            arrays["distances"],
            arrays["widths"],
            unknown,
            said["kde_k"],
            said["recall"],
        )
    _remove_parts(folder)  # measured around what was found then
    target = matrix(asked.target.arrays()[EMBEDDING.name], "target role embedding")
    same_width(vectors, "pool role embedding", target, "target role embedding")
    method = asked.method
    found = find_neighbours(vectors, target, method.max_k, method.kde_k, [method.sigma], method.neighbors, progress)
    widths = stops(found.distances, method.sigma)
    found = Neighbours(
        found.n,
        found.rows,
        found.places,
        found.distances,
        widths,
        np.full((len(found.rows), len(widths)), np.nan),
        found.kde_k,
        found.recall,
    )
    arrays = {
        "given": given,
        "targets": asked.target.rows,
        "rows": found.rows,
        "places": found.places,
        "distances": found.distances,
        "widths": widths,
    }
    for name, array in arrays.items():
        save_array(folder / f"{name}.npy", array)
    said = {"kde_k": found.kde_k, "recall": found.recall}
    write_json(folder / "found.json", {**said, "sha256": key_of(_hashes(folder, _FOUND) | said)})
    return found


def stops(distances: np.ndarray, sigma: float) -> np.ndarray:
    """(b,) widths of a crowd that can be asked for, ascending: two digits each, and sigma itself; 1 where all of these
    are 0.
    """
    usual = float(np.median(distances[:, min(9, distances.shape[1] - 1)]))
    rounded = {float(f"{usual * share:.2g}") for share in SHARES}
    return np.array(sorted(width for width in rounded | {float(sigma)} if width > 0) or [1.0])


def _measure_around(folder: Path, asked: Question, vectors: np.ndarray, progress: Progress) -> None:
    """How far every candidate is from the target, and how far is far; an older version did not ask."""
    with contextlib.suppress(BadInput, FileNotFoundError):
        read_arrays(folder / _AROUND)
        return
    away = to_target(vectors, asked.target.arrays()[EMBEDDING.name], progress)
    write_arrays(folder / _AROUND, {"away": away, "beyond": np.float64(beyond(vectors, progress))})


def _measure(folder: Path, vectors: np.ndarray, found: Neighbours, progress: Progress) -> None:
    """crowding.npy: (u, b). Each chunk stands as soon as it is measured; a damaged one is measured again."""
    u, crowd, parts = len(found.rows), None, []
    for start in range(0, u, _CHUNK):
        path = folder / f"crowding-{start:09d}.npz"
        part = None
        with contextlib.suppress(BadInput, FileNotFoundError):
            part = read_arrays(path)["crowding"]
        if part is None:
            crowd = crowd or Crowd(np.asarray(vectors[found.rows]), found.widths, found.kde_k)
            part = crowd.measure(np.arange(start, min(start + _CHUNK, u)), progress)
            write_arrays(path, {"crowding": part})
        parts.append(part)
    save_array(folder / "crowding.npy", np.concatenate(parts))


def _remove_parts(folder: Path) -> None:
    """Chunks of crowding; those of an older version had no checksum, and are of no use."""
    for part in [*folder.glob("crowding-*.npz"), *folder.glob("crowding-*.npy")]:
        part.unlink()


def _is_whole(folder: Path, names: Sequence[str], said: Mapping[str, Any]) -> bool:
    """Whether arrays and numbers are what was kept; an older version hashed the arrays alone."""
    numbers, arrays = {name: value for name, value in said.items() if name != "sha256"}, _hashes(folder, names)
    return said["sha256"] in (key_of(arrays | numbers), key_of(arrays))


def _hashes(folder: Path, names: Sequence[str]) -> dict[str, str]:
    return {name: hash_file(folder / f"{name}.npy") for name in names}
