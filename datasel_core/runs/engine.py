"""A question becomes an answer: spec -> features -> method -> selection -> manifest.

Here samples, which have ids, and arrays, which have rows, meet; nowhere else.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Inputs, Selection
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.typed import AS_WRITTEN, renamed
from datasel_core.runs import manifest
from datasel_core.runs.measures import caption_facts, measure_curves, measure_result, write_curves
from datasel_core.runs.question import Question, asks_otherwise, resolve, to_local
from datasel_core.runs.run import Run, answers, ask, is_preview, write_clusters, write_what
from datasel_core.runs.scores import compute, kept_scores
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import write_json, writing
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_NAMED = 50
TARGET_HOLDOUT = "target_holdout"
"""What the file beside a manifest is called that names the held-out samples of its target."""
CHOOSING, MEASURING, APPRAISING = "choosing", "measuring what is kept", "comparing it with random choices"
"""The phases of an answer."""


def select(
    workspace: Workspace, spec: Spec, progress: Progress | None = None, again: bool = False, preview: bool = False
) -> Run:
    """The answer to a spec; see `answer`. Raises BadRequest, Failed, Stopped."""
    return answer(resolve(workspace, spec), progress, again, preview)


def answer(asked: Question, progress: Progress | None = None, again: bool = False, preview: bool = False) -> Run:
    """The answer to a question, from the workspace when it was asked before. again: compute it anew. preview: it is
    only looked at; no list names it until somebody asks to keep it.

    Two who ask the same at once get one computation. A stop leaves no manifest. Raises BadRequest, Failed, Stopped.
    """
    progress = progress or Progress()
    folder = asked.workspace.run(asked.key)
    if not again and manifest.is_answer(folder) and (preview or not is_preview(folder)):
        said = manifest.read(folder)
        if not asks_otherwise(folder, said):
            return Run(folder, said)  # nothing is to be written, which may not be allowed
    with Lock(folder).hold(progress.check):
        ask(folder, preview)
        if not again and manifest.is_answer(folder):
            said = manifest.read(folder)
            if asks_otherwise(folder, said):  # it was damaged since
                write_json(folder / "spec.json", asked.spec.model_dump())
            return Run(folder, said)
        write_json(folder / "spec.json", asked.spec.model_dump())
        progress.enter(CHOOSING)
        chosen = None if again else _known(asked, progress)
        chosen = choose(asked, progress) if chosen is None else chosen
        return Run(folder, write(asked, chosen, folder, progress))


def choose(
    asked: Question, progress: Progress, scores: np.ndarray | None = None, rng: np.random.Generator | None = None
) -> Selection:
    """Runs the method on the rows it may choose; the answer is in rows of the pool. scores: of a scorer, where they are
    known already. rng: made of the question's seed, for whoever wants to see whether the method draws from it.
    """
    rng = np.random.default_rng(asked.spec.seed) if rng is None else rng
    rows, n = asked.candidates.given, asked.pool.n
    already = np.searchsorted(rows, asked.candidates.already)
    if isinstance(asked.method, Scorer) and asked.method.by_scores_alone():
        scores = compute(asked, progress, rng) if scores is None else scores
        picks = asked.method.best(scores[rows], asked.budget, rng, already)
        return dataclasses.replace(picks.among(rows, n), scores=scores)  # of those that may not be chosen, too
    arrays = {role: asked.roles.array(role, rows) for role in asked.method.roles()}
    target = asked.target.arrays() if asked.target else {}
    facts = asked.roles.facts(asked.method.roles())
    inputs = Inputs(arrays or {"row": rows}, rng, target=target, progress=progress, already=already, facts=facts)
    method = to_local(asked.method, rows)
    method.check(inputs)
    return method.pick(inputs, asked.budget).among(rows, n)


def _known(asked: Question, progress: Progress) -> Selection | None:
    """The answer, where scores or a longer answer that were kept give it."""
    if isinstance(asked.method, Scorer):
        return choose(asked, progress, kept_scores(asked, progress).values)
    longer = longer_answer(asked)
    return None if longer is None else longer.selection.head(asked.budget)


def longer_answer(asked: Question) -> Run | None:
    """A kept run of which the answer is the beginning, for methods where a smaller budget is a prefix."""
    if not asked.method.prefix:
        return None
    for budget, folder in answers(asked.workspace, asked.open()):
        with contextlib.suppress(BadRequest):  # a damaged run is no answer
            if budget > asked.budget and manifest.is_answer(folder):
                return Run(folder, manifest.read(folder))
    return None


def write(asked: Question, chosen: Selection, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measures the selection and writes the run: curve, clusters, table, then manifest."""
    progress.enter(MEASURING)
    before = asked.candidates.already
    counted = before if asked.already else None
    metrics = measure_result(asked.pool, asked.roles, chosen.rows, counted, asked.method.roles(), progress)
    appraisals = [one() for one in every("appraisal").values()]
    curves = measure_curves(asked.roles, chosen.rows, before, progress)
    progress.enter(APPRAISING)
    for one in appraisals:
        curves |= one.curves(asked, chosen.rows, progress)
    beside = write_curves(folder, curves)
    worth = {one.id: said for one in appraisals if (said := one.appraise(asked, chosen.rows, progress))}
    if chosen.clusters is not None:
        beside.append(write_clusters(folder, chosen.clusters))
    write_what(folder, asked.what())
    facts = {**_facts(asked, chosen), **caption_facts(asked.roles, asked.method.roles())}
    if doubt := asked.method.trust(asked.roles.facts(asked.method.roles())):
        facts["note"] = " ".join(filter(None, [facts.get("note"), doubt]))
    used = dict.fromkeys([*asked.method.roles(), *(asked.filter.features if asked.filter else ())])
    pool, table = asked.pool, kept_table(asked.pool, chosen)
    beside += _write_samples(asked, folder)
    ids = table["id"].to_pylist()
    return manifest.write(
        folder,
        table,
        {
            "pool": pool.said(),
            "target": asked.target and asked.target.about(),
            "features": asked.roles.about(used),
            "method": asked.method.what(),
            "budget": {"requested": asked.spec.budget, "granted": int(chosen.counts.sum()), "unit": "samples"},
            "seed": asked.spec.seed,
            "within": asked.within and asked.within.about,
            "already": already_said(asked),
            "where": asked.spec.where,
            **({"holdout": asked.aside.said(asked.pool)} if asked.aside else {}),
            "unreadable": pool.unreadable + asked.roles.unreadable(asked.method.roles()) + _unscored(asked, chosen),
            "result": {
                **manifest.result(ids),
                **metrics,
                **({"facts": facts} if facts else {}),
                **worth,
            },
            "command": asked.spec.command or asked.command(),
        },
        beside,
    )


def already_said(asked: Question) -> dict[str, Any] | None:
    """What a manifest says of what was chosen earlier. counted: how many of it have values. aside: how many are set
    aside by now, and count as chosen all the same.
    """
    if asked.already is None:
        return None
    aside = int(np.isin(asked.earlier, asked.unseen).sum())
    seen = {"aside": aside} if aside else {}
    return {**asked.already.about, "counted": len(asked.candidates.already), **seen}


def _write_samples(asked: Question, folder: Path) -> list[str]:
    """The samples that the question builds on, so that it can be asked again from this folder alone: earlier
    selections, and what no method could see. Returns the names of the files written.
    """
    tables = {
        name: pa.table({"id": pa.array(earlier.ids, pa.string())})
        for name, earlier in (("within", asked.within), ("already", asked.already))
        if earlier is not None
    }
    if asked.aside is not None:
        tables["holdout"] = asked.aside.table()
    if asked.target is not None and asked.target.aside is not None:
        tables[TARGET_HOLDOUT] = asked.target.aside.table()
    for name, table in tables.items():
        with writing(folder / f"{name}.parquet") as temporary:
            pq.write_table(table, temporary)
    return [f"{name}.parquet" for name in tables]


def _facts(asked: Question, chosen: Selection) -> dict[str, Any]:
    """What is to be known of a choice; of target examples the ids, at most 50 of each list."""
    if asked.target is None:
        return dict(chosen.facts)
    ids, rows = asked.target.pool.ids, asked.target.rows
    return {
        name: [str(ids[row]) for row in rows[fact[:_NAMED]]] if isinstance(fact, np.ndarray) else fact
        for name, fact in chosen.facts.items()
    }


def _unscored(asked: Question, chosen: Selection) -> list[dict[str, str]]:
    """Samples that have values, but no direction to score them by."""
    if not asked.method.scores_all or chosen.scores is None:
        return []
    given = np.setdiff1d(asked.candidates.given, asked.unseen)  # of those chosen before they were set aside, none
    rows = given[np.isnan(chosen.scores[given])]
    return [
        {"id": str(asked.pool.ids[row]), "reason": f"{asked.method.id} gives it no score: its vector is zero"}
        for row in rows
    ]


def kept_table(pool: Pool, chosen: Selection) -> pa.Table:
    """One row per kept sample in pick order. A column of the pool that is called as one of ours is kept as `score_`."""
    rows = chosen.rows
    scores = np.full(len(rows), np.nan) if chosen.scores is None else chosen.scores[rows]
    columns = {
        "id": pool.take(rows, ["id"])["id"],
        "row": rows,
        "rank": np.arange(1, len(rows) + 1),
        "score": scores,
        "count": chosen.counts,
        "why": list(_whys(chosen.why, len(rows))),
    }
    own, called = pool.take(rows, [name for name in pool.names if name != "id"]), {}
    for before, values in zip(own.column_names, own.columns, strict=True):
        name = before
        while name in columns:
            name += "_"
        called[before] = name
        columns[name] = values if before != AS_WRITTEN else renamed(values, called)
    return pa.table(columns)


def _whys(why: Mapping[str, np.ndarray], n: int) -> Iterator[str]:
    plain: dict[str, Sequence] = {name: values.tolist() for name, values in why.items()}
    for at in range(n):
        known = {
            name: values[at] for name, values in plain.items() if values[at] is not None and values[at] == values[at]
        }  # NaN: not known
        mine = {name: round(value, 9) if isinstance(value, float) else value for name, value in known.items()}
        yield json.dumps(mine, ensure_ascii=False)
