"""How long the phases of each kind of work took the last time: what time is left is told from it, and nothing else."""

import contextlib
import time
from collections.abc import Mapping

from datasel_core.base.phases import scaled
from datasel_core.errors import BadRequest, DataselError
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.layout import Workspace


def known(workspace: Workspace, kind: str, size: float) -> dict[str, float]:
    """Phase -> seconds that work of this kind and size is to take; empty while there is no such work to tell from."""
    try:
        said = read_json(workspace.pace(kind)) or {}
        seconds = {str(name): float(one) for name, one in said["seconds"].items()}
        return scaled({name: one for name, one in seconds.items() if 0 <= one < 1e7}, float(said["size"]), size)
    except (BadRequest, KeyError, TypeError, ValueError, AttributeError):  # none, or one that somebody has touched
        return {}


def remember(workspace: Workspace, kind: str, size: float, seconds: Mapping[str, float]) -> None:
    """Only a help: where it cannot be written, nothing is said."""
    rounded = {name: round(one, 3) for name, one in seconds.items()}
    with contextlib.suppress(DataselError):
        write_json(workspace.pace(kind), {"size": size, "seconds": rounded, "when": round(time.time())})
