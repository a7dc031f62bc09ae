"""A question becomes an answer: spec -> features -> method -> selection -> manifest.

Here samples, which have ids, and arrays, which have rows, meet; nowhere else.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core import manifest, store
from datasel_core.candidates import Candidates, find_candidates
from datasel_core.curve import measure_curves, write_curves
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.measure import measure
from datasel_core.pools._pool import Pool, load_pool
from datasel_core.progress import Progress
from datasel_core.question import Spec, command_line
from datasel_core.registry import find
from datasel_core.roles import Roles
from datasel_core.selection import Inputs, Method, Selection, granted


@dataclass(frozen=True)
class Run:
    """One question and its answer: a folder."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def table(self) -> pa.Table:
        """id, rank, score, count, why and the pool's columns, in pick order."""
        return manifest.kept_table(self.folder)

    @property
    def ids(self) -> list[str]:
        """The kept ids in pick order."""
        return self.table["id"].to_pylist()

    @property
    def selection(self) -> Selection:
        """The same as arrays: rows of the pool as it was."""
        table = self.table
        scores = np.full(self.manifest["pool"]["n"], np.nan)
        rows = table["row"].to_numpy()
        scores[rows] = table["score"].to_numpy(zero_copy_only=False)
        whys = [json.loads(text) if text else {} for text in table["why"].to_pylist()]
        names = list(dict.fromkeys(name for why in whys for name in why))
        return Selection(rows, table["count"].to_numpy(), scores, {name: np.array([why.get(name) for why in whys]) for name in names})


@dataclass(frozen=True)
class Plan:
    """A checked question: everything that decides the answer is known, nothing was computed."""

    spec: Spec
    pool: Pool
    method: Method
    roles: Roles
    candidates: Candidates
    budget: int

    @property
    def key(self) -> str:
        return store.key_of(self.what())

    def what(self) -> dict[str, Any]:
        """All that decides the answer."""
        return {
            "pool": self.pool.name,
            "table": self.pool.table_sha256,
            "method": self.method.what(),
            "features": self.roles.keys(self.method.needs),
            "budget": self.budget,
            "seed": self.spec.seed,
            "within": self.candidates.within and self.candidates.within["ids_sha256"],
            "already": self.candidates.earlier and self.candidates.earlier["ids_sha256"],
            "where": self.spec.where,
        }


def plan(workspace: store.Workspace, spec: Spec) -> Plan:
    """Checks a question. Raises BadRequest, with one clear line, before anything is written."""
    pool = load_pool(workspace, spec.pool)
    cls = find("method", spec.method)
    words = {name: value for name, value in spec.params.items() if isinstance(value, str)}
    params = {name: value for name, value in spec.params.items() if not isinstance(value, str)}
    method: Method = cls.parse(words, **params)
    if not 0 <= spec.seed < 2**63:
        raise BadParameter(f"The seed is {spec.seed}; it must be a whole number from 0 up.")
    roles = Roles.of(workspace, pool, spec.use, method.needs)
    granted(spec.budget, pool.n)
    candidates = find_candidates(workspace, pool, roles.missing_rows(method.needs), spec.within, spec.already, spec.where)
    budget = granted(spec.budget, pool.n, len(candidates.free))
    _to_local(method, candidates.given)
    return Plan(spec, pool, method, roles, candidates, budget)


def select(workspace: store.Workspace, spec: Spec, progress: Progress | None = None, again: bool = False) -> Run:
    """The answer to a question, from the workspace when it was asked before. again: compute it anew.

    Two who ask the same at once get one computation. A stop leaves no manifest. Raises BadRequest, Failed, Stopped.
    """
    progress = progress or Progress()
    asked = plan(workspace, spec)
    folder = workspace.run(asked.key)
    with store.Lock(folder).hold(progress.check):
        if not again and manifest.is_answer(folder):
            return Run(folder, manifest.read(folder))
        store.write_json(folder / "spec.json", spec.model_dump())
        chosen = _shorter(workspace, asked) if not again else None
        if chosen is None:
            chosen = choose(asked, progress)
        return Run(folder, write(workspace, asked, chosen, folder, progress))


def choose(asked: Plan, progress: Progress) -> Selection:
    """Runs the method on the rows it may choose; the answer is in rows of the pool."""
    rows = asked.candidates.given
    arrays = {role: asked.roles.array(role, rows) for role in asked.method.needs}
    inputs = Inputs(
        arrays or {"row": rows},
        np.random.default_rng(asked.spec.seed),
        progress=progress,
        already=np.searchsorted(rows, asked.candidates.already),
    )
    local = _to_local(asked.method, rows).select(inputs, asked.budget)
    scores = np.full(asked.pool.n, np.nan)
    if local.scores is not None:
        scores[rows] = local.scores
    return Selection(rows[local.rows], local.counts, scores, local.why)


def _to_local(method: Method, rows: np.ndarray) -> Method:
    """Parameters that name a row of the pool (`first`) become positions among the rows the method is given."""
    first = getattr(method, "first", None)
    if first is None:
        return method
    at = int(np.searchsorted(rows, first))
    if at == len(rows) or rows[at] != first:
        raise BadParameter(f"first is {first}; that row is not among the {len(rows)} that can be chosen.")
    return type(method)(**{**method.model_dump(), "first": at})


def _shorter(workspace: store.Workspace, asked: Plan) -> Selection | None:
    """The beginning of a longer answer to the same question, for methods where a smaller budget is a prefix."""
    if not asked.method.prefix:
        return None
    same = {name: value for name, value in asked.what().items() if name != "budget"}
    for folder in workspace.folders("runs"):
        with contextlib.suppress(BadRequest):  # a damaged run is no answer
            asked_then = store.read_json(folder / "what.json", {})
            if asked_then.pop("budget", 0) > asked.budget and asked_then == same and manifest.is_answer(folder):
                return Run(folder, manifest.read(folder)).selection.head(asked.budget)
    return None


def write(workspace: store.Workspace, asked: Plan, chosen: Selection, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measures the selection and writes the run: curve, table, then manifest."""
    metrics = measure(asked.pool, asked.roles, chosen.rows, asked.method.needs, progress)
    beside = write_curves(folder, measure_curves(asked.roles, chosen.rows, asked.candidates.already, progress))
    store.write_json(folder / "what.json", asked.what())
    pool, table = asked.pool, kept_table(asked.pool, asked.method, chosen)
    for name, ids in (("within", asked.candidates.within_ids), ("already", asked.candidates.earlier_ids)):
        if ids is not None:
            with store.writing(folder / f"{name}.parquet") as temporary:
                pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), temporary)
            beside.append(f"{name}.parquet")
    ids = table["id"].to_pylist()
    return manifest.write(
        folder,
        table,
        {
            "pool": {"name": pool.name, "kind": pool.kind, "n": pool.n, "fingerprint": pool.fingerprint, "table_sha256": pool.table_sha256},
            "target": None,
            "features": asked.roles.about(asked.method.needs),
            "method": asked.method.what(),
            "budget": {"requested": asked.spec.budget, "granted": len(ids), "unit": "samples"},
            "seed": asked.spec.seed,
            "within": asked.candidates.within,
            "already": asked.candidates.earlier,
            "where": asked.spec.where,
            "unreadable": pool.unreadable + asked.roles.unreadable(asked.method.needs),
            "result": {
                "n": len(ids),
                "ids_sha256": manifest.ids_sha256(ids),
                "pick_order_sha256": manifest.pick_order_sha256(ids),
                "metrics": metrics,
            },
            "command": asked.spec.command or command_line(asked.spec),
        },
        beside,
    )


def kept_table(pool: Pool, method: Method, chosen: Selection) -> pa.Table:
    """One row per kept sample in pick order."""
    rows = chosen.rows
    scores = np.full(len(rows), np.nan) if chosen.scores is None else chosen.scores[rows]
    columns = {
        "id": pool.table["id"].take(pa.array(rows)),
        "row": rows,
        "rank": np.arange(1, len(rows) + 1),
        "score": scores,
        "count": chosen.counts,
        "why": list(_whys(chosen.why, len(rows))),
    }
    own = {name: pool.table[name].take(pa.array(rows)) for name in pool.table.column_names if name not in columns}
    return pa.table({**columns, **own})


def _whys(why: Mapping[str, np.ndarray], n: int) -> Iterator[str]:
    plain: dict[str, Sequence] = {name: values.tolist() for name, values in why.items()}
    for at in range(n):
        known = {name: values[at] for name, values in plain.items() if values[at] is not None and values[at] == values[at]}  # NaN: not known
        mine = {name: round(value, 9) if isinstance(value, float) else value for name, value in known.items()}
        yield json.dumps(mine, ensure_ascii=False)
