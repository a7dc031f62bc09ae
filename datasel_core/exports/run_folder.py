"""A run in a folder of the person's choosing."""

import os

from datasel_core.base.progress import Progress
from datasel_core.exports import guard
from datasel_core.exports.content import Copy
from datasel_core.exports.record import HOLDS
from datasel_core.runs import manifest
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace


def check_out(workspace: Workspace, out: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises BadRequest when a run cannot be put there, whatever it will hold."""
    guard.check_folder(workspace, out, overwrite, HOLDS)


def copy_run(run: Run, out: str | os.PathLike, overwrite: bool = False) -> Run:
    """The selection in a folder of one's choosing; manifest last. Raises BadRequest before anything is written."""
    hashes = {**run.manifest["files"], "manifest.json": hash_file(run.folder / "manifest.json")}
    contents = {name: Copy(run.folder / name, sha256=sha256) for name, sha256 in hashes.items()}
    folder = guard.fill(_workspace_of(run), out, {}, Progress(), overwrite, contents)
    return Run(folder, manifest.read(folder))


def _workspace_of(run: Run) -> Workspace:
    """Where the run lies; of one that lies elsewhere, the workspace that is open."""
    home = Workspace(run.folder.parent.parent)
    return home if run.folder == home.run(run.folder.name) else Workspace.at()
