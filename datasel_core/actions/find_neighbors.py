"""Finding who could serve which target: what TSDS looks at, once, for any alpha and C."""

from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.methods.tsds import Tsds
from datasel_core.runs.neighbor_tables import make_tables, tables_folder
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import spared
from datasel_core.workspace.layout import Workspace


@task("serving", version=1, title="Find the neighbours of a target")
class FindNeighbors(Task):
    """Finds the nearest candidates of every example of a target, and how crowded it is around them."""

    part: ClassVar[str] = "serving"
    heavy: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("neighbors",)
    cost: ClassVar[str] = Tsds.cost

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    target: str = Field(description="Pool of examples of what we want to be good at.", json_schema_extra=ARGUMENT)
    method: str = Field(Tsds.id, description="The method that will ask.")
    params: dict[str, Any] = Field({}, description="Its parameters.", json_schema_extra=called("set"))
    use: dict[str, str] = Field({}, description="role=feature, where it is not the newest.")

    def prepare(self, workspace: Workspace) -> Work:
        asked = resolve(workspace, spared(workspace, Spec(**self.model_dump(), budget="1")))
        if not isinstance(asked.method, Tsds):
            raise BadRequest(f"{self.method} looks at no neighbours of a target; {Tsds.id} does.")
        return Work(tables_folder(asked), lambda progress: self._made(asked, progress))

    def headline(self) -> str:
        return f"Finding who could serve {self.target} in {self.pool}"

    def _made(self, asked: Question, progress: Progress) -> Outcome:
        folder = make_tables(asked, progress)
        return Outcome({"serving": folder.name}, lines=[f"Neighbours of {self.target} in {self.pool}: {folder}"])
