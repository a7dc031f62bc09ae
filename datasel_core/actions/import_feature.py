"""Vectors computed elsewhere become a feature."""

from datasel_core.base.progress import Progress
from datasel_core.features import external
from datasel_core.features.computation import compute_followers
from datasel_core.features.external import Imported
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


def import_feature(
    workspace: Workspace, pool: Pool, role: str, file: str, progress: Progress | None = None
) -> Imported:
    """Vectors computed elsewhere, and what follows from them at once. Raises BadInput when nothing matches."""
    progress = progress or Progress()
    found = external.import_feature(workspace, pool, role, file, progress)
    compute_followers(workspace, pool, found.kept, progress)
    return found
