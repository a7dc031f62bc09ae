"""A whole table of evidence on real photos: 5 methods, 4 budgets, 8 seeds, a linear probe; under 3 minutes on 2 cores.

Seconds of wall time say little where other work goes on; those of the processor do.
"""

import resource
import tempfile
from pathlib import Path
from typing import Any

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.evidence import Evidence
from datasel_core.base.progress import Progress
from datasel_core.evidence import holdout
from datasel_core.features.external import import_feature
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, small, table
from tests.conftest import real_data

METHODS = "k_center,k_center:metric=euclidean,facility_location,facility_location:n_neighbors=20,deduplicate"


def work(folder: str, data: str, seeds: int) -> dict[str, Any]:
    """Peak memory is that of its process."""
    workspace = Workspace(Path(folder))
    pool = add_pool(workspace, "photos", str(Path(data) / "photos"), "images")
    import_feature(workspace, pool, "embedding", Path(data) / "features" / "photos_mobilenetv2.npz")
    holdout.draw(workspace, pool, "20%")
    asked = Evidence(pool="photos", methods=METHODS, budgets="30,60,120,250", seeds=seeds)
    before = resource.getrusage(resource.RUSAGE_SELF)
    document = asked.prepare(workspace).run(Progress()).document
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cells": len(document["cells"]) + len(document["others"]), "processor": spent}


def main() -> None:
    data = real_data()
    if data is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    with tempfile.TemporaryDirectory() as folder:
        found = apart(work, folder, str(data), 2 if small() else 8)
    cells, spent = found["result"]["cells"], found["result"]["processor"]
    table([{"cells": cells, "processor seconds": spent, "seconds": found["seconds"], "peak GB": found["peak_gb"]}])


if __name__ == "__main__":
    main()
