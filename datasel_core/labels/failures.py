"""What a model fails on becomes a target: a pool of these samples, towards which others are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.role import LABEL
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.labels.names import Names
from datasel_core.labels.part import part_of
from datasel_core.labels.readers.reading import Lost, duration
from datasel_core.pools.persistence import read_about
from datasel_core.pools.pool import Pool
from datasel_core.runs.catalog import lists
from datasel_core.workspace.layout import Workspace

_IDS, _PREDICTED = ("id", "sample_id"), ("predicted", "prediction", "pred")
_CONFIDENCE = ("confidence", "score", "probability")
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Prediction:
    """predicted: None where the file is a list of what failed. confidence: None where it says none."""

    predicted: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Failed:
    """rows: of the pool, in pool order. right: row -> what is right. checked: how many predictions could be compared;
    None where the file is a list of what failed. lost: what could not be used, and why.
    """

    rows: np.ndarray
    predictions: Mapping[int, Prediction]
    right: Mapping[int, str]
    checked: int | None
    lost: list[Lost]


@dataclass(frozen=True)
class Target:
    """pool: the target that was made. others: what `within` names so that its samples are not chosen again; None where
    they may be.
    """

    pool: Pool
    others: str | None
    failed: Failed


def read(pool: Pool, path: Path) -> tuple[dict[int, Prediction], list[Lost]]:
    """Row -> what a file says of it. The file: a list of ids, one a line; or a table with id, and predicted and
    confidence as far as they are there. Raises BadInput.
    """
    names, found, lost = Names(pool), {}, []
    for id, said in _entries(path, lost):
        row = names.row((id,))
        if isinstance(row, str):
            lost.append(Lost(id, "", row))
        elif found.setdefault(row, said) != said:
            lost.append(Lost(id, "", "it stands there twice, with other predictions; the first counts"))
    if not found:
        first = f" ({lost[0].id}: {lost[0].reason})" if lost else ""
        raise BadInput(f"{path.name} names no sample of {pool.name}{first}.")
    return found, lost


def _entries(path: Path, lost: list[Lost]) -> list[tuple[str, Prediction]]:
    # These take long to load, and most commands need none.
    from datasel_core.pools.readers.tables.table import read_table
    from datasel_core.pools.readers.tables.table_file import TABLES, kind_by_content

    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    if kind_by_content(path) not in TABLES:
        if path.stat().st_size > _LARGEST:
            raise BadInput(f"{path.name} is larger than {_LARGEST:,} bytes; a list of ids has one a line.")
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError):
            raise BadInput(f"{path.name} cannot be read as text; bring ids, one a line, or a table.") from None
        return [(line.strip(), Prediction()) for line in lines if line.strip()]
    table = read_table(path)
    lost += [Lost(one["id"], "", one["reason"]) for one in table.lost]
    id, predicted, confidence = (_first(table.names, usual) for usual in (_IDS, _PREDICTED, _CONFIDENCE))
    if id is None:
        raise BadInput(
            f"{path.name} has no column id; predictions have id and predicted, and may have confidence. It has: "
            f"{', '.join(table.names)}."
        )
    return [
        (
            str(table.columns[id][at]).strip(),
            Prediction(
                None if predicted is None else str(table.columns[predicted][at]).strip(),
                None if confidence is None else duration(table.columns[confidence][at]),
            ),
        )
        for at in range(len(table.at))
    ]


def _first(names: list[str], usual: tuple[str, ...]) -> str | None:
    return next((one for one in usual if one in names), None)


def failed(workspace: Workspace, pool: Pool, path: Path, truth: str | None = None) -> Failed:
    """What a file says fails: all that it lists, or what it predicts otherwise than is right. truth: a column of the
    pool that says what is right; by default the labels that came back, else those that the pool came with. Raises
    BadRequest where nothing is known to be right, or nothing fails.
    """
    found, lost = read(pool, path)
    if all(one.predicted is None for one in found.values()):
        return Failed(np.array(sorted(found), dtype=np.int64), found, {}, None, lost)
    right = _right(workspace, pool, truth)
    known = {row: one for row, one in found.items() if row in right}
    lost += [Lost(str(pool.ids[row]), "", "nothing says what is right") for row in sorted(found.keys() - known.keys())]
    rows = sorted(row for row, one in known.items() if one.predicted != right[row])
    if not known:
        raise BadRequest(f"Of none of the {len(found):,} predicted samples it is known what is right.")
    if not rows:
        raise BadRequest(f"All {len(known):,} predictions that can be checked are right: there is no failure to go by.")
    return Failed(np.array(rows, dtype=np.int64), found, right, len(known), lost)


def _right(workspace: Workspace, pool: Pool, truth: str | None) -> dict[int, str]:
    roles = Roles.of(workspace, pool)
    if truth is None and LABEL.name in roles.words():
        truth, values = LABEL.name, roles.array(LABEL.name)
    elif truth is not None:
        values = roles.array(truth) if truth in roles.words() and truth not in pool.columns else pool.column(truth)
    elif pool.has_labels:
        values = [", ".join(sorted({label.name for label in pool.labels(row)})) for row in range(pool.n)]
    else:
        raise BadRequest(
            f"Nothing says what is right for {pool.name}: bring labels back (labels import), or name a column with "
            f"--truth (it has: {', '.join(pool.columns)})."
        )
    return {row: str(value) for row, value in enumerate(values) if value is not None and value == value}


def make(workspace: Workspace, pool: Pool, found: Failed, name: str | None = None, again: bool = False) -> Target:
    """A pool of what fails; it is called POOL-failures where nothing is said. again: its samples may be chosen once
    more. Raises BadRequest when another pool has the name, or nothing else is left.
    """
    name = name or f"{pool.name}-failures"
    check_free(workspace, pool, name)
    others = None
    if not again:
        rest = np.setdiff1d(np.arange(pool.n), found.rows)
        if not len(rest):
            raise BadRequest(f"All {pool.n:,} samples of {pool.name} fail: nothing is left to choose for them.")
        others = lists.keep(
            workspace, pool, rest, f"{len(rest):,} that are not among {len(found.rows):,} failures"
        ).value
    said = {"failures": True, "spared": not again, "others": others}
    return Target(part_of(workspace, pool, name, found.rows, said, _beside(found)), others, found)


def check_free(workspace: Workspace, pool: Pool, name: str) -> None:
    """Raises BadRequest when a pool that is no failures of this one has the name."""
    about = read_about(workspace.pool(name))
    of = (about or {}).get("part_of", {})
    if about is not None and not (of.get("failures") and of.get("pool") == pool.name):
        raise BadRequest(f"There is a pool called {name} already; name another with --target.")


def _beside(found: Failed) -> dict[str, pa.Array]:
    rows = found.rows.tolist()
    said: dict[str, list[Any]] = {
        "predicted": [found.predictions[row].predicted for row in rows],
        "confidence": [found.predictions[row].confidence for row in rows],
        "right": [found.right.get(row) for row in rows],
    }
    kinds = {"predicted": pa.string(), "confidence": pa.float64(), "right": pa.string()}
    return {name: pa.array(own, kinds[name]) for name, own in said.items() if any(one is not None for one in own)}
