"""Looking for data, a folder at a time, under the allowed ones."""

import os

import pytest

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools import browse
from tests.conftest import paint


def test_a_level_lists_folders_and_what_can_be_read(workspace, tmp_path):
    (tmp_path / "B").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("t.csv", "v.npz", "s.jsonl.gz", "x.tar", "movie.mp4", ".secret.csv"):
        (tmp_path / name).write_bytes(b"")
    for at in range(3):
        paint(tmp_path / f"{at}.jpg", at)
    there = browse.level(workspace, tmp_path)
    assert there.folders == ["a", "B"]
    assert there.files == ["s.jsonl.gz", "t.csv", "v.npz", "x.tar"]
    assert there.photos == 3
    assert there.whole
    assert there.above is None  # it is allowed; what it lies in is not
    assert browse.level(workspace, tmp_path / "a").above == tmp_path


def test_outside_the_allowed_folders_nothing_is_seen(workspace, tmp_path):
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        browse.level(workspace, tmp_path.parent)
    os.symlink(tmp_path.parent, tmp_path / "way-out")
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        browse.level(workspace, tmp_path / "way-out")


def test_what_cannot_be_looked_into_is_one_line(workspace, tmp_path):
    with pytest.raises(BadInput, match=r"missing cannot be looked into: No such file or directory\."):
        browse.level(workspace, tmp_path / "missing")


def test_of_a_huge_folder_the_beginning_is_listed(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(browse, "_LOOKED_AT", 4)
    for at in range(6):
        (tmp_path / "many" / f"{at}").mkdir(parents=True)
    there = browse.level(workspace, tmp_path / "many")
    assert len(there.folders) == 4
    assert not there.whole
