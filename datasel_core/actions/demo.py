"""The built-in demo pools."""

from typing import ClassVar

from datasel_core.actions.add_pool import about_pool, add_pool
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, UnknownName
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock


@task("demo", version=1, title="Make the demo")
class Demo(Task):
    """Makes the built-in demo pools: about a minute, no network."""

    cost: ClassVar[str] = "About a minute."

    def prepare(self, workspace: Workspace) -> Work:
        return Work(self.own_folder(workspace), lambda progress: self._made(workspace, progress))

    def headline(self) -> str:
        return "Making the demo"

    def _made(self, workspace: Workspace, progress: Progress) -> Outcome:
        made = make_demo(workspace, progress)
        return Outcome(
            {"pool": made[0].name},
            [about_pool(workspace, one) for one in made],
            [f"{one.name}: {one.n} samples. Look at it: streamlit run app.py" for one in made],
        )


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
        try:
            made.append(load_pool(workspace, name))
        except (UnknownName, BadInput):  # not there, or damaged
            made.append(add_pool(workspace, name, str(workspace.path / "demo" / file), kind, progress=progress))
    return made
