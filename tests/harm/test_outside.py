"""What lies outside the allowed folders is neither opened, nor listed, nor told: by no table, link, layout or shard."""

import json
import os
import re
import sys

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.pools.guess import kind_of
from datasel_core.workspace.layout import Workspace
from tests.harm.outside import SOURCES, outside

_heard: list[str] = []
_place = [""]


def _hear(event, given):
    """What Python opens or lists below the forbidden folder; what other libraries open is told by its content."""
    if (
        event in ("open", "os.listdir", "os.scandir")
        and _place[0]
        and isinstance(given[0], str)
        and os.path.realpath(given[0]).startswith(_place[0])
    ):
        _heard.append(f"{event} {given[0]}")


sys.addaudithook(_hear)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An allowed folder and a forbidden one beside it."""
    here, away = tmp_path / "here", tmp_path / "away"
    here.mkdir()
    outside(away)
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(here))
    monkeypatch.setenv("DATASEL_WORKSPACE", str(here / "workspace"))
    _heard.clear()
    yield here, away
    _place[0] = ""


def told(workspace, source, kind, **options):
    """All that is said of a source: what the guess says, the pool or the error, and every file of the workspace."""
    said = [kind_of(Workspace.allowed(workspace, source)) if "{" not in str(source) else ""]
    pool = None
    try:
        pool = add_pool(workspace, "p", str(source), kind, options)
        said += [json.dumps(pool.about), str(pool.take(range(pool.n)).to_pylist())]
    except BadRequest as error:
        said.append(str(error))
    return pool, "\n".join(said)


@pytest.mark.parametrize("name", SOURCES)
def test_what_lies_outside_is_not_looked_into(world, name):
    here, away = world
    source, kind = SOURCES[name](here, away)
    _place[0] = str(away)
    try:
        pool, said = told(Workspace.at(), source, kind)
    except BadRequest as error:
        pool, said = None, str(error)
    assert _heard == []
    assert "canary" not in said
    if pool is not None:
        opened = [pool.open(row) for row in range(pool.n) if "image" in pool.opens]
        assert all(photo.getpixel((0, 0)) is not None for photo in opened)
        assert _heard == []
        assert pool.n + pool.left_out + len(pool.about["notes"]) > 0


SAID = {
    "yolo path": "The part val is not there",
    "yolo folder": "The part val was left out: .*away lies outside the allowed folders; set DATASEL_DATA_ROOTS",
    "yolo list": "The part val was left out: .*list.txt lies outside the allowed folders",
    "yolo list of pictures away": "it lies outside the allowed folders",
    "yolo labels by a link": "its label file lies outside the allowed folders",
}


@pytest.mark.parametrize("name", SAID)
def test_what_was_left_out_is_said(world, name):
    source, kind = SOURCES[name](*world)
    pool, said = told(Workspace.at(), source, kind)
    assert pool is not None
    assert re.search(SAID[name], said)


@pytest.mark.parametrize("name", ["coco by a link", "imagefolder by a link", "yolo labels by a link", "yolo list"])
def test_where_both_folders_are_allowed_nothing_is_left_out(world, monkeypatch, name):
    here, away = world
    monkeypatch.setenv("DATASEL_DATA_ROOTS", os.pathsep.join([str(here), str(away)]))
    pool, said = told(Workspace.at(), *SOURCES[name](here, away))
    assert "outside the allowed" not in said
    assert "canary" in said or "person" in said
