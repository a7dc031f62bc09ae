"""Opening 1,000,000 facts (question, answer, relation; 12 relations) beside a plain `json.loads` loop over the same
file; then the numbers that methods take of `fact` and `relation`.

The peak is of a whole process, its libraries included. Seconds of the processor say what it would take on a machine
that nobody else uses.
"""

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.features.roles import Roles
from datasel_core.pools.demo.phonebook import phonebook
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, size, stopwatch, table

KINDS = ("JSON lines without names of facts", "a phonebook, facts named")


def write_lines(path: Path, n: int) -> None:
    """n facts of entities that all differ; a tenth of the answers of a relation are met most often."""
    rng = np.random.default_rng(0)
    relations, answers = rng.integers(0, 12, n), (rng.pareto(1.2, n) * 50).astype(np.int64) % 100_000
    with open(path, "w", encoding="utf-8") as file:
        for at, (relation, answer) in enumerate(zip(relations.tolist(), answers.tolist(), strict=True)):
            row = {
                "id": f"P{relation}-{at:07d}",
                "relation": f"P{relation}",
                "question": f"What is the property number {relation} of the entity called Name {at:07d}?",
                "answer": f"Answer {answer}",
            }
            file.write(json.dumps(row) + "\n")


def loop(path: Path) -> dict[str, float]:
    with stopwatch() as taken:
        total = 0
        with open(path, encoding="utf-8") as file:
            for line in file:
                total += len(json.loads(line)["answer"])
    return {"s": taken[0]}


def adding(folder: Path, name: str) -> dict[str, float]:
    _home(folder)
    start = time.process_time()
    with stopwatch() as taken:
        add_pool(Workspace.at(), name, str(folder / f"{name}.jsonl"), "facts")
    return {"s": taken[0], "processor s": time.process_time() - start}


def numbering(folder: Path, name: str) -> dict[str, float]:
    _home(folder)
    workspace = Workspace.at()
    with stopwatch() as taken:
        roles = Roles.of(workspace, load_pool(workspace, name))
        roles.array("fact"), roles.array("relation")
    return {"s": taken[0]}


def _home(folder: Path) -> None:
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "workspace"), str(folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, n = Path(name), size(1_000_000)
        write_lines(folder / "lines.jsonl", n)
        phonebook(folder, n // 10, exponent=1.0, exposures=10, wordings=8)
        rows = []
        for said, file in zip(KINDS, ("lines", "phonebook"), strict=True):
            for what, found in (
                ("json.loads", apart(loop, folder / f"{file}.jsonl")),
                ("pool add", apart(adding, folder, file)),
                ("fact and relation as numbers", apart(numbering, folder, file)),
            ):
                seconds = {"s": found["result"]["s"], "processor s": found["result"].get("processor s", "")}
                rows.append({"rows": f"{n:,}", "of": said, "what": what, **seconds, "peak GB": found["peak_gb"]})
        table(rows)


if __name__ == "__main__":
    main()
