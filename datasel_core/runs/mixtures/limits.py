"""Whether a recipe is possible, and what must be kept of each group and bin; if not, one line with what would be."""

from collections.abc import Sequence

import numpy as np

from datasel_core.errors import BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs.mixtures.ledgers import cheapest, dearest, sizes_of
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.runs.mixtures.room import Quotas, Room, fill, largest
from datasel_core.runs.mixtures.shares import deal_within
from datasel_core.runs.mixtures.things import Things, codes


def quotas_of(things: Things, recipe: Recipe, budget: int, weights: Sequence[float] | None = None) -> Quotas:
    """What must be kept. budget: in what the recipe counts. weights: of the groups. Raises BadRequest, in one line with
    the budget that would be possible, where the recipe is not.
    """
    least, cap = _bounds(things, recipe)
    there = np.bincount(things.groups.of, minlength=len(least))
    for at in np.flatnonzero(there < least):
        raise BadRequest(_too_small(things, recipe, int(at), there))
    if recipe.is_purse:
        return _of_purse(things, recipe, budget, least, cap)
    room, _ = Room.of(things.groups.of, things.bins.of)
    quotas = Quotas(least, there, cap)
    if least.sum() and fill(room, quotas, int(least.sum())) is None:
        best = next(n for n in range(recipe.at_least.n - 1, -1, -1) if _is_possible(room, quotas, n))
        raise BadRequest(
            f"At most {recipe.at_most.words()} leaves no way to keep at least {recipe.at_least.words()}; at least "
            f"{best} is possible."
        )
    _check_budget(recipe, budget, int(least.sum()), largest(room, quotas), len(things.groups.names))
    if weights is not None:
        most = _most(room, cap, there, things, recipe)
        dealt = np.array(deal_within(budget, weights, least.tolist(), most.tolist()))
        return Quotas(dealt, dealt, cap)
    return quotas


def _is_possible(room: Room, quotas: Quotas, at_least: int) -> bool:
    least = np.minimum(quotas.least, at_least)
    return fill(room, Quotas(least, quotas.most, quotas.cap), int(least.sum())) is not None


def _bounds(things: Things, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """At least so many of each group, at most so many of each bin, of those that are still to be chosen."""
    asked = recipe.at_least.n if recipe.at_least else 0
    cap = recipe.at_most.n if recipe.at_most else len(things.size)
    return np.maximum(0, asked - things.groups.before), np.maximum(0, cap - things.bins.before)


def _too_small(things: Things, recipe: Recipe, at: int, there: np.ndarray) -> str:
    per, n, name = recipe.at_least.per, recipe.at_least.n, things.groups.names[at]
    best = int((there + things.groups.before).min())
    what = "units" if recipe.unit else "samples"
    return (
        f"The {per} {name} has {there[at]:,} {what} that can be chosen, fewer than the {n:,} asked for; at least "
        f"{best:,} per {per} is what every {per} can give."
    )


def _check_budget(recipe: Recipe, budget: int, lowest: int, highest: int, n_groups: int) -> None:
    what = "samples" if recipe.is_purse or not recipe.unit else "units"
    if budget < lowest:
        raise BadRequest(
            f"The budget is {budget:,}; at least {recipe.at_least.words()} of {n_groups:,} needs {lowest:,} {what}: "
            f"ask for at least {lowest:,}."
        )
    if budget > highest:
        left = f"at most {recipe.at_most.words()} leaves" if recipe.at_most else "there are"
        raise BadRequest(f"The budget is {budget:,}; {left} {highest:,} {what}: ask for at most {highest:,}.")


def _most(room: Room, cap: np.ndarray, there: np.ndarray, things: Things, recipe: Recipe) -> np.ndarray:
    """(g,) int: what each group can give. Raises BadRequest where a bin lies in two groups: then none alone can say."""
    if recipe.at_most is None:
        return there
    bins, counts = np.unique(room.bin, return_counts=True)
    if (counts > 1).any():
        name = things.bins.names[int(bins[np.argmax(counts > 1)])]
        raise BadRequest(
            f"{recipe.at_most.per} {name} lies in more than one {recipe.weights.per}; with weights, what a cap is per "
            "must lie in one."
        )
    return np.bincount(room.group, np.minimum(room.there, cap[room.bin]), len(there)).astype(int)


def _of_purse(things: Things, recipe: Recipe, budget: int, least: np.ndarray, cap: np.ndarray) -> Quotas:
    sizes = sizes_of(things.groups.of, things.size, len(least))
    if (short := np.flatnonzero(cap < least)).size:
        name = things.groups.names[int(short[0])]
        raise BadRequest(f"At most {recipe.at_most.words()} leaves no way to keep what {name} must have.")
    smallest, lowest = min(one[0] for one in sizes), cheapest(sizes, least.tolist())
    if budget < smallest:
        raise BadRequest(
            f"The smallest {recipe.unit} has {smallest:,} samples, more than the budget of {budget:,}; ask for at "
            f"least {max(smallest, lowest):,}."
        )
    _check_budget(recipe, budget, lowest, dearest(sizes, cap.tolist()), len(sizes))
    return Quotas(least, cap, cap)


def weights_of(pool: Pool, recipe: Recipe, things: Things) -> list[float] | None:
    """Of each group, in their order. Raises BadRequest where one has none, several, or none is above 0."""
    asked = recipe.weights
    if asked is None:
        return None
    if asked.given is not None:
        if lacking := [name for name in things.groups.names if name not in asked.given]:
            raise BadRequest(f"The {asked.per} {lacking[0]} has no weight; give one to each, also 0.")
        found = [asked.given[name] for name in things.groups.names]
    else:
        found = _weights_by(pool, asked.by, asked.per, things)
    if any(not one >= 0 for one in found) or not any(found) or any(one == float("inf") for one in found):
        raise BadRequest("Weights must be numbers from 0 up, and one at least above 0.")
    return found


def _weights_by(pool: Pool, column: str, per: str, things: Things) -> list[float]:
    group = things.groups.of[things.thing]
    names, which = codes(pool, column, things.rows)
    pairs = np.unique(np.stack([group, which]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(things.groups.names))
    for at in np.flatnonzero(counts > 1):
        raise BadRequest(
            f"The {per} {things.groups.names[at]} has {counts[at]:,} values in {column}; a weight is one number for "
            f"a whole {per}."
        )
    try:
        return [float(names[at]) for at in pairs[1]]
    except ValueError:
        raise BadRequest(f"The column {column} holds text; weights must be numbers.") from None
