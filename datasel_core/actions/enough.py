"""How many samples are enough: by coverage without labels, by a probe with some, and of a class."""

from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.phases import Phase
from datasel_core.base.progress import Progress
from datasel_core.costs.enough import words
from datasel_core.costs.enough.answer import COVERAGE, LEARNING, measured
from datasel_core.costs.enough.asking import PROBE, Asked, ask, part
from datasel_core.costs.enough.classes import CHANCE, smallest
from datasel_core.costs.enough.extrapolation import needed
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace


@task("enough", version=1, title="Ask how many are enough")
class Enough(Task):
    """How few samples of a method cover what a random share of the pool would; how accurate a probe would be with more
    labels, by extrapolation; and how many must be drawn for enough of the rarest class.
    """

    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    cost: ClassVar[str] = "Seconds for coverage; with labels about 65 small trainings, seconds to a minute or two."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    method: list[str] = Field([], description="A method that was run; may be given more than once; by default all.")
    labels: str | None = Field(
        None, description="Column of labels, empty where nobody labelled; by default that of the groups."
    )
    probe: str = Field(PROBE, description="What learns from the labels: linear or nearest.")
    wish: str | None = Field(None, description="A share of held-out samples to be named rightly, such as 0.9 or 90%.")
    share: str = Field("80%", description="Of full labelling, drawn at random: what is to be covered as well.")
    at_least: int = Field(5, ge=1, description="So many of a class are wanted.")
    named: str | None = Field(None, description="The class; by default the rarest.")
    chance: float = Field(CHANCE, gt=0, lt=1, description="How sure that is to be.")

    def prepare(self, workspace: Workspace) -> Work:
        share = part(self.share, "--share")
        wish = None if self.wish is None else part(self.wish, "--wish")
        pool = load_pool(workspace, self.pool)
        asked = ask(workspace, pool, self.method, self.labels, self.probe, share)
        phases = [
            *([Phase(COVERAGE, 1)] if asked.choices else []),
            *([Phase(LEARNING, 4)] if asked.column else []),
        ]
        return Work(
            asked.folder,
            lambda progress: self._answered(asked, share, wish, progress),
            phases=phases if len(phases) > 1 else (),
            size=pool.n,
        )

    def headline(self) -> str:
        return f"Looking how many of {self.pool} are enough"

    def _answered(self, asked: Asked, share: float, wish: float | None, progress: Progress) -> Outcome:
        said = measured(asked, progress)
        lines, answers = [], {"share": share, "wish": wish}
        for add in (self._coverage, self._learning, self._classes):
            add(said, share, wish, lines, answers)
        return Outcome({"folder": str(asked.folder)}, {**said, "asked": answers}, lines, said["notes"])

    def _coverage(self, said: Any, share: float, wish: float | None, lines: list[str], answers: dict[str, Any]) -> None:
        if (found := said["coverage"]) is not None:
            lines += [words.of_method(one, share, found["of"]) for one in found["methods"]]

    def _learning(self, said: Any, share: float, wish: float | None, lines: list[str], answers: dict[str, Any]) -> None:
        if (found := said["learning"]) is None:
            return
        lines += [words.learned(found), words.further(found, found["of"])]
        if wish is not None:
            lines.append(words.wished(found, wish))
            low, mid, high = needed(found["n"], found["low"], found["mid"], found["high"], wish)
            answers["labels"] = {"low": low, "mid": mid, "high": high}

    def _classes(self, said: Any, share: float, wish: float | None, lines: list[str], answers: dict[str, Any]) -> None:
        if (found := said["classes"]) is None:
            return
        of = words.class_of(found, self.named)
        lines.append(words.of_class(of, self.at_least, self.chance))
        lines += [words.in_selection(one, of.name) for one in found["selections"]]
        drawn = smallest(of, self.at_least, self.chance)
        answers["class"] = {"name": of.name, "at_least": self.at_least, "chance": self.chance, "drawn": drawn}
