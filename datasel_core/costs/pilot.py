"""The sample that is timed before a campaign: drawn at random, kept as a selection, handed out as a sheet."""

import csv
import io

from datasel_core.base.progress import Progress
from datasel_core.costs import kept, timings
from datasel_core.costs.timings import Timed
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.pools import holdout
from datasel_core.pools.pool import Pool
from datasel_core.runs import engine
from datasel_core.runs.catalog import names
from datasel_core.runs.catalog.label import read_label
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace

LEAST, MOST, USUAL = 30, 100, 30
METHOD = "random"


def check(pool: Pool, n: int) -> None:
    """Raises BadParameter for a pilot that nobody could plan by."""
    free = holdout.n_candidates(pool)
    if not min(LEAST, free) <= n <= MOST:
        raise BadParameter(f"A pilot of {n} will not do; it has {LEAST} to {MOST} items.")
    if free < timings.FEWEST:
        raise BadParameter(f"{pool.name} has {free} samples to choose from; a pilot takes at least {timings.FEWEST}.")
    if n > free:
        raise BadParameter(f"A pilot of {n} will not do; only {free} samples of {pool.name} can be chosen.")


def spec(pool: Pool, n: int, seed: int) -> Spec:
    return Spec(pool=pool.name, method=METHOD, budget=str(n), seed=seed)


def draw(workspace: Workspace, pool: Pool, n: int, seed: int, progress: Progress | None = None) -> Run:
    """The same samples for the same seed, none of them held out; a kept selection that is called `pilot of 30`, unless
    somebody named it otherwise.
    """
    check(pool, n)
    run = engine.select(workspace, spec(pool, n, seed), progress)
    if not read_label(run.folder).name:
        name = f"pilot of {n}, {pool.name}" + (f", seed {seed}" if seed else "")
        try:
            names.give(workspace, run.folder, name=name)
        except BadRequest:  # the pool was another one when a pilot was given this name
            names.give(workspace, run.folder, name=f"{name}, {run.key[:6]}")
    return run


def sheet(run: Run) -> str:
    """A CSV to fill in: an item a line, in pick order; what could be run by a spreadsheet has an apostrophe before
    it.
    """
    from datasel_core.exports.tables import harmless  # formats are loaded where one is asked for

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(timings.COLUMNS)
    table.writerows([harmless(id), "", "", ""] for id in run.ids)
    return text.getvalue()


def take(workspace: Workspace, pool: Pool, file: str, text: str) -> tuple[kept.Kept, Timed]:
    """Keeps what the times in a CSV say. Raises BadInput; then nothing is written."""
    found, notes = timings.read(file, text, pool)
    items = len({one.id for one in found})
    timed = timings.fit(found, f"a pilot of {items} items of {pool.name}", notes)
    rows = [[one.id, one.person, one.seconds, one.objects] for one in found]
    return kept.keep(
        workspace, "pilot", pool, {"fit": timed.plain(), "columns": list(timings.COLUMNS), "rows": rows}
    ), timed


def newest(workspace: Workspace, pool: Pool) -> Timed | None:
    """What the newest pilot of a pool says."""
    found = kept.newest(workspace, "pilot", pool)
    return None if found is None else Timed.of(found.said["fit"])
