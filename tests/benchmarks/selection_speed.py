"""FreeSel, k-center and MATES beside the plain loop (one product per image picked), in one run.

Anchors from elsewhere, on a machine of two cores: released FreeSel code 169-183 s, the plain numpy loop 56-60 s, a
prototype 4.1 s (`farthest`) and 5.9 s (`prob`); k-center at 100,000 x 64: a prototype 0.16 s, the plain loop 0.8 s, a
well-known compiled peer 1.8 s.
"""

from typing import Any

import numpy as np

from datasel_core.base.ragged import Ragged
from datasel_core.methods.freesel import FreeSel
from datasel_core.methods.k_center import KCenter
from datasel_core.methods.mates import Mates
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import apart, size, stopwatch, table


def clouds(n: int, d: int, k: int, seed: int = 0) -> np.ndarray:
    """(n, d) float32 around k centres of uneven size, written block by block."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((k, d)).astype(np.float32)
    share = rng.pareto(1.0, k) + 0.05
    made = np.empty((n, d), np.float32)
    for start in range(0, n, 1 << 16):
        some = min(1 << 16, n - start)
        made[start : start + some] = centres[rng.choice(k, some, p=share / share.sum())] + 0.6 * rng.standard_normal(
            (some, d), dtype=np.float32
        )
    return made


def pictures(n: int, k: int, d: int) -> Ragged:
    return Ragged(clouds(n * k, d, 2000), np.arange(n + 1) * k)


def freesel(n: int, k: int, d: int, budget: int, sampler: str) -> dict[str, Any]:
    patterns = pictures(n, k, d)
    with stopwatch() as taken:
        found = FreeSel(sampler=sampler).select(Inputs({"patterns": patterns}, np.random.default_rng(1)), budget)
    return {"seconds": taken[0], "rows": found.rows}


def plain_freesel(n: int, k: int, d: int, budget: int, sampler: str, dtype: str = "float32") -> dict[str, Any]:
    """The law as written down, one matrix product per image picked."""
    patterns, rng = pictures(n, k, d), np.random.default_rng(1)
    owners = patterns.owners()
    with stopwatch() as taken:
        unit = patterns.values.astype(dtype)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        gap = np.full(len(unit), np.inf, dtype)
        rows = [int(rng.integers(n))]
        while True:
            gap = np.minimum(gap, (1 - unit @ unit[owners == rows[-1]].T).min(axis=1))
            gap[owners == rows[-1]] = 0
            if len(rows) == budget:
                break
            if sampler == "farthest":
                rows.append(int(owners[np.argmax(gap)]))
            else:
                edges = np.cumsum(gap.astype(np.float64) ** 2)
                rows.append(int(owners[np.searchsorted(edges, rng.random() * edges[-1], side="right")]))
    return {"seconds": taken[0], "rows": np.array(rows)}


def k_center(n: int, d: int, budget: int) -> dict[str, Any]:
    vectors = clouds(n, d, 500)
    with stopwatch() as taken:
        found = KCenter(metric="euclidean").select(Inputs({"embedding": vectors}, np.random.default_rng(1)), budget)
    return {"seconds": taken[0], "rows": found.rows}


def plain_k_center(n: int, d: int, budget: int) -> dict[str, Any]:
    vectors, rng = clouds(n, d, 500), np.random.default_rng(1)
    with stopwatch() as taken:
        squares = np.einsum("ij,ij->i", vectors, vectors)
        gap, rows = np.full(n, np.inf, np.float32), [int(rng.integers(n))]
        while len(rows) < budget:
            np.minimum(gap, squares + squares[rows[-1]] - 2 * (vectors @ vectors[rows[-1]]), out=gap)
            rows.append(int(gap.argmax()))
    return {"seconds": taken[0], "rows": np.array(rows)}


def _influence(n: int, d: int) -> tuple[dict[str, np.ndarray], np.random.Generator]:
    rng = np.random.default_rng(1)
    return {"influence": rng.standard_normal(n), "embedding": clouds(n, d, 200)}, rng


def mates(n: int, d: int, budget: int) -> dict[str, Any]:
    pool, rng = _influence(n, d)
    with stopwatch() as taken:
        found = Mates(diverse=1.0).select(Inputs(pool, rng), budget)
    return {"seconds": taken[0], "rows": found.rows}


def plain_mates(n: int, d: int, budget: int) -> dict[str, Any]:
    """Every cosine to every pick, in float32."""
    pool, rng = _influence(n, d)
    with stopwatch() as taken:
        unit = pool["embedding"] / np.linalg.norm(pool["embedding"], axis=1, keepdims=True)
        keys, near, rows = rng.gumbel(size=n) - pool["influence"], np.zeros(n), []
        for _ in range(budget):
            rows.append(int(np.argmax(keys - near)))
            keys[rows[-1]] = -np.inf
            near = np.maximum(near if len(rows) > 1 else -np.inf, unit @ unit[rows[-1]])
    return {"seconds": taken[0], "rows": np.array(rows)}


def main() -> None:
    n, budget = size(16_551), size(3_000)
    rows = []
    for sampler in ("farthest", "prob"):
        ours, plain = apart(freesel, n, 5, 384, budget, sampler), apart(plain_freesel, n, 5, 384, budget, sampler)
        picks = "another draw"
        if sampler == "farthest":
            precise = apart(plain_freesel, n, 5, 384, budget, sampler, "float64")["result"]["rows"]
            picks = "as the float64 loop" if np.array_equal(ours["result"]["rows"], precise) else "DIFFERENT"
            same = int((plain["result"]["rows"] == precise).cumprod().sum())
            picks += "" if same == budget else f" (the float32 loop leaves it at pick {same + 1:,})"
        rows.append(_row(f"FreeSel {sampler}, {n:,} images x 5 x 384, budget {budget:,}", ours, plain, picks))
    n = size(100_000)
    ours, plain = apart(k_center, n, 64, 1000), apart(plain_k_center, n, 64, 1000)
    same = (
        "identical"
        if np.array_equal(ours["result"]["rows"], plain["result"]["rows"])
        else "not those of the float32 loop"
    )
    rows.append(_row(f"k-center, {n:,} x 64, budget 1,000", ours, plain, same))
    n, budget = size(100_000), size(2_000)
    ours, plain = apart(mates, n, 384, budget), apart(plain_mates, n, 384, budget)
    same = int((ours["result"]["rows"] == plain["result"]["rows"]).cumprod().sum())
    picks = "identical" if same == budget else f"the float32 loop leaves it at pick {same + 1:,}"
    rows.append(_row(f"MATES with a penalty for likeness, {n:,} x 384, budget {budget:,}", ours, plain, picks))
    n = size(1_000_000)
    rows.append(_row(f"k-center, {n:,} x 64, budget 1,000", apart(k_center, n, 64, 1000), None, ""))
    for sampler in ("farthest", "prob"):
        rows.append(
            _row(
                f"FreeSel {sampler}, {n:,} images x 5 x 64, budget 1,000",
                apart(freesel, n, 5, 64, 1000, sampler),
                None,
                "",
            )
        )
    table(rows)


def _row(what: str, ours: dict[str, Any], plain: dict[str, Any] | None, picks: str) -> dict[str, Any]:
    mine = ours["result"]["seconds"]
    theirs = plain["result"]["seconds"] if plain else None
    return {
        "what": what,
        "datasel s": mine,
        "plain loop s": theirs or "-",
        "ratio": f"{theirs / mine:.1f} x" if theirs else "-",
        "picks": picks,
        "peak GB (inputs in)": ours["peak_gb"],
    }


if __name__ == "__main__":
    main()
