"""A run in stages, from its beginning or from where it was stopped or killed, and runs that are there."""

from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.stages.asked import Asked
from datasel_core.stages.asking import check_leaks
from datasel_core.stages.course import Course
from datasel_core.stages.document import document
from datasel_core.stages.trainings import Trainings
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_DOCUMENT = "document.json"


def run(asked: Asked, progress: Progress) -> dict[str, Any]:
    """Its document, which is written after every stage as it is by then. Raises BadRequest, Failed,
    Stopped.
    """
    with Lock(asked.folder).hold(progress.check):
        notes = check_leaks(asked, progress)
        trainings = Trainings(asked, progress)
        for seed in range(asked.seeds):
            Course(asked, trainings, seed, lambda: _kept(asked, notes)).run(progress)
        return _kept(asked, notes)


def documents(workspace: Workspace, pool: str) -> list[dict[str, Any]]:
    """Of every run in stages of a pool what is known by now, with its `key`; the newest last. One that is damaged is
    left out.
    """
    found = []
    for folder in workspace.folders("stages"):
        path = folder / _DOCUMENT
        try:
            said = read_json(path)
        except BadInput:
            continue
        if isinstance(said, dict) and said.get("pool") == pool:
            found.append((path.stat().st_mtime_ns, {**said, "key": folder.name}))
    return [said for _, said in sorted(found, key=lambda one: one[0])]


def _kept(asked: Asked, notes: list[str]) -> dict[str, Any]:
    said = document(asked, notes)
    write_json(asked.folder / _DOCUMENT, said)
    return said
