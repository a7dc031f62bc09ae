"""Opening a source as a pool."""

from collections.abc import Mapping

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.features.computation import compute_followers
from datasel_core.features.external import keep_imported
from datasel_core.pools.persistence import save_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock


def add_pool(
    workspace: Workspace,
    name: str,
    source: str,
    kind: str,
    options: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Pool:
    """Reads a source and keeps it as a pool; arrays it brought become features. The same source may be added again: it
    is read anew.

    Raises BadRequest, when another source has the name already, too; then nothing is written.
    """
    progress = progress or Progress()
    checked_name("pool", name)
    declared = find("pool kind", kind).parse(options or {})
    path = workspace.allowed(source)
    _check_free(workspace, name, str(path), kind)
    scan = declared.scan(path, workspace, progress)
    try:
        with Lock(workspace.pool(name)).hold(progress.check):
            _check_free(
                workspace, name, str(path), kind
            )  # reading may take long, and somebody else may have taken the name
            pool = save_pool(workspace, name, declared, path, scan)
    finally:
        scan.close()
    for role, array in scan.roles.items():
        compute_followers(
            workspace,
            pool,
            keep_imported(workspace, pool, role, array, np.arange(pool.n), [], path.name, progress),
            progress,
        )
    return pool


def _check_free(workspace: Workspace, name: str, source: str, kind: str) -> None:
    about = read_json(workspace.pool(name) / "pool.json")
    if about is not None and (about["source"], about["kind"]) != (source, kind):
        raise BadRequest(
            f"There is a pool called {name} already, from {about['source']}; choose another name, or remove that one "
            "first."
        )
