"""Measuring what random choices of a pool are worth, once: every selection then says how many of them it is worth."""

from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.evidence import yardstick
from datasel_core.evidence.yardstick import Yardstick, yardsticks
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace


@task("yardstick", version=1, title="Measure random choices")
class MakeYardstick(Task):
    """Measures random choices of many sizes on the held-out set of a pool; every selection can then say how many
    random samples it is worth.
    """

    part: ClassVar[str] = "yardsticks"
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "By distance seconds, even for 100,000 samples; by a linear probe up to a minute."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        aside = holdout.of(pool)
        found = yardstick.check(yardsticks(workspace, pool, aside), pool, aside)
        return Work(found[0].folder, lambda progress: made(found, progress))

    def headline(self) -> str:
        return f"Measuring random choices of {self.pool}"


def made(found: list[Yardstick], progress: Progress) -> Outcome:
    """Makes those that are not there yet. Raises BadRequest, Stopped."""
    for one in found:
        one.make(progress)
    about = [one.about() for one in found]
    lines = [
        f"Random choices of {one.pool.name}, {one.sizes[0]:,} to {one.sizes[-1]:,} of {len(one.rows):,} samples, "
        f"{yardstick.DRAWS} of each of {len(one.sizes)} sizes: {one.measure.title}, measured on "
        f"{_of(len(one.measure.held.rows), one.measure.held.of)} held out."
        for one in found
    ]
    folders = [str(one.folder) for one in found]
    return Outcome({"yardstick": found[0].folder.name}, {"yardsticks": about, "folders": folders}, lines)


def _of(n: int, all: int) -> str:
    return f"{n:,}" if n == all else f"{n:,} of {all:,}, drawn once,"
