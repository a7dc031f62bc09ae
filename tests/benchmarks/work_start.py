"""From the click to the answer: choosing 50 of 929 in a worker that is started, and in one that is forked."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import parse_task
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import stopwatch, table
from tests.benchmarks.selection_speed import clouds

TRIES = 5


def answered(workspace: Workspace, seed: int) -> float:
    """Seconds until a worker has answered."""
    with stopwatch() as taken:
        job = worker.start(workspace, parse_task({"do": "select", **_asked(seed)}))
        while job.is_active:
            time.sleep(0.01)
    assert job.status()["state"] == "done", job.status()
    return taken[0]


def here(workspace: Workspace, seed: int) -> float:
    """Seconds in this process, which has imported everything."""
    with stopwatch() as taken:
        engine.select(workspace, Spec(**_asked(seed)))
    return taken[0]


def _asked(seed: int) -> dict:
    return {"pool": "p", "method": "k_center", "budget": "50", "seed": seed}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(Path(name) / "ws"), name
        np.save(Path(name) / "v.npy", clouds(929, 512, 40))
        workspace = Workspace.at()
        add_pool(workspace, "p", str(Path(name) / "v.npy"), "vectors")
        here(workspace, 0)
        base = float(np.median([here(workspace, 1 + at) for at in range(TRIES)]))
        cold = [answered(workspace, 100 + at) for at in range(TRIES)]
        worker.warm()
        answered(workspace, 200)  # which waits until it stands by
        warm = [answered(workspace, 201 + at) for at in range(TRIES)]
        worker.cool()
        rows = []
        for what, taken in (("a process is started", cold), ("one is forked", warm)):
            median = float(np.median(taken))
            rows.append(
                {"50 of 929": what, "s": median, "slowest": max(taken), "times the choice alone": median / base}
            )
        table([{"50 of 929": "in this process", "s": base, "slowest": "-", "times the choice alone": 1.0}, *rows])


if __name__ == "__main__":
    main()
