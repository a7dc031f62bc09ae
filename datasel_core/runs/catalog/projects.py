"""Which projects of rounds a selection belongs to: none of their selections may be deleted."""

import contextlib
from pathlib import Path

from datasel_core.errors import BadInput
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace


def using(workspace: Workspace, folder: Path) -> list[str]:
    """`round 2 of labels`, for each round that kept the run in this folder. A damaged record still holds its run."""
    found = []
    for project in workspace.folders("projects"):
        for path in sorted(project.glob("round-*.json")):
            if folder.name in _run(path):
                found.append(f"round {path.stem.removeprefix('round-')} of {project.name}")
    return found


def _run(path: Path) -> str:
    """The key that a record names; all its text, where it is no record any more."""
    with contextlib.suppress(BadInput, TypeError, KeyError):
        return str(read_json(path)["run"])
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
