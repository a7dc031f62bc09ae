"""Importing 1,000,000 JSON lines of prompts and responses beside a plain `json.loads` loop over the same file; then
opening, reading, filtering them.

The peak is of a whole process, its libraries included.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.ahead import Ahead
from datasel_core.pools.readers.texts import scan
from datasel_core.runs.candidates import matching
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, size, stopwatch, table


def write_lines(path: Path, n: int) -> None:
    """n samples of about 500 characters, all different."""
    rng = np.random.default_rng(0)
    words = np.array(
        [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("a", "e", "io", "u") for c in ("l", "n", "rt", "s", "")]
    )
    with open(path, "w", encoding="utf-8") as file:
        for start in range(0, n, 10_000):
            picked = words[rng.integers(len(words), size=(min(10_000, n - start), 110))]
            for at, said in enumerate(picked, start):
                row = {
                    "id": f"s{at:07d}",
                    "source": f"part-{at % 12}",
                    "prompt": " ".join(said[:30]),
                    "response": " ".join(said[30:]),
                    "level": at % 7,
                }
                file.write(json.dumps(row) + "\n")


def loop(path: Path) -> dict[str, float]:
    with stopwatch() as taken:
        total = 0
        with open(path, encoding="utf-8") as file:
            for line in file:
                total += len(json.loads(line)["response"])
    return {"s": taken[0]}


def importing(folder: Path) -> dict[str, float]:
    _home(folder)
    with stopwatch() as taken:
        add_pool(Workspace.at(), "lines", str(folder / "lines.jsonl"), "text")
    return {"s": taken[0]}


def row_by_row(folder: Path) -> dict[str, float]:
    scan.table_of = lambda *_: None
    return importing(folder)


def after_reading(folder: Path) -> dict[str, float]:
    Ahead.takes = lambda *_: False
    return importing(folder)


def opening(folder: Path) -> dict[str, Any]:
    _home(folder)
    found = {}
    for name in ("open it", "open it again in the same process"):
        with stopwatch() as taken:
            pool = load_pool(Workspace.at(), "lines")
        found[name] = taken[0]
    rng, some = np.random.default_rng(1), min(2_000, pool.n)
    for name, rows in (
        (f"{some:,} samples in order", np.arange(some)),
        (f"{some:,} samples at random", rng.integers(pool.n, size=some)),
    ):
        with stopwatch() as taken:
            for row in rows:
                pool.turns(int(row))
        found[name] = taken[0]
    with stopwatch() as taken:
        pool.take(rng.permutation(pool.n)[: pool.n // 10])
    found["a tenth of all rows as a table"] = taken[0]
    return found


def filtering(folder: Path) -> dict[str, float]:
    _home(folder)
    pool = load_pool(Workspace.at(), "lines")
    found = {}
    for where in ("level > 3", "length(response) > 400"):
        with stopwatch() as taken:
            matching(pool, where)
        found[f"--where '{where}'"] = taken[0]
    return found


def _home(folder: Path) -> None:
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "workspace"), str(folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, n = Path(name), size(1_000_000)
        write_lines(folder / "lines.jsonl", n)
        ways = {
            f"json.loads over {n:,} lines": apart(loop, folder / "lines.jsonl"),
            "pool add, parts row by row": apart(row_by_row, folder),
            "pool add, written after reading": apart(after_reading, folder),
            f"pool add of {n:,} lines": apart(importing, folder),
        }
        least = next(iter(ways.values()))["result"]["s"]
        table([{**_row(what, found, n), "x json.loads": found["result"]["s"] / least} for what, found in ways.items()])
        megabytes = {
            name: path.stat().st_size / 1e6
            for name, path in (("JSONL", folder / "lines.jsonl"), ("pool", _parquet(folder)))
        }
        for work in (opening, filtering):
            found = apart(work, folder)
            table(
                [
                    {"what": what, "s": seconds, "peak GB of all": found["peak_gb"]}
                    for what, seconds in found["result"].items()
                ]
            )
        table([{f"{name} MB": round(value) for name, value in megabytes.items()}])


def _parquet(folder: Path) -> Path:
    return folder / "workspace" / "pools" / "lines" / "pool.parquet"


def _row(what: str, found: dict[str, Any], n: int) -> dict[str, Any]:
    seconds = found["result"]["s"]
    return {"what": what, "s": seconds, "rows a second": round(n / seconds), "peak GB": found["peak_gb"]}


if __name__ == "__main__":
    main()
