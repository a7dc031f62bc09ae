"""TSDS as written down: plain loops, a heap, and the linear program that its plans are to solve; slow and obviously
right.
"""

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass
class Loop:
    level: float
    last: list[int]
    mass: np.ndarray
    places: np.ndarray
    probability: np.ndarray


def pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances in float64, of vectors as they are in float32."""
    a, b = (np.asarray(one, np.float32).astype(np.float64) for one in (a, b))
    return np.sqrt(np.stack([((one - b) ** 2).sum(axis=1) for one in a]))


def crowding(vectors: np.ndarray, sigma: float, kde_k: int) -> np.ndarray:
    """rho of each vector among all of these."""
    if sigma == 0:
        return np.ones(len(vectors))
    found = []
    for mine in pairs(vectors, vectors):
        found.append(sum(max(0.0, 1 - gap**2 / sigma**2) for gap in sorted(mine)[:kde_k]))
    return np.array(found)


def sweep(distances: np.ndarray, rho: np.ndarray, alpha: float, c: float) -> tuple[float, list[int], np.ndarray]:
    """level, last, mass. distances: (m, k), nearest first. rho: (m, k) of each target's neighbours."""
    m, k = distances.shape
    if k == 1:
        return 1.0, [-1] * m, np.full((m, 1), 1 / m)
    last, cost, total, level = [-1] * m, np.zeros(m), 0.0, 0.0
    weighed = [distances[i, 0] / rho[i, 0] for i in range(m)]
    heap = [(1 / rho[i, 0], 0, i) for i in range(m)]
    heapq.heapify(heap)
    while heap:
        spent, at, i = heapq.heappop(heap)
        level = spent
        total -= cost[i]
        cost[i] = distances[i, at + 1] * spent - weighed[i]
        total += cost[i]
        if alpha / c * total >= (1 - alpha) * m * (1 - 1e-12):
            break
        last[i] = at
        if at < k - 2:
            heapq.heappush(heap, (spent + 1 / rho[i, at + 1], at + 1, i))
            weighed[i] += distances[i, at + 1] / rho[i, at + 1]
    mass = np.zeros((m, k))
    for i in range(m):
        given = 0.0
        for at in range(last[i] + 1):
            mass[i, at] = 1 / m / level / rho[i, at]
            given += mass[i, at]
        mass[i, last[i] + 1] += max(1 / m - given, 0)
    return level, last, mass


def tsds(pool: np.ndarray, target: np.ndarray, alpha: float, c: float, sigma: float, max_k: int, kde_k: int) -> Loop:
    n = len(pool)
    k, kde_k = min(n, max(2, min(max_k, n // 10))), max(1, min(kde_k, n // 10))
    gaps = pairs(target, pool)
    places = np.argsort(gaps, axis=1, kind="stable")[:, :k]
    retrieved = np.unique(places)
    rho = np.full(n, np.nan)
    rho[retrieved] = crowding(pool[retrieved], sigma, kde_k)
    level, last, mass = sweep(np.take_along_axis(gaps, places, axis=1), rho[places], alpha, c)
    probability = np.zeros(n)
    for i in range(len(target)):
        for at in range(k):
            probability[places[i, at]] += mass[i, at]
    return Loop(level, last, mass, places, probability)


def objective(plan: np.ndarray, distances: np.ndarray, rho: np.ndarray, alpha: float, c: float) -> float:
    """plan, distances: (m, n). G_inf is G_KDE with rho 1."""
    m = len(plan)
    even = 1 / rho / (m * (1 / rho).sum())
    return float(alpha / c * (plan * distances).sum() + (1 - alpha) * m * (rho * np.abs(plan - even)).max())


def optimum(distances: np.ndarray, rho: np.ndarray, alpha: float, c: float) -> float:
    """The least objective of any plan whose rows sum to 1 / m, by linear programming: g and one more variable, t >= rho
    |g - even|.
    """
    from scipy.optimize import linprog

    m, n = distances.shape
    even = np.tile(1 / rho / (m * (1 / rho).sum()), m)
    weight = np.tile(rho, m)
    above = np.hstack([np.diag(weight), -np.ones((m * n, 1))])
    below = np.hstack([-np.diag(weight), -np.ones((m * n, 1))])
    sums = np.hstack([np.kron(np.eye(m), np.ones(n)), np.zeros((m, 1))])
    found = linprog(
        np.concatenate([alpha / c * distances.ravel(), [(1 - alpha) * m]]),
        A_ub=np.vstack([above, below]),
        b_ub=np.concatenate([weight * even, -weight * even]),
        A_eq=sums,
        b_eq=np.full(m, 1 / m),
        bounds=(0, None),
    )
    assert found.status == 0
    return float(found.fun)


def means(
    pool: np.ndarray, target: np.ndarray, kept: list[int], already: list[int]
) -> tuple[float, float, float, float]:
    """Of the kept, of any, of the nearest, and of the nearest of each target in turn: mean distances to the nearest
    target.
    """
    gaps, b = pairs(target, pool), len(kept)
    away = [min(gaps[i][j] for i in range(len(target))) for j in range(len(pool))]
    free = [j for j in range(len(pool)) if j not in already]
    lists = [sorted(range(len(pool)), key=lambda j, i=i: (gaps[i][j], j)) for i in range(len(target))]
    taken, total, at = set(already), 0.0, 0
    while len(taken) - len(already) < b:
        new = {mine[at] for mine in lists} - taken
        room = b - (len(taken) - len(already))
        mean = sum(away[j] for j in new) / max(1, len(new))
        total += mean * min(room, len(new))
        taken |= new
        at += 1
    return (
        sum(away[j] for j in kept) / b,
        sum(away[j] for j in free) / len(free),
        sum(sorted(away[j] for j in free)[:b]) / b,
        total / b,
    )


def line(pool: np.ndarray) -> float:
    """What 99 of 100 candidates have another one within, near-duplicates left out."""
    gaps = pairs(pool, pool)
    usual = np.median([gaps[i][j] ** 2 for i in range(len(pool)) for j in range(i)])
    nearest = [
        min(gaps[i][j] for j in range(len(pool)) if j != i and gaps[i][j] ** 2 >= 0.01 * usual)
        for i in range(len(pool))
    ]
    return float(np.percentile(np.square(nearest), 99) ** 0.5)
