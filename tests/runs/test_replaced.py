"""A photo that is replaced after its pool was added is noticed wherever it is opened; one only touched is the same."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.exports.files import Files
from datasel_core.features.computation import compute_feature
from datasel_core.pools.media import pictures
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, reproduction
from datasel_core.runs.spec import Spec
from pages._ui.media.photos import thumbnail
from tests.conftest import paint

WHY = "it was replaced after the pool was added (its bytes differ); add the pool again"


def of_photos(workspace, folder):
    return add_pool(workspace, "p", str(folder), "images")


def of_pairs(workspace, folder):
    rows = [
        {"path": path.relative_to(folder).as_posix(), "caption": path.stem} for path in sorted(folder.rglob("*.jpg"))
    ]
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return add_pool(workspace, "p", str(folder / "t.jsonl"), "pairs")


def of_table(workspace, folder):
    (folder / "t.csv").write_text(
        "path\n" + "".join(f"{p.relative_to(folder)}\n" for p in sorted(folder.rglob("*.jpg")))
    )
    return add_pool(workspace, "p", str(folder / "t.csv"), "images")


@pytest.fixture(params=[of_photos, of_pairs, of_table])
def pool(request, workspace, photos):
    return request.param(workspace, photos)


def replace(pool, row, seed=99):
    """Another photo in the same place, of the same size in bytes and with the same time of writing."""
    path = pool.path(row)
    before, size = os.stat(path), path.stat().st_size
    paint(path, seed)
    data = path.read_bytes()[:-2].ljust(size - 2, b"\0")[: size - 2] + b"\xff\xd9"
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_it_is_not_opened_for_what_it_is_not(pool, workspace):
    replace(pool, 3)
    pool = load_pool(workspace, "p")
    with pytest.raises(BadRequest) as error:
        pool.open(3)
    assert str(error.value) == WHY
    assert pool.open(4).size == (48, 40)


def test_a_feature_lists_it_as_unreadable(pool, workspace):
    replace(pool, 3)
    kept = compute_feature(workspace, load_pool(workspace, "p"), find("feature", "dictionary_patterns")(), Progress())
    assert [(one["row"], one["reason"]) for one in kept.unreadable] == [(3, WHY)]


def test_the_wall_shows_a_grey_tile_not_the_photo_that_was_there(pool):
    before = thumbnail(pool, 3, 96)
    replace(pool, 3)
    assert thumbnail(pool, 3, 96) != before
    assert thumbnail(pool, 4, 96) != thumbnail(pool, 3, 96)


def test_exports_verify_and_reproduce_name_it(pool, workspace, tmp_path, capfd):
    run = engine.select(workspace, Spec(pool="p", method="random", budget="100%"))
    assert main(["verify", str(run.folder)]) == 0
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    replace(pool, 3)
    id = pool.ids[3]
    with pytest.raises(BadRequest, match="The files are not what was chosen: 1 photo was replaced after") as error:
        Files().write(open_record(workspace, run.folder), tmp_path / "out", Progress())
    assert f"({id})" in str(error.value)
    assert not (tmp_path / "out").exists()
    capfd.readouterr()
    assert main(["export", str(run.folder), "--format", "ids", "--out", str(tmp_path / "ids.txt")]) == 0
    assert f"{id}: {WHY}." in capfd.readouterr().err
    assert main(["verify", str(run.folder)]) == 1
    assert f"{id}: {WHY}." in capfd.readouterr().err
    assert main(["verify", str(run.folder), "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["problems"] == [f"{id}: {WHY}."]
    with pytest.raises(
        BadRequest, match="The pool p is not what it was: 1 photo was replaced after the pool was added"
    ):
        reproduction.reproduce(workspace, run.folder)


def test_one_that_was_not_chosen_is_named_by_verify_too(pool, workspace, capfd):
    run = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
    other = next(row for row in range(pool.n) if row not in run.selection.rows)
    replace(pool, other)
    assert main(["verify", str(run.folder)]) == 1
    assert pool.ids[other] in capfd.readouterr().err
    assert open_record(workspace, run.folder).changes(Progress()).replaced == ()


def test_a_pool_that_was_added_anew_does_not_hide_it(workspace, photos, capfd):
    pool = of_photos(workspace, photos)
    run = engine.select(workspace, Spec(pool="p", method="random", budget="100%"))
    replace(pool, 3)
    of_photos(workspace, photos)
    assert main(["verify", str(run.folder)]) == 1
    assert pool.ids[3] in capfd.readouterr().err


def test_photos_that_are_away_are_said_and_are_no_problem(workspace, photos, capfd):
    pool = of_photos(workspace, photos)
    run = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
    photos.rename(photos.parent / "elsewhere")
    assert main(["verify", str(run.folder)]) == 0
    assert f"Not looked at: {pool.n} photos of the pool (a/00.jpg: the file is not there)" in capfd.readouterr().err


def test_a_photo_that_was_touched_or_copied_back_is_the_same(pool, workspace, tmp_path):
    shutil.copy(pool.path(3), tmp_path / "same.jpg")
    os.utime(pool.path(2), (1, 1))
    os.replace(tmp_path / "same.jpg", pool.path(3))
    for row in (2, 3):
        assert pool.open(row).size == (48, 40)
        pool.check(row)


def reading(monkeypatch):
    """Which files are read from now on, by `check`."""
    seen, read = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (seen.append(path.name), read(path))[1])
    return seen


def test_nothing_is_read_where_size_and_times_are_what_they_were(workspace, photos, monkeypatch):
    monkeypatch.setattr(pictures, "_TICK", 0)  # as if the photos had been written long ago
    monkeypatch.setattr(pictures, "_hashes", {})
    pool = of_photos(workspace, photos)
    seen = reading(monkeypatch)
    for row in range(pool.n):
        pool.check(row)
    assert seen == []
    os.utime(pool.path(5), (1, 1))
    pool.check(5)
    pool.check(5)
    assert seen == [Path(pool.ids[5]).name]  # once by this process


def test_one_of_the_same_size_and_time_is_noticed_by_when_its_entry_changed(workspace, photos, monkeypatch):
    monkeypatch.setattr(pictures, "_TICK", 0)
    pool = of_photos(workspace, photos)
    assert pool.stamp(3) == pictures.stamp_of(os.stat(pool.path(3)))
    replace(pool, 3)
    assert pool.stamp(3)[:2] == pictures.stamp_of(os.stat(pool.path(3)))[:2]
    with pytest.raises(BadRequest, match="replaced"):
        pool.check(3)
    with pytest.raises(BadRequest, match="replaced"):
        pool.open(3)


def test_a_photo_written_a_moment_ago_is_read_again_each_time(workspace, photos, monkeypatch):
    monkeypatch.setattr(pictures, "_TICK", 10**18)
    pool = of_photos(workspace, photos)
    seen = reading(monkeypatch)
    pool.check(0)
    pool.check(0)
    assert len(seen) == 2


def test_an_older_pool_and_one_whose_stamps_are_damaged_compare_bytes(workspace, photos):
    pool = of_photos(workspace, photos)
    (stamps,) = pool.folder.glob("stamps-*.npy")
    assert np.load(stamps).shape == (12, 3)
    for damage in (lambda: stamps.write_bytes(b"\x93NUMPY"), stamps.unlink):
        damage()
        now = load_pool(workspace, "p")
        assert now.stamp(0) == ()
        assert now.open(0).size == (48, 40)
    replace(pool, 0)
    with pytest.raises(BadRequest, match="replaced"):
        load_pool(workspace, "p").open(0)


def test_stamps_change_nothing_that_a_pool_is_known_by(workspace, photos, tmp_path):
    one = of_photos(workspace, photos)
    for path in photos.rglob("*.jpg"):
        os.utime(path, (5, 5))
    again = of_photos(workspace, photos)
    assert (again.fingerprint, again.table_sha256) == (one.fingerprint, one.table_sha256)
    assert again.columns == ["id", "path", "group", "width", "height", "bytes"]
    paint(photos / "a" / "00.jpg", 50)
    of_photos(workspace, photos)
    assert len(list(one.folder.glob("stamps-*.npy"))) == 1


def test_a_damaged_pool_does_not_keep_a_selection_from_being_verified(workspace, photos):
    pool = of_photos(workspace, photos)
    run = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
    (pool.folder / "pool.parquet").write_bytes(b"no")
    assert main(["verify", str(run.folder)]) == 0
