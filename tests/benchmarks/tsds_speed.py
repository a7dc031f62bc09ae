"""TSDS: neighbours, crowding, plan; beside a Python heap for the plan, and plain numpy for neighbours and crowding, in
one run.

Vectors are MADE UP, of length 1: clouds around uneven centres with a falling spectrum, as embeddings have, and an even
sphere, where nothing can be ruled out early. The heap is the published loop, on the same distances and rho. `plain` is
timed on some targets and rows and multiplied. On a machine that others use too, times are longer than they need be; the
load is printed.
"""

import heapq
import os
from typing import Any

import numpy as np

from datasel_core.methods.algorithms.transport import Neighbours, make_plan
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds, find_neighbours, planned
from datasel_core.vectors import neighbors
from tests.benchmarks._measure import apart, size, stopwatch, table

SIGMA = 0.75


def made_up(n: int, m: int, d: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) candidates and (m, d) targets, float32."""
    rng = np.random.default_rng(0)
    spread = np.ones(d, np.float32) if kind == "sphere" else (1 / np.arange(1, d + 1) ** 0.5).astype(np.float32)
    centres = rng.standard_normal((500, d), dtype=np.float32) * spread * (kind != "sphere")
    share = rng.pareto(2.0, 500) + 0.2
    made = np.empty((n + m, d), np.float32)
    for start in range(0, n + m, 1 << 14):
        part = made[start : start + (1 << 14)]
        part[:] = centres[rng.choice(500, len(part), p=share / share.sum())] + 0.7 * spread * rng.standard_normal(
            part.shape, dtype=np.float32
        )
        part /= np.sqrt(np.einsum("ij,ij->i", part, part))[:, None]
    return made[:n], made[n:]


def whole(n: int, m: int, d: int, kind: str) -> dict[str, Any]:
    """The method from arrays to a selection, in its steps."""
    pool, target = made_up(n, m, d, kind)
    with stopwatch() as search:
        found = find_neighbours(pool, target, 5000, 1000, [SIGMA])
    with stopwatch() as crowd:
        found, plan = planned(found, pool, 0.5, 5.0, SIGMA)
    with stopwatch() as again:
        make_plan(found, 0.4, 5.0, SIGMA)
    drawn = Tsds()._drawn(plan.probability, min(1000, plan.support), np.random.default_rng(0))[0]
    some = np.random.default_rng(1).choice(m, 3, replace=False)
    exact = [
        np.sort(np.argpartition(np.square(pool - target[one]).sum(axis=1), found.max_k - 1)[: found.max_k])
        for one in some
    ]
    right = np.mean(
        [np.isin(found.rows[found.places[one]], true).mean() for one, true in zip(some, exact, strict=True)]
    )
    return {
        "search": search[0],
        "crowd": crowd[0],
        "again": again[0],
        "picked": len(drawn),
        "retrieved": len(found.rows),
        "measured": int(np.isfinite(found.crowding).sum()),
        "level": plan.level,
        "right": float(right),
    }


def plain(n: int, m: int, d: int, kind: str, retrieved: int, measured: int) -> dict[str, Any]:
    """Bare products with a sort per row: neighbours of some targets, crowding of some candidates, each times how many
    there are.
    """
    pool, target = made_up(n, m, d, kind)
    norms = np.einsum("ij,ij->i", pool, pool)
    with stopwatch() as search:
        for query in target[:8]:
            np.argsort(norms - 2 * (pool @ query))[:5000]
    among = pool[:retrieved]
    with stopwatch() as crowd:
        gaps = norms[:256, None] + norms[:retrieved] - 2 * (pool[:256] @ among.T)
        np.maximum(0, 1 - np.partition(gaps, min(999, retrieved - 1), axis=1)[:, :1000] / SIGMA**2).sum(axis=1)
    return {"search": search[0] * m / 8, "crowd": crowd[0] * measured / 256}


def heap(distances: np.ndarray, rho: np.ndarray, alpha: float, c: float) -> float:
    """The published sweep; the level."""
    m, k = distances.shape
    cost, total, level = np.zeros(m), 0.0, 0.0
    weighed = [distances[i][0] / rho[i][0] for i in range(m)]
    waiting = [(1.0 / rho[i][0], 0, i) for i in range(m)]
    heapq.heapify(waiting)
    while waiting:
        level, at, i = heapq.heappop(waiting)
        total -= cost[i]
        cost[i] = distances[i][at + 1] * level - weighed[i]
        total += cost[i]
        if alpha / c * total >= (1 - alpha) * m:
            break
        if at < k - 2:
            heapq.heappush(waiting, (level + 1.0 / rho[i][at + 1], at + 1, i))
            weighed[i] += distances[i][at + 1] / rho[i][at + 1]
    return level


def sweeps(n: int, m: int, k: int) -> dict[str, Any]:
    """The plan alone, from tables: wide enough to pass most breakpoints."""
    rng = np.random.default_rng(0)
    distances = np.sort(rng.random((m, k)) + 0.5, axis=1)
    places = np.argsort(rng.random((m, n)), axis=1)[:, :k].astype(np.int32)
    rho = 1 + 20 * rng.random(n)
    tables = Neighbours(n, np.arange(n), places, distances, np.array([SIGMA]), rho[:, None], 1000)
    with stopwatch() as ours:
        plan = make_plan(tables, 0.002, 5.0, SIGMA)
    with stopwatch() as theirs:
        level = heap(distances, rho[places], 0.002, 5.0)
    return {
        "ours": ours[0],
        "heap": theirs[0],
        "same": bool(np.isclose(plan.level, level, rtol=1e-9)),
        "passed": int((plan.last + 1).sum()),
    }


def approximate(n: int, m: int, d: int) -> dict[str, Any]:
    pool, target = made_up(n, m, d, "clouds")
    with stopwatch() as taken:
        recall = neighbors.search_roughly(target, pool, min(5000, n // 10))[2]
    return {"seconds": taken[0], "recall": recall}


def selected(n: int, m: int, d: int) -> dict[str, Any]:
    pool, target = made_up(n, m, d, "clouds")
    with stopwatch() as taken:
        found = Tsds().select(Inputs({"embedding": pool}, np.random.default_rng(0), target={"embedding": target}), 1000)
    return {"seconds": taken[0], "facts": dict(found.facts)}


def main() -> None:
    print(f"load before: {os.getloadavg()[0]:.1f}")
    rows = []
    for kind, n, m, d in (
        ("clouds", size(200_000), 500, 384),
        ("sphere", size(200_000), 500, 384),
        ("clouds", size(1_000_000), 200, 128),
    ):
        found = apart(whole, n, m, d, kind)
        mine = found["result"]
        base = apart(plain, n, m, d, kind, mine["retrieved"], mine["measured"])["result"]
        rows.append(
            {
                "what": f"{kind}, {n:,} x {d}, {m} targets",
                "neighbours s": mine["search"],
                "plain s": base["search"],
                "crowding + plan s": mine["crowd"],
                "plain s ": base["crowd"],
                "ratio": f"{(base['search'] + base['crowd']) / (mine['search'] + mine['crowd']):.1f} x",
                "plan again s": mine["again"],
                "retrieved": mine["retrieved"],
                "measured": mine["measured"],
                "level": mine["level"],
                "right": mine["right"],
                "peak GB (inputs in)": found["peak_gb"],
            }
        )
        print(f"load: {os.getloadavg()[0]:.1f}", flush=True)
    table(rows)
    one = sweeps(size(200_000), size(500), 5000 if size(10) == 10 else 500)
    print(
        f"plan from tables, {one['passed']:,} breakpoints passed: {one['ours']:.3f} s, heap {one['heap']:.2f} s, "
        f"{one['heap'] / one['ours']:.0f} x, "
        f"{'same level' if one['same'] else 'ANOTHER LEVEL'}"
    )
    rough = approximate(size(200_000), 500, 384)
    print(f"approximate neighbours: {rough['seconds']:.1f} s, its check included; recall {rough['recall']:.3f}")


if __name__ == "__main__":
    main()
