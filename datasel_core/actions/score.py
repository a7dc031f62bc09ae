"""Scoring a whole pool, so that a cut at any budget takes no time."""

from typing import Any, ClassVar

from datasel_core.actions.select import notes
from datasel_core.actions.task import Outcome, Task, Work, task, titled
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.runs.measures import caption_agreement
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.scores import check_scorer, kept_scores, scores_folder
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace


@task("score", version=1, title="Score a pool")
class Score(Task):
    """Scores every sample of a pool by a scorer and keeps the scores."""

    part: ClassVar[str] = "scores"
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "What the method costs."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    method: str = Field(description="The scorer; `methods` lists them.", json_schema_extra=ARGUMENT)
    params: dict[str, Any] = Field({}, description="Parameters of the method.", json_schema_extra=called("set"))
    seed: int = Field(0, ge=0, description="Start of the random numbers.")
    use: dict[str, str] = Field({}, description="role=feature, where it is not the newest.")
    target: str | None = Field(None, description="Pool of examples, for scorers that look towards one.")

    def prepare(self, workspace: Workspace) -> Work:
        asked = resolve(workspace, Spec(**self.model_dump(), budget="1"))
        check_scorer(asked)
        return Work(scores_folder(asked), lambda progress: self._scored(asked, progress), notes(asked))

    def headline(self) -> str:
        return f"Scoring {self.pool} by {titled('method', self.method)}"

    def _scored(self, asked: Question, progress: Progress) -> Outcome:
        found = kept_scores(asked, progress)
        pairs = caption_agreement(asked.roles, asked.method.roles())
        said = [] if pairs is None else [pairs.words, *filter(None, [pairs.warning])]
        line = f"{len(found.values)} samples of {self.pool} are scored by {self.method}: {found.folder}"
        measured = {} if pairs is None else {"caption_auc": round(pairs.auc, 4)}
        return Outcome({"scores": found.folder.name, **measured}, lines=[line], notes=said)
