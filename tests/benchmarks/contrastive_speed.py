"""negCLIPLoss beside the plain formula in numpy, and NormSim beside the bare product; time and memory.

Embeddings are MADE UP (clouds with a gap between images and captions): they measure speed, not ranks;
`contrastive_ranks` looks at real ones.
`plain`: each batch's whole similarity matrix, one shift, exponentials in place, sums; one partition is timed and
multiplied, so that a small machine gets through. CPU seconds are those of all threads: on a machine that others use
too, they compare better than wall time. Anchors from elsewhere, two cores, 100,000 x 512, batches of 32,768, ten
partitions: released code 348 s and 17 GB; bare products of the ten partitions 103 s; a prototype 41 s.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.methods.neg_clip_loss import NegClipLoss
from datasel_core.methods.norm_sim import NormSim
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import apart, size, stopwatch, table
from tests.benchmarks.selection_speed import clouds

TAU = 0.01


@contextlib.contextmanager
def clocks(times: int = 1) -> Iterator[dict[str, float]]:
    """seconds of wall time and cpu seconds of all threads, each times `times`; what is only imported once is not
    counted.
    """
    import torch

    torch.zeros(2, 2) @ torch.zeros(2, 2)
    taken: dict[str, float] = {}
    start = time.process_time()
    with stopwatch() as wall:
        yield taken
    taken |= {"seconds": wall[0] * times, "cpu": (time.process_time() - start) * times}


def made_up_pairs(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 images and captions: clouds, noise of each side's own, and a gap between the sides."""
    image = clouds(n, d, 2000, seed)
    rng = np.random.default_rng(seed + 1)
    gap = 0.5 * rng.standard_normal(d, dtype=np.float32)
    text = np.empty_like(image)
    for start in range(0, n, 1 << 14):
        part = slice(start, start + (1 << 14))
        text[part] = image[part] + 1.5 * rng.standard_normal(image[part].shape, dtype=np.float32) - gap
        image[part] += rng.standard_normal(image[part].shape, dtype=np.float32) + gap
    return image, text


def ours(n: int, d: int, batch: int, times: int, precision: str = "float32") -> dict[str, Any]:
    image, text = made_up_pairs(n, d)
    method = NegClipLoss(temperature=TAU, batch_size=batch, n_batches=times, precision=precision)
    with clocks() as taken:
        method.score(Inputs({"image": image, "text": text}, np.random.default_rng(1)))
    return taken


def plain(n: int, d: int, batch: int, times: int) -> dict[str, Any]:
    """Seconds of `times` partitions, from one of them."""
    image, text = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in made_up_pairs(n, d))
    order = np.random.default_rng(1).permutation(n)
    scores = np.empty(n)
    with clocks(times) as taken:
        for start in range(0, n, batch):
            rows = np.concatenate([order[start : start + batch], order[: max(0, start + batch - n)]])
            logits = image[rows] @ text[rows].T
            own = logits.diagonal().astype(np.float64)
            logits -= 1
            logits /= TAU
            np.exp(logits, out=logits)
            sums = np.log(logits.sum(axis=1, dtype=np.float64)) + np.log(logits.sum(axis=0, dtype=np.float64))
            scores[rows] = own - 1 - TAU / 2 * sums
            del logits  # two of them would be 9 GB
    return taken


def bare_products(n: int, d: int, batch: int, times: int) -> dict[str, Any]:
    """Seconds of the similarities alone, in the tiles that ours takes, for `times` partitions from one of them."""
    import torch

    image, text = (torch.from_numpy(side) for side in made_up_pairs(n, d))
    out, parts = torch.empty(2048, 2048), -(-n // batch)
    per_part = (min(batch, n) // 2048) ** 2
    with clocks(times) as taken, torch.inference_mode():
        for at in range(parts * per_part):
            row, column = at % (n // 2048) * 2048, at // 7 % (n // 2048) * 2048
            torch.mm(image[row : row + 2048], text[column : column + 2048].T, out=out)
    return taken


def large(n: int, d: int, batch: int, folder: str) -> dict[str, Any]:
    """n pairs, memory-mapped float16, one partition."""
    for name, seed in (("image", 0), ("text", 1)):
        kept = np.lib.format.open_memmap(Path(folder) / f"{name}.npy", mode="w+", dtype=np.float16, shape=(n, d))
        rng, shared = np.random.default_rng(seed), np.random.default_rng(9)
        for start in range(0, n, 1 << 14):
            part = kept[start : start + (1 << 14)]
            part[:] = shared.standard_normal(part.shape, dtype=np.float32) + 1.5 * rng.standard_normal(
                part.shape, dtype=np.float32
            )
        kept.flush()
        del kept
    pool = {name: np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ("image", "text")}
    with clocks() as taken:
        NegClipLoss(temperature=TAU, batch_size=batch, n_batches=1).score(Inputs(pool, np.random.default_rng(1)))
    return taken


def norm_sim(n: int, m: int, d: int, p: str) -> dict[str, Any]:
    pool, target = clouds(n, d, 2000), clouds(m, d, 300, seed=5)
    with clocks() as taken:
        NormSim(p=p).score(Inputs({"image": pool}, np.random.default_rng(1), target={"image": target}))
    return taken


def bare_product(n: int, m: int, d: int) -> dict[str, Any]:
    """One numpy product per 2,048 rows, each thrown away."""
    pool, target = clouds(n, d, 2000), clouds(m, d, 300, seed=5)
    out = np.empty((2048, m), np.float32)
    with clocks() as taken:
        for start in range(0, n, 2048):
            some = pool[start : start + 2048]
            np.matmul(some, target.T, out=out[: len(some)])
    return taken


def main() -> None:
    n, d, batch, times = size(100_000), 512, size(32_768), 10
    print(f"load before: {os.getloadavg()[0]:.1f}")
    full, half = apart(ours, n, d, batch, times), apart(ours, n, d, batch, times, "bfloat16")
    formula, products = apart(plain, n, d, batch, times), apart(bare_products, n, d, batch, times)
    first = full["result"]
    what = f"{n:,} pairs x {d}, batches of {batch:,}, {times} partitions"
    rows = [_row(f"{what}: datasel, float32", full, first), _row(f"{what}: datasel, bfloat16", half, first)]
    rows += [
        _row(f"{what}: plain numpy formula (one partition x {times})", formula, first),
        _row(f"{what}: bare products of the batches", products, first),
    ]
    table(rows)
    print(f"load: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        one = apart(large, size(1_000_000), d, batch, folder)
    table([_row(f"{size(1_000_000):,} pairs x {d}, float16 on disk, one partition of {batch:,}", one, one["result"])])
    print(f"load: {os.getloadavg()[0]:.1f}")
    n, m = size(200_000), size(50_000)
    bare, largest, squares = (
        apart(bare_product, n, m, d),
        apart(norm_sim, n, m, d, "inf"),
        apart(norm_sim, n, m, d, "2"),
    )
    what, base = f"{n:,} x {d}, {m:,} targets", bare["result"]
    rows = [
        _row(f"{what}: {name}", found, base)
        for name, found in (("bare product", bare), ("NormSim inf", largest), ("NormSim 2", squares))
    ]
    table(rows)
    print(f"load: {os.getloadavg()[0]:.1f}")


def _row(what: str, found: dict[str, Any], base: dict[str, float]) -> dict[str, Any]:
    seconds, cpu = found["result"]["seconds"], found["result"]["cpu"]
    return {
        "what": what,
        "s": seconds,
        "ratio": f"{seconds / base['seconds']:.2f} x",
        "CPU s": cpu,
        "CPU ratio": f"{cpu / base['cpu']:.2f} x",
        "peak GB (inputs in)": found["peak_gb"],
    }


if __name__ == "__main__":
    main()
