"""Places of a mixture that people left: filled by the next best of the share that had brought what stood there.

The same law as of the mixture itself, for the places that are left: what is still kept counts as chosen, quotas are met
as far as they can be, a cap is never broken, and where a share has no more candidates the others make up for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog.links import find_kept
from datasel_core.runs.mixtures.answer import reasons
from datasel_core.runs.mixtures.asking import Asked, ask, take
from datasel_core.runs.mixtures.ledgers import Count
from datasel_core.runs.mixtures.mixing import Mixing
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.runs.mixtures.room import Quotas, Room, largest
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Filler:
    """row: of the pool. share: the one that brought it, from 0. why: as in the mixture itself."""

    row: int
    share: int
    why: Mapping[str, Any]


def asked_again(workspace: Workspace, pool: Pool, said: Mapping[str, Any], folder: Path) -> Asked:
    """What a mixture's manifest answers, as it can be asked here and now. Raises BadRequest, in one line, where it
    cannot.
    """
    how = said["method"]["params"]
    within, already = None, folder / "already.parquet"
    if how["within"]:
        kept = find_kept(workspace, said["pool"]["fingerprint"], how["within"]["ids_sha256"])
        if kept is None:
            raise BadRequest("What it was chosen among is no longer in this workspace.")
        within = kept.name
    earlier = str(already) if said["already"] else None
    recipe, budget = Recipe(**how["recipe"]), str(how["budget"])
    return ask(workspace, pool.name, recipe, budget, said["seed"], earlier, within, how["where"])


def fill_places(
    asked: Asked, kept: np.ndarray, never: np.ndarray, shares: Sequence[int], progress: Progress
) -> list[Filler]:
    """One for each place at most, those of a share in the order of its own preference. kept: rows that stay. never:
    rows that may not be chosen. shares: of each place, the share that had brought what stood there, from 0.
    """
    things = asked.things
    stay, gone = _things(asked, kept), _things(asked, np.setdiff1d(never, kept))
    ledger = _ledger(asked, stay, gone, len(shares))
    if ledger is None:
        return []
    parts = np.bincount(shares, minlength=len(asked.questions)).tolist()
    mixing = Mixing(ledger, parts, dict.fromkeys(stay.tolist(), 0), gone.tolist())
    own = reasons(asked, take(asked, mixing, progress))
    new = list(mixing.taken.items())[len(stay) :]
    return [Filler(int(things.rows[thing]), share, own[share][thing][1]) for thing, share in new]


def alike(asked: Asked, row: int, rows: np.ndarray) -> np.ndarray:
    """Those of these rows, all of which can be chosen, that count in the same quotas as the row."""
    if row not in asked.things.rows:
        return rows[:0]
    [mine], cell = _things(asked, np.array([row])), asked.things.cell
    return rows[cell[_things(asked, rows)] == cell[mine]]


def _things(asked: Asked, rows: np.ndarray) -> np.ndarray:
    """Every sample is a thing of its own here; those that can no longer be chosen are none."""
    there = np.intersect1d(rows, asked.things.rows)
    return np.searchsorted(asked.things.rows, there)


def _ledger(asked: Asked, stay: np.ndarray, gone: np.ndarray, places: int) -> Count | None:
    """What may still be taken beside what stays; None where nothing may. Minima that what was left out makes impossible
    are lowered to what there is.
    """
    things, quotas = asked.things, asked.quotas
    room, cell = Room.of(things.groups.of, things.bins.of)
    away = np.bincount(cell[np.concatenate([stay, gone])], minlength=len(room.there))
    room = Room(room.group, room.bin, room.there - away)
    groups = np.bincount(things.groups.of[stay], minlength=len(quotas.least))
    bins = np.bincount(things.bins.of[stay], minlength=len(quotas.cap))
    there = np.bincount(room.group, room.there, minlength=len(groups)).astype(np.int64)
    most = np.minimum(np.maximum(quotas.most - groups, 0), there)
    rest = Quotas(np.minimum(np.maximum(quotas.least - groups, 0), most), most, np.maximum(quotas.cap - bins, 0))
    budget = min(places, largest(room, rest))
    none = Quotas(np.zeros_like(rest.least), rest.most, rest.cap)
    for bounds in (rest, none) if budget else ():
        try:
            return Count(room, bounds, budget)
        except ValueError:  # with caps, the minima together may be impossible though each alone is not
            continue
    return None
