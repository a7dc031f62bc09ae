"""The published two-stage recipe for image-caption pairs."""

from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.runs.measures import caption_facts
from datasel_core.runs.question import Question
from datasel_core.runs.recipe import both_stages, check_stages
from datasel_core.workspace.layout import Workspace


@task("recipe", version=1, title="Two stages: negCLIPLoss, then NormSim")
class Recipe(Task):
    """The best by negCLIPLoss, and of those the most like a target by NormSim-inf."""

    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "One scoring by negCLIPLoss, one by NormSim."

    pool: str = Field(description="The pool of pairs.", json_schema_extra=ARGUMENT)
    target: str = Field(description="Pool of examples.", json_schema_extra=ARGUMENT)
    first: str = Field("30%", description="What the first stage keeps, of the pool.")
    then: str = Field("20%", description="What the second stage keeps, also of the pool.")

    def prepare(self, workspace: Workspace) -> Work:
        stage = check_stages(workspace, self.pool, self.target, self.first, self.then)
        return Work(self.own_folder(workspace), lambda progress: self._kept(stage, progress))

    def headline(self) -> str:
        return f"Two stages on {self.pool} towards {self.target}"

    def _kept(self, stage: Question, progress: Progress) -> Outcome:
        run = both_stages(stage, self.target, self.then, progress)
        said = run.manifest["result"]
        lines = [f"{said['n']} samples kept. ids_sha256 {said['ids_sha256']}", str(run.folder)]
        notes = filter(None, [caption_facts(stage.roles, stage.method.roles()).get("note")])
        document = {"run": str(run.folder), "manifest": run.manifest}
        return Outcome({"run": run.key, "n": said["n"]}, document, lines, list(notes))
