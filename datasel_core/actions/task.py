"""What a task is: a kind of work that takes longer than a blink, declared once.

Its fields are the request: as it stands in job.json, as the options of its command, as what a page hands over. One
resolution of the request gives the folder of the answer and the work itself, so that nothing is looked up twice.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.base.declare import Declared
from datasel_core.base.phases import Phase, Plan
from datasel_core.base.progress import Progress, listening
from datasel_core.base.registry import declares, every, find
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.workspace import pace
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.queue import turn

task = declares("task")


@dataclass(frozen=True)
class Outcome:
    """result: a small JSON value for whoever watches. document: what `--json` prints; the result where nothing else is
    said. lines: the answer for a person; notes: what else is to be known, such as what was left out. code: exit code of
    the command; 1 where the answer is one that a script must not pass over.
    """

    result: Mapping[str, Any]
    document: Any = None
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()
    code: int = 0


@dataclass(frozen=True)
class Work:
    """A request that was found to be right. folder: where its answer lies, or its status, where it has none. notes:
    what a person may want to know before it begins.
    """

    folder: Path
    run: Callable[[Progress], Outcome]
    notes: Sequence[str] = ()
    asked: Callable[[], None] = lambda: None
    """Called when somebody asks for it, also while it is at work already."""
    phases: Sequence[Phase] = ()
    """What it does one after the other, where that is more than one loop; it says `progress.enter` at each."""
    size: float = 0
    """How much there is to do, in any unit: twice as much takes twice as long. 0 where nobody knows."""
    kind: str = ""
    """What takes as long where there is as much to do, such as a method; beside the id of the task."""


class Task(Declared):
    """Subclasses declare the request as fields, and implement `prepare` and `headline`."""

    part: ClassVar[str] = "tasks"
    """The part of the workspace where its folders lie."""
    heavy: ClassVar[bool] = False
    """Whether it takes its turn: of the heavy work of one workspace, one goes on at a time."""
    goes_on: ClassVar[bool] = False
    """Whether a second start goes on where the first was stopped."""
    words: ClassVar[tuple[str, ...]] = ()
    """The words of its command; its id where none are given."""
    cost: ClassVar[str] = ""

    def prepare(self, workspace: Workspace) -> Work:
        """Resolves the request. Raises BadRequest when it is wrong; then nothing is written."""
        raise TypeError(f"{type(self).__name__} must implement prepare.")

    def headline(self) -> str:
        """What it does, for a person who sees it at work: `Choosing 50 of photos by FreeSel`."""
        return type(self).title

    def spec(self) -> dict[str, Any]:
        """As it stands in job.json."""
        return {"do": self.id, **self.model_dump(mode="json")}

    def own_folder(self, workspace: Workspace) -> Path:
        """For work whose answer has no folder of its own."""
        return workspace.task(key_of(self.spec()))


def parse_task(spec: Mapping[str, Any]) -> Task:
    """The task that a spec asks for. Raises BadRequest for an unknown kind of work or wrong fields."""
    known, id = every("task"), str(spec.get("do"))
    if id not in known:
        raise BadRequest(f"There is no work called {id}; there are: {', '.join(known)}.")
    return known[id](**{name: value for name, value in spec.items() if name != "do"})


def parts() -> list[str]:
    """The parts of the workspace whose folders may be jobs."""
    return list(dict.fromkeys(one.part for one in every("task").values()))


def perform(workspace: Workspace, asked: Task, progress: Progress, work: Work | None = None) -> Outcome:
    """Does it here, when its turn comes. work: what `prepare` gave, where that was asked already."""
    if work is None:
        with listening(progress):
            work = asked.prepare(workspace)
    if not asked.heavy:
        return _timed(workspace, asked, work, progress)
    with turn(workspace, asked.headline(), lambda before: progress.wait(f"waiting for: {before}")):
        return _timed(workspace, asked, work, progress)


def _timed(workspace: Workspace, asked: Task, work: Work, progress: Progress) -> Outcome:
    """Does it; how long its phases took is known the next time."""
    if not work.phases:
        return work.run(progress)
    kind = "-".join(filter(None, [asked.id, work.kind]))
    plan = Plan(work.phases, pace.known(workspace, kind, work.size))
    outcome = work.run(dataclasses.replace(progress, plan=plan))
    plan.over()
    if plan.is_typical:
        pace.remember(workspace, kind, work.size, plan.seconds)
    return outcome


def titled(kind: str, id: str) -> str:
    """What a declared thing is called for people; its id where there is none."""
    try:
        return find(kind, id).title
    except UnknownName:
        return id
