"""Which classes a pool has, in the order of its source where that has one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports.json_text import members
from datasel_core.pools.labels import LABELS, Label
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.layouts import coco, yolo


def labels_of(pool: Pool, row: int) -> list[Label]:
    """What people said of one sample."""
    return [label for label in pool.labels(row) if isinstance(label.name, str)]


def class_names(pool: Pool) -> list[str]:
    """All of the pool, not only those of kept samples, also those that nobody drew: as the source's data.yaml or
    categories list them, else by name. Raises BadRequest where these are gone.
    """
    met = pc.unique(pc.list_flatten(pool.table[LABELS])).to_pylist() if pool.has_labels else []
    own = sorted(name for name in met if isinstance(name, str))
    if pool.layout == "yolo":
        said = list(yolo_names(pool).values())
    elif pool.layout == "coco" and pool.has_labels:
        said = list(dict.fromkeys(name for path in annotation_files(pool) for name in _categories(path)))
    else:
        return own
    if gone := next((name for name in own if name not in said), None):
        raise BadRequest(
            f"{pool.about['source']} has no class {gone!r} any more, which the pool {pool.name} has; add the pool "
            "again, and choose again."
        )
    return said


def annotation_files(pool: Pool) -> list[Path]:
    """The JSON files that a pool of COCO was read from. Raises BadRequest where they are gone."""
    source = Path(pool.about["source"])
    if files := coco.annotation_files(source, pool.kind):
        return files
    raise BadRequest(
        f"The annotations that the pool {pool.name} was read from are not at {source} any more; put them back, or add "
        "the pool again."
    )


def _categories(path: Path) -> list[str]:
    try:
        said = members(path.read_text(encoding="utf-8-sig")).get("categories")
        return list(coco.category_names(map(json.loads, said.elements() if said else ())).values())
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read any more ({error}); add the pool again.") from None


def yolo_names(pool: Pool) -> dict[int, str]:
    """Number -> name in the data.yaml that a pool was read from. Raises BadRequest."""
    try:
        return yolo.class_names(described(pool)[1])
    except BadInput as error:
        raise BadRequest(f"{error}") from None


def described(pool: Pool) -> tuple[Path, Mapping[str, Any]]:
    """The data.yaml that a pool was read from, and what it says. Raises BadRequest where it is gone."""
    source = Path(pool.about["source"])
    if (found := yolo.description(source)) is None:
        raise BadRequest(
            f"The data.yaml that the pool {pool.name} was read from is not at {source} any more; put it back, or add "
            "the pool again."
        )
    return found
