"""A mixed recipe answered: a run like any other, with all beside it that makes it again."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.errors import BadInput
from datasel_core.methods.selection import Selection
from datasel_core.runs import manifest
from datasel_core.runs.derivations.mixture import Mixture
from datasel_core.runs.derived import Made, derive
from datasel_core.runs.mixtures.asking import Asked, Brought, bring
from datasel_core.runs.mixtures.mixing import Mixing
from datasel_core.runs.mixtures.recipe import Recipe, Share
from datasel_core.runs.run import Run, ask
from datasel_core.workspace.hashing import key_of


def mix(asked: Asked, progress: Progress | None = None) -> Run:
    """The answer, from the workspace when it was asked before. Raises BadRequest, Failed, Stopped."""
    progress = progress or Progress()
    folder = asked.workspace.run(key_of(asked.what()))
    if manifest.is_answer(folder):
        ask(folder, preview=False)
        return Run(folder, manifest.read(folder))
    mixing, brought = bring(asked, progress)
    return derive(asked.workspace, _made(asked, mixing, brought), progress)


def _made(asked: Asked, mixing: Mixing, brought: Sequence[Brought]) -> Made:
    question = asked.questions[0]
    derivation = Mixture(
        recipe=asked.recipe.model_dump(mode="json"),
        budget=asked.budget,
        selections=[_part(one.share + 1, run) for one in brought for run in one.runs],
        short={str(one.share + 1): one.short for one in brought if one.short},
        within=question.within and {"ids_sha256": question.within.about["ids_sha256"], "n": len(question.within.ids)},
        where=question.spec.where,
    )
    return Made(
        derivation=derivation,
        pool=asked.pool,
        chosen=_selection(asked, mixing, brought),
        beside=_tables(asked, mixing, brought),
        what=asked.what(),
        command=command_line(asked),
        seed=asked.seed,
        already=question.already,
        aside=question.aside,
    )


def _part(share: int, run: Run) -> dict[str, Any]:
    said = run.manifest
    about = {"share": share, "ids_sha256": said["result"]["ids_sha256"], "n": said["result"]["n"]}
    return {**about, "method": said["method"], "target": said["target"] and said["target"]["name"]}


def _selection(asked: Asked, mixing: Mixing, brought: Sequence[Brought]) -> Selection:
    """Samples in the order in which they were taken; those of a unit in pool order. why: share, method, the sample that
    brought a unit in, and what the method itself says.
    """
    things, rows, whys = asked.things, [], []
    members = np.argsort(things.thing, kind="stable")
    starts = np.searchsorted(things.thing[members], np.arange(len(things.size) + 1))
    own = reasons(asked, brought)
    for thing, share in mixing.taken.items():
        mine = things.rows[members[starts[thing] : starts[thing + 1]]]
        row, why = own[share][thing]
        if asked.recipe.unit:
            why["brought"] = str(asked.pool.ids[row])
        rows += mine.tolist()
        whys += [why] * len(mine)
    names = list(dict.fromkeys(name for why in whys for name in why))
    columns = {name: np.array([why.get(name) for why in whys], dtype=object) for name in names}
    return Selection(np.array(rows, np.int64), scores=np.full(asked.pool.n, np.nan), why=columns)


def reasons(asked: Asked, brought: Sequence[Brought]) -> list[dict[int, tuple[int, dict[str, Any]]]]:
    """Of each share: thing -> the row that brought it, and why: which share, by which method, and what that says."""
    shares = enumerate(asked.recipe.shares)
    return [
        {
            thing: (row, {"share": at + 1, "by": share.method, **why})
            for thing, (row, why) in _whys([one for one in brought if one.share == at]).items()
        }
        for at, share in shares
    ]


def _whys(turns: Sequence[Brought]) -> dict[int, tuple[int, dict[str, Any]]]:
    """Thing -> the row that brought it, and why the method picked that."""
    known: dict[int, dict[str, Any]] = {}
    found: dict[int, tuple[int, dict[str, Any]]] = {}
    for run in [run for one in turns for run in one.runs]:
        chosen = run.selection
        why = {name: values.tolist() for name, values in chosen.why.items()}
        for at, row in enumerate(chosen.rows.tolist()):
            known.setdefault(row, {name: values[at] for name, values in why.items()})
    for one in turns:
        for thing, row in zip(one.order.thing.tolist(), one.rows.tolist(), strict=True):
            found.setdefault(thing, (row, known[row]))
    return found


def _tables(asked: Asked, mixing: Mixing, brought: Sequence[Brought]) -> dict[str, pa.Table]:
    """What `Mixture.again` reads, and what a quota came to."""
    things, quotas = asked.things, asked.quotas
    taken = np.array(list(mixing.taken), np.int64)
    cells, there = np.unique(np.stack([things.groups.of, things.bins.of, things.size]), axis=1, return_counts=True)
    tables = {
        "cells": pa.table({"group": cells[0], "bin": cells[1], "size": cells[2], "there": there}),
        "groups": pa.table({
            "name": pa.array(things.groups.names, pa.string()), "least": quotas.least, "most": quotas.most,
            "before": things.groups.before, "kept": np.bincount(things.groups.of[taken], minlength=len(quotas.least)),
        }),
        "bins": pa.table({
            "name": pa.array(things.bins.names, pa.string()), "cap": quotas.cap,
            "before": things.bins.before, "kept": np.bincount(things.bins.of[taken], minlength=len(quotas.cap)),
        }),
    }  # fmt: skip
    for turn, one in enumerate(brought, 1):
        ids = pa.array(asked.pool.ids[one.rows].tolist(), pa.string())
        order = one.order
        share = np.full(len(ids), one.share)
        named = {"share": share, "id": ids, "thing": order.thing, "cell": order.cell, "size": order.size}
        tables[f"ranked-{turn}"] = pa.table(named)
    if asked.recipe.unit is not None:
        inside = np.flatnonzero(np.isin(things.thing, np.concatenate([one.order.thing for one in brought])))
        ids = pa.array(asked.pool.ids[things.rows[inside]].tolist(), pa.string())
        tables["members"] = pa.table({"thing": things.thing[inside], "id": ids})
    return tables


def quotas_kept(run: Run) -> list[dict[str, Any]]:
    """Each quota of a mixture as it came out: {per, name, n, least or most, met}. Raises BadInput."""
    recipe, found = Recipe(**run.manifest["method"]["params"]["recipe"]), []
    for quota, file, bound in ((recipe.at_least, "groups", "least"), (recipe.at_most, "bins", "most")):
        for one in _rows(run.folder / f"{file}.parquet") if quota else ():
            n = one["kept"] + one["before"]
            met = one["kept"] >= one["least"] if bound == "least" else one["kept"] <= one["cap"]
            found.append({"per": quota.per, "name": one["name"], "n": n, bound: quota.n, "met": met})
    return found


def brought_by(run: Run) -> dict[int, str]:
    """Row of the pool -> the title of the method whose share brought it, in pick order."""
    chosen, titles = run.selection, every("method")
    return {
        row: titles[id].title if id in titles else id
        for row, id in zip(chosen.rows.tolist(), chosen.why["by"].tolist(), strict=True)
    }


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        return pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None


def command_line(asked: Asked) -> str:
    """The command that asks the same; an earlier selection by its key."""
    recipe, question = asked.recipe, asked.questions[0]
    words = ["python", "-m", "datasel_core", "mix", asked.pool.name, "--budget", asked.requested]
    for share in recipe.shares:
        words += ["--share", _typed(share)]
    words += ["--at-least", recipe.at_least.words().replace(",", "")] if recipe.at_least else []
    words += ["--at-most", recipe.at_most.words().replace(",", "")] if recipe.at_most else []
    if weights := recipe.weights:
        given = weights.by or ",".join(f"{name}={value:g}" for name, value in weights.given.items())
        words += ["--weights", f"{given} per {weights.per}"]
    words += ["--unit", recipe.unit, "--counted", recipe.counted] if recipe.unit else []
    words += ["--together"] if recipe.together else []
    earlier = {"already": question.already, "within": question.within}
    words += [word for name, one in earlier.items() if one is not None for word in (f"--{name}", one.called)]
    words += ["--where", question.spec.where] if question.spec.where else []
    return shlex.join([*words, "--seed", str(asked.seed)])


def _typed(share: Share) -> str:
    params = {**share.params, **({"target": share.target} if share.target else {})}
    said = "".join(f":{name}={'none' if value is None else value}" for name, value in params.items())
    return f"{share.percent:g}%={share.method}{said}"
