"""Intervals of evidence: how often each holds what it should, and how often tables of equal methods say something.

Choices are drawn from vectors around centres of very unlike sizes, so that a probe, distances and counts of classes all
vary from draw to draw as they do on photos; the truth is the mean of many draws on many held-out sets. A method that is
no better than random is random itself; one that is better leans to the rare. Beside the laws in use stand the ones that
were not taken: a percentile bootstrap of seeds for counts, a joint percentile bootstrap for the farthest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasel_core.evidence.classes import Classes, classes_of, difference
from datasel_core.evidence.differences import UNKNOWN, Difference, paired, verdicts
from datasel_core.evidence.measures import pseudo_values
from tests.benchmarks._measure import size, table

_SEEDS, _HELD, _BUDGETS = 8, 120, (20, 60)


@dataclass(frozen=True)
class World:
    """vectors, of: of every sample there may be. classes: as a table counts them among the candidates."""

    vectors: np.ndarray
    of: np.ndarray
    classes: Classes

    @classmethod
    def drawn(cls, rng: np.random.Generator, k: int = 20, n: int = 600, d: int = 16) -> "World":
        """`n` candidates of Zipf's sizes; held-out samples are drawn from the same law, without end."""
        share = 1 / np.arange(1, k + 1)
        of = rng.choice(k, n, p=share / share.sum())
        centres = rng.standard_normal((k, d))
        vectors = _unit(centres[of] + 0.8 * rng.standard_normal((n, d)))
        return cls(vectors, of, classes_of(of.astype(str), np.arange(n))[0])

    def chosen(self, n: int, lean: float, rng: np.random.Generator) -> np.ndarray:
        """lean: 0 for random; above it, the rare are taken sooner."""
        weight = np.bincount(self.of)[self.of] ** -lean
        return np.argpartition(-(np.log(weight) + rng.gumbel(size=len(self.of))), n)[:n]


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def held_out(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Samples like the candidates: each near one of them, and of its class."""
    rows = rng.integers(len(world.of), size=_HELD)
    noise = 0.5 * rng.standard_normal((_HELD, world.vectors.shape[1]))
    return _unit(world.vectors[rows] + noise / np.sqrt(noise.shape[1])), world.of[rows]


def means(world: World, kept: np.ndarray, held: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Per held-out sample: right by its nearest kept, distance to it, what it adds to the farthest of ten."""
    likeness = held[0] @ world.vectors[kept].T
    distance = 1 - likeness.max(1)
    right = (world.of[kept][likeness.argmax(1)] == held[1]).astype(float)
    return {"nearest": right, "distance": distance, "farthest of ten": pseudo_values(distance), "farthest": distance}


def by_percentile(mine: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, of: Callable) -> Difference:
    """The joint bootstrap that was not taken. mine, theirs: (J, n)."""
    found = np.empty(200)
    for at in range(len(found)):
        seeds, held = rng.integers(len(mine), size=len(mine)), rng.integers(mine.shape[1], size=mine.shape[1])
        found[at] = (of(mine[seeds][:, held]) - of(theirs[seeds][:, held])).mean()
    low, high = np.quantile(found, [0.025, 0.975])
    return Difference(float((of(mine) - of(theirs)).mean()), float(low), float(high), 1.0, len(mine))


def cell(
    world: World, n: int, lean: float, held: tuple, rng: np.random.Generator, taken: bool = False
) -> dict[str, Difference]:
    """All measures of one cell, and the laws that were not taken, unless those that were are enough."""
    mine, theirs = ([world.chosen(n, one, rng) for _ in range(_SEEDS)] for one in (lean, 0.0))
    values = [[means(world, kept, held) for kept in rows] for rows in (mine, theirs)]
    both = {name: [np.stack([one[name] for one in side]) for side in values] for name in values[0][0]}
    found = {name: paired(both[name][0] - both[name][1]) for name in ("nearest", "distance", "farthest of ten")}
    met, random = ([world.classes.met(kept) for kept in rows] for rows in (mine, theirs))
    found["classes"] = difference(met, world.classes.random(n), True)
    if taken:
        return found
    found["farthest (joint percentiles)"] = by_percentile(*both["farthest"], rng, lambda one: one.max(1))
    counts = np.array(met)[:, None].astype(float), np.array(random)[:, None].astype(float)
    found["classes (percentiles)"] = by_percentile(*counts, rng, lambda one: one.mean(1))
    return found


def truths(world: World, n: int, lean: float, rng: np.random.Generator, times: int) -> dict[str, float]:
    """What every law is about, from many draws."""
    sums: dict[str, float] = {}
    for _ in range(times):
        held = held_out(world, rng)
        mine, theirs = (means(world, world.chosen(n, one, rng), held) for one in (lean, 0.0))
        gaps = {name: float(mine[name].mean() - theirs[name].mean()) for name in mine}
        gaps["farthest (joint percentiles)"] = float(mine["farthest"].max() - theirs["farthest"].max())
        gaps["classes"] = world.classes.met(world.chosen(n, lean, rng)) - world.classes.random(n)[0]
        for name, gap in {**gaps, "classes (percentiles)": gaps["classes"]}.items():
            sums[name] = sums.get(name, 0.0) + gap / times
    return sums


def equals(world: World, rng: np.random.Generator) -> list[Difference]:
    """A table in which nothing differs: two budgets, each twice, by four measures."""
    held = held_out(world, rng)
    return [one for n in (*_BUDGETS, *_BUDGETS) for one in cell(world, n, 0.0, held, rng, taken=True).values()]


def main() -> None:
    rng, rows = np.random.default_rng(0), []
    world, times = World.drawn(rng), size(300)
    for n in _BUDGETS:
        for lean in (0.0, 0.7):
            truth = truths(world, n, lean, rng, size(4000))
            truth |= {name: 0.0 for name in truth if lean == 0}
            found = [cell(world, n, lean, held_out(world, rng), rng) for _ in range(times)]
            for name in found[0]:
                met = np.mean([one[name].low <= truth[name] <= one[name].high for one in found])
                width = np.mean([one[name].high - one[name].low for one in found])
                row = {"measure": name, "budget": n, "lean": lean, "truth": round(truth[name], 4)}
                rows.append({**row, "met by 95 %": f"{met:.3f}", "width": float(width)})
    table(rows)
    for seed in (0, 1, 2, 3):
        rng, tables = np.random.default_rng(seed), size(1000)
        world = World.drawn(rng)
        false = sum(any(word != UNKNOWN for word in verdicts(equals(world, rng))) for _ in range(tables))
        print(f"random against random, world {seed}: something is said in {false} of {tables} tables of 16 cells")


if __name__ == "__main__":
    main()
