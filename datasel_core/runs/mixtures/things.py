"""What a recipe can take from a pool: samples or whole units, the group and the bin of each, and their quotas."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datasel_core.errors import BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs.mixtures.mixing import Ranked
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.runs.mixtures.room import Room

ALL = "all"
"""What the one group or bin is called where no column is named."""


@dataclass(frozen=True)
class Side:
    """Groups, or bins. names: in the order of their numbers. of: (t,) int, the number of each thing. before: (g,) int,
    things of each that were chosen earlier, where they count.
    """

    names: Sequence[str]
    of: np.ndarray
    before: np.ndarray


@dataclass(frozen=True)
class Things:
    """rows: (m,) of the pool, those that can be chosen. thing: (m,) int, to which each belongs. size: (t,) int, what
    each thing costs: its samples, or 1 where units are counted. units: (t,) their names; None where every sample is one
    of its own.
    """

    rows: np.ndarray
    thing: np.ndarray
    size: np.ndarray
    groups: Side
    bins: Side
    units: np.ndarray | None

    def ranked(self, rows: np.ndarray) -> tuple[Ranked, np.ndarray]:
        """Rows of the pool, best first, as things; and which of the rows brings each: the first of its unit."""
        things = self.thing[np.searchsorted(self.rows, rows)]
        first = np.sort(np.unique(things, return_index=True)[1])
        return self.of(things[first]), first

    def of(self, things: np.ndarray) -> Ranked:
        return Ranked(things, self.cell[things], self.size[things])

    @functools.cached_property
    def cell(self) -> np.ndarray:
        """(t,) int, the cell of each thing, as `Room.of` numbers them."""
        return Room.of(self.groups.of, self.bins.of)[1]


def gather(pool: Pool, recipe: Recipe, rows: np.ndarray, earlier: np.ndarray) -> Things:
    """rows: those that can be chosen, ascending. earlier: rows that were chosen before, asked only where they count.

    Raises BadRequest where a column is unknown, has gaps, or a unit lies in two groups.
    """
    units = None
    thing, size = np.arange(len(rows)), np.ones(len(rows), np.int64)
    if recipe.unit is not None:
        units, thing = codes(pool, recipe.unit, rows)
        size = np.bincount(thing) if recipe.is_purse else np.ones(len(units), np.int64)
    per = recipe.at_least.per if recipe.at_least else recipe.weights.per if recipe.weights else None
    most = recipe.at_most.per if recipe.at_most else None
    before = earlier if recipe.together else earlier[:0]
    if recipe.is_purse:
        per = most = per or most  # minima and caps are on one column
    sides = [_side(pool, recipe, column, rows, thing, before) for column in (per, most)]
    return Things(rows, thing, size, *sides, units)


def codes(pool: Pool, column: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of a column as text, and which of them each row has."""
    name = pool.group_column if column == "group" and column not in pool.columns and pool.group_column else column
    if name not in pool.columns:
        pool.column(name)  # says which is near
    values = pool.take(rows, [name])[name]
    if pa.types.is_nested(values.type):
        raise BadRequest(f"The column {column} holds lists; quotas need one value for each sample.")
    if values.null_count:
        raise BadRequest(
            f"The column {column} has no value for {values.null_count:,} of {len(rows):,} samples that can be chosen; "
            f'leave them out with --where "{column} is not null".'
        )
    names, codes = np.unique(values.cast(pa.string()).to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    return names, codes


def _side(
    pool: Pool, recipe: Recipe, column: str | None, rows: np.ndarray, thing: np.ndarray, before: np.ndarray
) -> Side:
    n = int(thing.max(initial=-1)) + 1
    if column is None:
        return Side([ALL], np.zeros(n, np.int64), np.zeros(1, np.int64))
    both = np.concatenate([rows, before])
    names, which = codes(pool, column, both)
    mine, theirs = which[: len(rows)], which[len(rows) :]
    there = np.unique(mine)  # what has only earlier ones can give nothing more
    of = np.zeros(n, np.int64)
    of[thing] = np.searchsorted(there, mine)
    if len(split := np.flatnonzero(of[thing] != np.searchsorted(there, mine))):
        unit = str(codes(pool, recipe.unit, rows[split[:1]])[0][0]) if recipe.unit else ""
        raise BadRequest(
            f"{recipe.unit} {unit} lies in more than one {column}; a unit that is bought whole must lie in one."
        )
    return Side(names[there].tolist(), of, _before(pool, recipe, before, theirs, len(names))[there])


def _before(pool: Pool, recipe: Recipe, before: np.ndarray, which: np.ndarray, n: int) -> np.ndarray:
    """How many things of each value were chosen earlier."""
    if recipe.unit is not None and len(before):
        units = codes(pool, recipe.unit, before)[1]
        which = np.unique(np.stack([units, which]), axis=1)[1]
    return np.bincount(which, minlength=n)
