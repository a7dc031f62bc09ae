"""What Python users call: `ds.open_pool`, `ds.method`, `ds.select`, `ds.mix`, `ds.evidence`, `ds.find`."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.evidence import Evidence
from datasel_core.actions.select import Select
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find as declared
from datasel_core.errors import UnknownName
from datasel_core.features.feature import Feature
from datasel_core.methods.method import Method
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.find import found as finding
from datasel_core.runs.mixtures import answer
from datasel_core.runs.mixtures.asking import ask
from datasel_core.runs.mixtures.recipe import parse_recipe
from datasel_core.runs.run import Run
from datasel_core.runs.spec import parse_spec
from datasel_core.workspace.layout import NAME, Workspace


def method(id: str) -> type[Method]:
    """The method with this id; call it with parameters to get one to use. Raises UnknownName, naming the nearest."""
    return declared("method", id)


def feature(id: str) -> type[Feature]:
    """The feature with this id. Raises UnknownName, naming the nearest."""
    return declared("feature", id)


def open_pool(name: str | os.PathLike, *, kind: str | None = None, workspace: str | os.PathLike | None = None) -> Pool:
    """A pool by its name in the workspace, or by the path of a folder of photos, a table, a tar shard, or a file of
    vectors, which is then added.

    kind: of pool, as `pool add --help` lists them; told from the path by default. Raises UnknownName, BadInput.
    """
    home, text = Workspace.at(workspace), os.fspath(name)
    if text in pool_names(home):
        return load_pool(home, text)
    path = Path(text).expanduser()
    if not path.exists():
        raise UnknownName("pool", text, pool_names(home))
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().stem).strip("-._")[:64] or "pool"
    short = short if NAME.fullmatch(short) else "pool"
    from datasel_core.pools.guess import kind_of  # brings every reader

    return add_pool(home, short, str(path), kind or kind_of(path))


def evidence(
    pool: Pool | str,
    methods: Sequence[str | Method],
    budgets: Sequence[int | str],
    seeds: int = 8,
    **asked: Any,
) -> dict[str, Any]:
    """How much better than random each method is, measured on the pool's held-out set. asked: as of the command:
    `probe`, `measures`, `target`, `judges`, `use`, `params`, `out`, `overwrite`.

    Returns what `--json` prints: `cells` with difference, interval and verdict, `others`, `notes`. Raises BadRequest.
    """
    pool = open_pool(pool) if isinstance(pool, str) else pool
    names = [one if isinstance(one, str) else _spelt(one) for one in methods]
    task = Evidence(pool=pool.name, methods=",".join(names), budgets=",".join(map(str, budgets)), seeds=seeds, **asked)
    return dict(task.prepare(Workspace(pool.folder.parent.parent)).run(Progress()).document)


def _spelt(method: Method) -> str:
    """A method as the command line says it: its id, and the parameters that are not the usual ones."""
    fields = type(method).model_fields
    values = {name: value for name, value in method.model_dump(mode="json").items() if fields[name].default != value}
    return ":".join([method.id, *(f"{name}={'none' if value is None else value}" for name, value in values.items())])


def find(pool: Pool | str, words: str = "", n: int = 20, keep_list: bool = False, **asked: Any) -> finding.Found:
    """Finds samples: by words, or as asked: `similar` (an id), `image_text` (what a picture shows), `where`, `use`. n:
    how many of what is merely near; of words, all are found. keep_list: `.listed` is what `within` of a choice takes.

    Returns a Found with .ids, .rows and .scores, the likeliest first, and .of. Raises BadRequest.
    """
    pool = open_pool(pool) if isinstance(pool, str) else pool
    home = Workspace(pool.folder.parent.parent)
    found = finding.find(home, pool, finding.Asked(words=words, many=n, **asked))
    return dataclasses.replace(found, listed=finding.keep(home, found)) if keep_list else found


def select(
    pool: Pool | str,
    method: Method,
    budget: int | str,
    seed: int = 0,
    name: str | None = None,
    note: str | None = None,
    **asked: Any,
) -> Run:
    """Chooses from a pool and keeps the answer as a run. name, note: what is said of it in the workspace. asked: `use`,
    `target` (a pool's name), `within`, `already` (a Run, its folder, its key or its name), `where`.

    Returns a Run with .selection (rows of the pool), .ids, .name, .note and .manifest. Raises BadRequest, Failed.
    """
    pool = open_pool(pool) if isinstance(pool, str) else pool
    for flag in ("within", "already"):
        if isinstance(asked.get(flag), Run):
            asked[flag] = asked[flag].folder
        if asked.get(flag) is not None:
            asked[flag] = os.fspath(asked[flag])
    spec = parse_spec(
        pool=pool.name, method=method.id, params=method.model_dump(mode="json"), budget=str(budget), seed=seed, **asked
    )
    work = Select(**spec.model_dump(), name=name, note=note).prepare(Workspace(pool.folder.parent.parent))
    work.run(Progress())
    return Run(work.folder, manifest.read(work.folder))


def mix(
    pool: Pool | str,
    recipe: Mapping[str, Any],
    budget: int | str,
    seed: int = 0,
    already: Run | str | None = None,
    within: Run | str | None = None,
    where: str | None = None,
) -> Run:
    """Chooses by several methods' shares under quotas and keeps the answer as a run.

    recipe: as a file for `mix --recipe` says it: `shares`, a list of {percent, method, params, target}, and `at_least`,
    `at_most`, `weights`, `unit`, `counted`, `together`. Raises BadRequest in one line, with the budget that would be
    possible where the recipe is not.
    """
    pool = open_pool(pool) if isinstance(pool, str) else pool
    earlier = [os.fspath(one.folder) if isinstance(one, Run) else one for one in (already, within)]
    home = Workspace(pool.folder.parent.parent)
    return answer.mix(ask(home, pool.name, parse_recipe(dict(recipe)), str(budget), seed, *earlier, where))
