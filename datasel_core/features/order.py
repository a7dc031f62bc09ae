"""Which feature of a role is the newest: by a number that the workspace counts, never by the clock, which may be set
back.

meta.json has it as `order`. Features kept before had none: they come first, by their time.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.workspace.files import read_json
from datasel_core.workspace.locks import Lock


def age(meta: Mapping[str, Any]) -> tuple[int, str]:
    """Larger for the newer of two features."""
    return _number(meta), str(meta["created"])


@contextlib.contextmanager
def next_order(folder: Path) -> Iterator[int]:
    """The number after the largest of all features that lie beside this one. It is free until the block ends: write
    meta.json within.
    """
    with Lock(folder.parent).hold():
        yield 1 + max(map(_number, _metas(folder.parent)), default=0)


def _metas(features: Path) -> Iterable[Mapping[str, Any]]:
    for path in features.glob("*/meta.json"):
        with contextlib.suppress(BadInput, OSError):  # a damaged one counts for nothing
            meta = read_json(path)
            if isinstance(meta, dict):
                yield meta


def _number(meta: Mapping[str, Any]) -> int:
    said = meta.get("order")
    return said if isinstance(said, int) else 0
