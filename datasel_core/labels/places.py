"""Of what labels are: a selection, by its folder, key, name or an export of it; or a whole pool."""

from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadRequest
from datasel_core.labels.taking import Scope
from datasel_core.pools import holdout
from datasel_core.pools.changed import pool_now
from datasel_core.pools.holdout import GOLD
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import name_of
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Place:
    """scope: which samples labels may be about. run: the key of the selection, None of a pool. rows: of the pool as it
    is now, of what was chosen; all of a pool. called: in words.
    """

    pool: Pool
    scope: Scope
    run: str | None
    ids_sha256: str | None
    rows: np.ndarray
    called: str


def find(workspace: Workspace, said: str) -> Place:
    """A selection comes before a pool of the same name. Raises BadRequest."""
    folder = None if not said.strip() else find_folder(workspace, said)
    if folder is None or not (folder / "manifest.json").is_file():
        if said in pool_names(workspace):
            pool = load_pool(workspace, said)
            return Place(pool, Scope(), None, None, np.arange(pool.n), f"the pool {pool.name}")
        raise BadRequest(
            f"There is no selection and no pool {said!r}; say a selection by its folder, key or name, or a pool."
        )
    about = manifest.intact(folder, "labelled")
    found = pool_now(workspace, about["pool"])
    if found is None:
        raise BadRequest(f"The pool {about['pool']['name']} of this selection is not in this workspace; add it first.")
    pool, table = found[0], manifest.kept_table(folder)
    contents = dict(zip(table["id"].to_pylist(), table["content"].to_pylist(), strict=True))
    ids = set(pool.ids.tolist())
    gold = holdout.read(pool, GOLD)
    called = f"the selection {name_of(folder, about)}"
    scope = Scope(contents, frozenset(gold.ids) if gold else frozenset(), called)
    rows = pool.rows([id for id in contents if id in ids])
    return Place(pool, scope, folder.name, about["result"]["ids_sha256"], rows, called)
