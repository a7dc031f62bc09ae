"""What is known of a run in stages after each stage of each arm: a small JSON file each, so that a kill loses none."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.workspace.files import read_json, write_json


def write(folder: Path, line: Mapping[str, Any]) -> None:
    """line: with `seed`, `arm`, `stage`."""
    write_json(_path(folder, line["seed"], line["arm"], line["stage"]), dict(line))


def read(folder: Path, seed: int, arm: str) -> list[dict[str, Any]]:
    """The lines of one arm under one seed, by stage, up to the first that is not there; 0 is the warm-up."""
    found: list[dict[str, Any]] = []
    for path in (_path(folder, seed, arm, stage) for stage in range(_MOST)):
        line = None
        with contextlib.suppress(BadInput):  # damaged: it is written again when the work goes on
            line = read_json(path)
        if not isinstance(line, dict) or line.get("stage") != len(found):
            break
        found.append(line)
    return found


_MOST = 1000


def _path(folder: Path, seed: int, arm: str, stage: int) -> Path:
    return folder / "lines" / f"{seed:03d}-{arm}-{stage:03d}.json"
