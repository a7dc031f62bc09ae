"""A selection that was derived: made of other selections, or of what people said (`derivations/`).

It becomes a run like any other: measured, with its curves, worth in random samples, and whatever it was made of beside
its manifest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.base.registry import every, find
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.methods.selection import Selection
from datasel_core.pools.holdout import HOLDOUT, Aside
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.candidates import Earlier
from datasel_core.runs.derivations.derivation import Derivation, derivation_of
from datasel_core.runs.engine import already_said, kept_table
from datasel_core.runs.measures import measure_curves, measure_result, write_curves
from datasel_core.runs.question import Question
from datasel_core.runs.run import Run, ask, write_what
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import writing
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock


@dataclass(frozen=True)
class Made:
    """derivation: how it was made. chosen: in rows of the pool, in pick order. what: all that decides it; its hash is
    the run's key. beside: tables from which it can be made again, by name; they are written as NAME.parquet. command:
    what asks the same. already: what counted as chosen before. aside: what no method could see.
    """

    derivation: Derivation
    pool: Pool
    chosen: Selection
    what: Mapping[str, Any]
    command: str
    beside: Mapping[str, pa.Table] = field(default_factory=dict)
    seed: int = 0
    already: Earlier | None = None
    aside: Aside | None = None


def derive(workspace: Workspace, made: Made, progress: Progress | None = None, preview: bool = False) -> Run:
    """The run, from the workspace where it was made before. Raises BadRequest where nothing is left of it; Stopped."""
    if not len(made.chosen.rows):
        raise BadRequest(f"The {made.derivation.title} selection is empty; nothing was written.")
    progress = progress or Progress()
    folder = workspace.run(key_of(dict(made.what)))
    with Lock(folder).hold(progress.check):
        ask(folder, preview)
        if not manifest.is_answer(folder):
            write_what(folder, made.what)
            _write(workspace, folder, made, progress)
        return Run(folder, manifest.read(folder))


def again(folder: Path, said: Mapping[str, Any]) -> list[str]:
    """The ids in pick order, made anew of what lies beside the manifest. Raises BadInput where that cannot be."""
    how = derivation_of(said["method"])
    names = [name for name in said["files"] if name.endswith(".parquet") and name != "selection.parquet"]
    try:
        return how.again({name.removesuffix(".parquet"): pq.read_table(folder / name) for name in names})
    except (KeyError, OSError, pa.ArrowException) as error:
        raise BadInput(f"{folder} does not hold what this selection was made of: {error}.") from None


def _write(workspace: Workspace, folder: Path, made: Made, progress: Progress) -> None:
    pool, chosen = made.pool, made.chosen
    roles = Roles.of(workspace, pool)
    as_random = _as_random(workspace, made, roles)
    earlier = as_random.candidates.already
    metrics = measure_result(pool, roles, chosen.rows, earlier if made.already else None, (), progress)
    curves = measure_curves(roles, chosen.rows, earlier, progress)
    appraisals = [one() for one in every("appraisal").values()]
    for one in appraisals:
        curves |= one.curves(as_random, chosen.rows, progress)
    worth = {one.id: said for one in appraisals if (said := one.appraise(as_random, chosen.rows, progress))}
    beside = write_curves(folder, curves)
    tables = dict(made.beside)
    if made.already is not None:
        tables["already"] = pa.table({"id": pa.array(made.already.ids, pa.string())})
    if made.aside is not None:
        tables[HOLDOUT] = made.aside.table()
    for name, table in tables.items():
        with writing(folder / f"{name}.parquet") as temporary:
            pq.write_table(table, temporary)
        beside.append(f"{name}.parquet")
    table = kept_table(pool, chosen)
    ids = table["id"].to_pylist()
    about = {
        "pool": pool.said(),
        "target": None,
        "features": {},
        "method": made.derivation.what(),
        "budget": {"requested": str(len(ids)), "granted": len(ids), "unit": "samples"},
        "seed": made.seed,
        "within": None,
        "already": already_said(as_random),
        "where": None,
        **({"holdout": made.aside.said(pool)} if made.aside else {}),
        "unreadable": pool.unreadable,
        "result": {**manifest.result(ids), **metrics, **worth},
        "command": made.command,
    }
    manifest.write(folder, table, about, beside)


def _as_random(workspace: Workspace, made: Made, roles: Roles) -> Question:
    """The question that appraisals are asked: it promises nothing, as no method chose alone."""
    spec = Spec(pool=made.pool.name, method="random", budget=str(len(made.chosen.rows)), seed=made.seed)
    method = find("method", "random")()
    return Question(workspace, spec, made.pool, method, roles, None, None, made.already, None, made.aside)
