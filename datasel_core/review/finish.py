"""A review comes to its end: a selection like any other, with all that was decided beside its manifest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.analysis.opinions import Decision
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.methods.selection import Selection
from datasel_core.pools.holdout import HOLDOUT, read_aside
from datasel_core.review.book import Book
from datasel_core.review.decisions import review_of
from datasel_core.review.lineage import Origin, origin
from datasel_core.review.refill import NEXT, NONE, Fill, refill
from datasel_core.review.state import Standing
from datasel_core.runs import manifest
from datasel_core.runs.candidates import Earlier
from datasel_core.runs.derivations.reviewed import FILLED, LOG, PART, Reviewed
from datasel_core.runs.derived import Made, derive
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace


def finish(
    workspace: Workspace,
    folder: Path,
    rule: str = "latest",
    with_notes: bool = False,
    progress: Progress | None = None,
) -> Run:
    """The selection that a review makes of the one in `folder`. What nobody decided stays. rule: what counts where
    people differ. with_notes: their notes leave with the record.

    Raises BadRequest, in one line, when the selection is damaged, its pool is no longer what it was, nobody decided
    anything, or nothing would be left; Failed, Stopped.
    """
    progress = progress or Progress()
    said = manifest.intact(folder, "reviewed")
    reviewed, log = Run(folder, said), Book(workspace).of(review_of(said))
    standing = Standing.of(reviewed.ids, log, rule)
    if not standing.decided:
        raise BadRequest(f"Nobody has decided anything about {reviewed.name} yet; keep, drop or swap some of it first.")
    source, before = origin(workspace, said, folder), reviewed.selection
    places = {id: at for at, id in enumerate(standing.ids)}
    out = {places[id]: what for id, what in standing.out.items()}
    fills = refill(source, before, out, progress)
    tables = {PART: _ids(standing.ids), LOG: _log(log, with_notes), FILLED: _filled(source, standing.ids, fills)}
    chosen = _selection(source, before, standing, fills)
    if not len(chosen):
        raise BadRequest(f"Everything in {reviewed.name} was dropped and nothing took its place; nothing was written.")
    part = {"ids_sha256": said["result"]["ids_sha256"], "n": len(standing.ids), "method": said["method"]}
    derivation = Reviewed(
        of=[part],
        rule=rule,
        reviewers=len({one.reviewer for one in log}),
        decided=standing.decided,
        dropped=len(out),
        refilled=sum(fill.by != NONE for fill in fills),
    )
    what = {"reviewed": review_of(said), "rule": rule}
    what |= {name: key_of(tables[name].to_pylist()) for name in (LOG, FILLED)}
    command = f"python -m datasel_core review FOLDER --finish --rule {rule}" + " --with-notes" * with_notes
    made = Made(
        derivation,
        source.pool,
        chosen,
        what,
        command,
        tables,
        said["seed"],
        _already(folder, said),
        read_aside(folder / f"{HOLDOUT}.parquet") if said.get("holdout") else None,
    )
    return derive(workspace, made, progress)


def _already(folder: Path, said: Mapping[str, Any]) -> Earlier | None:
    """What counted as chosen before the reviewed selection still does."""
    if not said["already"]:
        return None
    about = {name: value for name, value in said["already"].items() if name not in ("counted", "aside")}
    return Earlier(manifest.earlier_ids(folder, said), about, "")


def told(run: Run) -> list[str]:
    """What became of a review, a sentence each, for people."""
    said = run.manifest["method"]["params"]
    n, empty = said["of"][0]["n"], said["dropped"] - said["refilled"]
    words = [f"{run.manifest['result']['n']:,} samples kept; {said['dropped']:,} of {n:,} were left out."]
    places = pq.read_table(run.folder / f"{FILLED}.parquet").to_pylist()
    by = Counter(one["by"] for one in places if one["by"])
    filled = [f"{many:,} by the {how}" for how, many in sorted(by.items())]
    if empty:
        lacks = next(one["lacks"] for one in places if one["lacks"])
        filled.append(f"{empty:,} {'stays' if empty == 1 else 'stay'} empty ({lacks})")
    if filled:
        words.append(f"Their places: {', '.join(filled)}.")
    if left := n - said["decided"]:
        words.append(f"{left:,} were not looked at, and stay.")
    return words


def _ids(ids: Sequence[str]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.string())})


def _log(log: Sequence[Decision], with_notes: bool) -> pa.Table:
    """All that was said, in the order in which it came; people are reviewer-1, reviewer-2, ... as they came."""
    names = {name: f"reviewer-{at}" for at, name in enumerate(dict.fromkeys(one.reviewer for one in log), 1)}
    columns = {
        "sample": [one.sample for one in log],
        "reviewer": [names[one.reviewer] for one in log],
        "decision": [one.what for one in log],
        "time": [one.time for one in log],
        **({"note": [one.note for one in log]} if with_notes else {}),
    }
    blind = pa.array([one.blind for one in log], pa.bool_())
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()} | {"blind": blind})


def _filled(source: Origin, ids: Sequence[str], fills: Sequence[Fill]) -> pa.Table:
    """A line for each place that was left: which, what stood there, what stands there, by what, or what is lacking."""
    lacks = source.lacks or "no more can be chosen"
    names = [None if fill.by == NONE else str(source.pool.ids[fill.row]) for fill in fills]
    return pa.table(
        {
            "place": pa.array([fill.place for fill in fills], pa.int64()),
            "before": pa.array([ids[fill.place - 1] for fill in fills], pa.string()),
            "id": pa.array(names, pa.string()),
            "by": pa.array([_by(fill) for fill in fills], pa.string()),
            "lacks": pa.array([lacks if fill.by == NONE else "" for fill in fills], pa.string()),
        }
    )


def _by(fill: Fill) -> str:
    """`next best of k-center greedy`, `nearest`; empty where nothing stands there."""
    return f"{NEXT} of {fill.method}" if fill.by == NEXT else fill.by


def _selection(source: Origin, before: Selection, standing: Standing, fills: Sequence[Fill]) -> Selection:
    """In the places where they stood; what stands in none is gone."""
    filled = {fill.place - 1: fill for fill in fills}
    scores = np.full(source.pool.n, np.nan) if before.scores is None else before.scores.copy()
    rows, counts, whys = [], [], []
    for at, id in enumerate(standing.ids):
        fill = filled.get(at)
        if fill is None:
            why = {name: values[at] for name, values in before.why.items()}
            rows.append(before.rows[at])
            counts.append(before.counts[at])
            whys.append({**why, "review": "kept" if id in standing.outcome else "not looked at"})
        elif fill.by != NONE:
            rows.append(fill.row)
            counts.append(fill.count)
            scores[fill.row] = fill.score
            whys.append({**fill.why, "review": f"{_by(fill)}, in place of {id}"})
    names = dict.fromkeys(name for why in whys for name in why)
    why = {name: _column([one.get(name) for one in whys]) for name in names}
    return Selection(np.array(rows, np.int64), np.array(counts, np.int64), scores, why)


def _column(values: Sequence[Any]) -> np.ndarray:
    """Plain values, of which some may be lacking."""
    column = np.empty(len(values), object)
    column[:] = [value.item() if isinstance(value, np.generic) else value for value in values]
    return column
