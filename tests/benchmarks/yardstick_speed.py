"""A yardstick: 20 random draws of every size up to half of 100,000 x 384, on 2,000 held-out samples of 20,000.

As the task makes it: read from the pool, kept in chunks. Beside one search per size and draw: one is timed, of the
largest size, and multiplied. Vectors are MADE UP, in clusters. On a machine that others use too, wall time is longer
than it need be: processor seconds and the load are printed.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.nearness import compiled
from datasel_core.evidence.yardstick import DRAWS, yardsticks
from datasel_core.pools import holdout
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import size, stopwatch, table
from tests.conftest import clustered


def main() -> None:
    n, held = size(100_000), size(20_000)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "v.npy", clustered(np.random.default_rng(0), n + held, 384, 300))
        os.environ["DATASEL_DATA_ROOTS"] = folder
        workspace = Workspace.at(Path(folder) / "workspace")
        pool = add_pool(workspace, "v", str(Path(folder) / "v.npy"), "vectors")
        drawing.draw(workspace, pool, str(held))
        (mine,) = yardsticks(workspace, pool, holdout.of(pool))
        few = np.zeros((1, 1), np.float32)
        compiled()(few, np.zeros((1, 1), np.int16), few[None].copy())  # before it is timed
        before = time.process_time()
        with stopwatch() as ours:
            found = mine.make()
        spent = time.process_time() - before
        with stopwatch() as theirs:
            last = mine.measure.each(mine.order(0))
    searched = theirs[0] * DRAWS * mine.sizes.sum() / mine.sizes[-1]
    print(f"{len(mine.rows):,} candidates, {found.shape[2]:,} held out; load {os.getloadavg()[0]:.1f}")
    table(
        [
            {"": "yardstick", "seconds": ours[0], "processor seconds": spent},
            {"": f"{len(mine.sizes)} x {DRAWS} searches", "seconds": searched, "processor seconds": "one timed"},
        ]
    )
    print(f"largest difference from a search: {np.abs(found[-1, 0] - last).max():.1e}")


if __name__ == "__main__":
    main()
