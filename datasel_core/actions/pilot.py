"""A pilot: some items are timed, and the plan is made again with what they say."""

import os
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.actions import plan as planning
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, HIDDEN, Field
from datasel_core.base.progress import Progress
from datasel_core.costs import document, kept, pilot
from datasel_core.costs.campaign import LEVEL, Campaign
from datasel_core.costs.cells import text_of
from datasel_core.costs.kept import Kept
from datasel_core.costs.plan import Plan, plan
from datasel_core.costs.timings import Timed
from datasel_core.exports.guard import check_file, new_file
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@task("pilot", version=1, title="Draw a pilot")
class DrawPilot(Task):
    """Draws random items, none of them held out, and writes a sheet for the times of labelling them."""

    words: ClassVar[tuple[str, ...]] = ("pilot", "draw")
    cost: ClassVar[str] = "Seconds."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    n: int = Field(pilot.USUAL, description=f"How many: {pilot.LEAST} to {pilot.MOST}.")
    seed: int = Field(0, ge=0, description="Start of the random numbers: the same seed draws the same items.")
    out: str | None = Field(None, description="The sheet, a CSV; POOL-pilot.csv by default.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")
    sheet: bool = Field(True, description="Whether the sheet is written.", json_schema_extra=HIDDEN)

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        pilot.check(pool, self.n)
        if self.sheet:
            check_file(workspace, self._out(), self.overwrite)
        return Work(self.own_folder(workspace), lambda progress: self._drawn(workspace, pool, progress))

    def headline(self) -> str:
        return f"Drawing a pilot of {self.pool}"

    def _out(self) -> str:
        return self.out or f"{self.pool}-pilot.csv"

    def _drawn(self, workspace: Workspace, pool: Pool, progress: Progress) -> Outcome:
        run = pilot.draw(workspace, pool, self.n, self.seed, progress)
        if not self.sheet:
            return Outcome({"run": run.key, "name": run.name, "n": self.n})
        with new_file(workspace, self._out(), self.overwrite) as (path, temporary):
            temporary.write_text(pilot.sheet(run), encoding="utf-8", newline="")
        lines = [
            f"{self.n} random samples of {pool.name}, kept as {run.name}. Sheet: {path}",
            f"Fill in the seconds of each, and the objects if you count them, then: "
            f"python -m datasel_core pilot import {pool.name} {os.path.basename(path)}",
        ]
        return Outcome({"run": run.key, "name": run.name, "n": self.n, "ids": run.ids, "sheet": str(path)}, lines=lines)


@task("pilot_import", version=1, title="Read the times of a pilot")
class ImportPilot(Task):
    """Reads the times of a pilot (a CSV of id, person, seconds, objects), and makes the newest plan again with them."""

    words: ClassVar[tuple[str, ...]] = ("pilot", "import")
    cost: ClassVar[str] = "A moment."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    file: str = Field(description="The CSV.", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        path = workspace.allowed(self.file)
        said = kept.damaged(workspace, "plan")
        return Work(self.own_folder(workspace), lambda _: self._read(workspace, pool, path), said)

    def headline(self) -> str:
        return f"Reading the times of a pilot of {self.pool}"

    def _read(self, workspace: Workspace, pool: Pool, path: Path) -> Outcome:
        timed, before, now = taken(workspace, pool, path.name, text_of(path))
        return _outcome(pool, timed, before, now)


def taken(
    workspace: Workspace, pool: Pool, file: str, text: str
) -> tuple[Timed, Kept | None, tuple[Kept, Plan] | None]:
    """Keeps the times in a CSV, and the newest plan made again with them beside the old one, where there is a plan.

    Raises BadRequest in one line; then nothing is written.
    """
    before = kept.newest(workspace, "plan", pool)
    _, timed = pilot.take(workspace, pool, file, text)
    if before is None:
        return timed, None, None
    return timed, before, planning.again(workspace, pool, {"seconds": timed.seconds, "objects": timed.objects}, before)


def _outcome(pool: Pool, timed: Timed, before: Kept | None, now: tuple[Kept, Plan] | None) -> Outcome:
    said: dict[str, Any] = {"pilot": timed.plain(), "before": None, "now": None}
    lines = [in_words(timed)]
    if before is None or now is None:
        lines.append(f"No plan of {pool.name} was kept yet; plan with these times: --rate pilot")
        return Outcome(said, lines=lines, notes=list(timed.notes))
    old = plan(Campaign.of(before.said["campaign"]))
    what = planning.unit(now[1].campaign, pool)
    lines += [f"before: {document.sentence(old, what)}", f"now: {document.sentence(now[1], what)}"]
    said |= {"before": before.said["plan"], "now": {"plan": now[0].key, **now[0].said["plan"]}}
    return Outcome(said, lines=lines, notes=[*timed.notes, *document.notes(now[1])])


def in_words(timed: Timed) -> str:
    """`30 items timed: 46 s each on average (38 to 57), 3.1 objects in each`."""
    low, high = timed.seconds.between(LEVEL)
    objects = "" if timed.objects is None else f", {timed.objects.mid:.3g} objects in each"
    return f"{timed.n:,} items timed: {timed.seconds.mid:.3g} s each on average ({low:.3g} to {high:.3g}){objects}."
