"""The built-in demo pools."""

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_DEMOS = {
    "scenes": ("images", "scenes/scenes.parquet"),
    "scenes-captions": ("pairs", "scenes/scenes.parquet"),
    "questions": ("text", "questions/questions.jsonl"),
}
"""Pools of the demo, their kinds and sources: the first two are of the same pictures."""


def make_demo(workspace: Workspace, progress: Progress | None = None) -> list[Pool]:
    """The built-in demo pools, made by code at first use; the same every time."""
    from datasel_core.pools.demo.questions import make_questions
    from datasel_core.pools.demo.scenes import make_scenes

    progress = progress or Progress()
    for make, file in ((make_scenes, "scenes/scenes.parquet"), (make_questions, "questions/questions.jsonl")):
        folder, name = workspace.demo(file.partition("/")[0]), file.partition("/")[2]
        with Lock(folder).hold(progress.check):
            if not (folder / name).exists():
                make(folder, progress=progress)
    made = []
    for name, (kind, file) in _DEMOS.items():
        there = (workspace.pool(name) / "pool.json").exists()
        made.append(
            load_pool(workspace, name)
            if there
            else add_pool(workspace, name, str(workspace.path / "demo" / file), kind, progress=progress)
        )
    return made
