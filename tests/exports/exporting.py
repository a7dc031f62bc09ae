"""Exports in tests: a pool that every format takes, selections of it, and what one asks of an export.

Fixtures are taken as `pool = exporting.pool`.
"""

import os
from pathlib import Path

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint

FORMATS = registry.every("export format")
UNSUITED = {"yolo"}
"""Formats that the pool does not suit: it has no boxes. Their own tests hold that they destroy nothing."""


@pytest.fixture
def pool(workspace, tmp_path):
    """Six photos in a table, one of which cannot be read; ids that every format takes."""
    for at in range(6):
        paint(tmp_path / "in" / "photos" / f"{at}.jpg", at)
    (tmp_path / "in" / "photos" / "5.jpg").write_bytes(b"no photo")
    lines = [f"{at:032x},photos/{at}.jpg,{'ab'[at % 2]}" for at in range(6)]
    (tmp_path / "in" / "t.csv").write_text("\n".join(["id,path,group", *lines]) + "\n")
    return add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images")


@pytest.fixture
def run(workspace, pool):
    return engine.select(workspace, Spec(pool="p", method="random", budget="3"))


@pytest.fixture
def other(workspace, pool):
    """Another selection of the same pool."""
    return engine.select(workspace, Spec(pool="p", method="random", budget="2", seed=5))


def export(workspace, run, format, out, overwrite=False, **params):
    return told(workspace, run, format, out, overwrite, **params)[0]


def told(workspace, run, format, out, overwrite=False, **params) -> tuple[Path, list[str]]:
    """Where it was written, and what a person is told of it."""
    kept = open_record(workspace, run.folder)
    return FORMATS[format](**params).write(kept, out, Progress(), overwrite), kept.notes


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks, whose only content is that they are there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def refused(workspace, run, format, out, match, **asked):
    """The export is refused in one line, and not a byte below the folder of the test is another."""
    home = workspace.path.parent
    before = contents(home)
    with pytest.raises(BadRequest, match=match) as error:
        export(workspace, run, format, out, **asked)
    assert "\n" not in str(error.value)
    assert contents(home) == before


def killed_at(patch, step: int) -> list[str]:
    """The process ends before the step-th change of the disk. Returns what it was about to do, when it came to that."""
    done, died = [], []

    def dying(name, real):
        def do(*args, **options):
            done.append(name)
            if len(done) == step:
                died.append(name)
                raise SystemExit
            return real(*args, **options)

        return do

    for name in ("replace", "fsync", "chmod"):
        patch.setattr(os, name, dying(name, getattr(os, name)))
    return died
