"""A photo that is replaced after its pool was added is noticed wherever it is opened; one only touched is the same."""

import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every, find
from datasel_core.errors import BadRequest, Stopped
from datasel_core.exports.files import Files
from datasel_core.features.computation import compute_feature
from datasel_core.pools.media import pictures
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, reproduction
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from pages._ui.media.photos import thumbnail
from tests.conftest import paint, rewritten
from tests.exports.exporting import UNSUITED

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


@pytest.mark.parametrize("format", [id for id in every("export format") if id not in UNSUITED])
def test_every_format_names_it_or_is_refused(workspace, tmp_path, capfd, format):
    """Whatever is written says so; what would deliver another photo is not written at all."""
    for at in range(6):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [f"{at:032x},{at}.jpg" for at in range(6)]
    (tmp_path / "in" / "t.csv").write_text("\n".join(["id,path", *lines]) + "\n")
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images")
    run = engine.select(workspace, Spec(pool="p", method="random", budget="100%"))
    suffix = find("export format", format).suffix
    words = ["export", str(run.folder), "--format", format, "--out"]
    capfd.readouterr()
    assert main([*words, str(tmp_path / f"before{suffix}")]) == 0
    assert "replaced" not in capfd.readouterr().err
    replace(pool, 3)
    code, err = main([*words, str(tmp_path / f"after{suffix}")]), capfd.readouterr().err
    assert pool.ids[3] in err
    assert "replaced after the pool was added" in err
    assert (tmp_path / f"after{suffix}").exists() == (code == 0)
    assert code == 0 or len([line for line in err.splitlines() if "replaced" in line]) == 1


def stopping(after):
    """A progress that asks to stop once so many were computed."""
    seen = []
    told = lambda step: seen.append(step.done) if step.label.startswith("computing") else None  # noqa: E731
    return Progress(report=told, should_stop=lambda: bool(seen) and max(seen) >= after, every=0)


def test_a_feature_that_goes_on_lists_what_was_replaced_meanwhile(workspace, photos, monkeypatch):
    """What was encoded before is of the photo that was added, and stays; what was not is left out."""
    pool, feature = (
        of_photos(workspace, photos),
        find("feature", "dictionary_embedding")(n_atoms=8, n_dims=4, cell_px=2),
    )
    monkeypatch.setattr("datasel_core.features.chunks.CHUNK", 1)
    straight = np.array(compute_feature(Workspace(workspace.path.parent / "other"), pool, feature).values())
    monkeypatch.setattr(find("feature", "dictionary_embedding"), "blocks", one_by_one(type(feature).blocks))
    with pytest.raises(Stopped):
        compute_feature(workspace, pool, feature, stopping(5))
    replace(pool, 1)
    replace(pool, 10)
    kept = compute_feature(workspace, load_pool(workspace, "p"), feature, Progress())
    assert [(one["row"], one["reason"]) for one in kept.unreadable] == [(10, WHY)]
    there = [row for row in range(pool.n) if row != 10]
    np.testing.assert_allclose(kept.values()[there], straight[there], rtol=1e-5)


def one_by_one(real):
    def blocks(self, source, rows, fitted):
        for row in rows:
            yield from real(self, source, np.array([row]), fitted)

    return blocks


def test_a_finished_feature_says_that_its_photos_are_others(pool, workspace, capfd):
    words = ["feature", "compute", "p", "dictionary_embedding", "--set", "n_atoms=8", "--set", "n_dims=4", "--set"]
    words += ["cell_px=2"]
    assert main(words) == 0
    assert "no longer there" not in capfd.readouterr().err
    replace(pool, 3)
    assert main(words) == 0
    said = "The values are of photos that are no longer there: 1 photo was replaced after the pool was added"
    assert f"{said} ({pool.ids[3]})" in capfd.readouterr().err


def test_evaluate_names_it(pool, workspace, capfd):
    run = engine.select(workspace, Spec(pool="p", method="random", budget="5"))
    replace(pool, 3)
    capfd.readouterr()
    assert main(["evaluate", str(run.folder), "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["metrics"] == run.manifest["result"]["metrics"]
    assert f"{pool.ids[3]}: {WHY}." in err


def test_a_probe_that_looks_at_photos_names_the_one_that_it_cannot_look_at(workspace, photos, capfd):
    pool = of_pairs(workspace, photos)
    run = engine.select(workspace, Spec(pool="p", method="random", budget="6"))
    row = int(run.selection.rows[0])
    replace(pool, row)
    capfd.readouterr()
    assert main(["evaluate", str(run.folder), "--probe", "retrieval", "--set", "steps=1", "--held-out", "rest"]) == 2
    said = f"The probe retrieval cannot look at {pool.ids[row]}: {WHY}."
    assert capfd.readouterr().err.splitlines()[-1] == said


def test_one_of_a_target_is_named_too(workspace, photos, capfd):
    pool = of_photos(workspace, photos)
    for at in range(4):
        paint(photos.parent / "wanted" / f"{at}.jpg", 70 + at)
    wanted = add_pool(workspace, "t", str(photos.parent / "wanted"), "images")
    feature = find("feature", "dictionary_embedding")
    asked = {"n_atoms": 8, "n_dims": 4, "cell_px": 2}
    kept = compute_feature(workspace, pool, feature(**asked), Progress())
    compute_feature(workspace, wanted, feature(**asked, like=kept.key), Progress())
    run = engine.select(workspace, Spec(pool="p", method="nearest_targets", budget="3", target="t"))
    assert main(["verify", str(run.folder)]) == 0
    assert main(["reproduce", str(run.folder)]) == 0
    replace(wanted, 2)
    capfd.readouterr()
    assert main(["verify", str(run.folder)]) == 1
    assert f"2.jpg: {WHY}." in capfd.readouterr().err
    assert main(["reproduce", str(run.folder)]) == 2
    said = "The target t is not what it was: 1 photo was replaced after the pool was added (2.jpg)"
    assert said in capfd.readouterr().err


def of_shard(workspace, folder):
    """Pairs in a tar shard, and how the second picture in it is replaced."""
    pictures = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]

    def write():
        with tarfile.open(folder.parent / "s.tar", "w") as tar:
            for at, data in enumerate(pictures):
                for end, content in (("jpg", data), ("txt", f"a picture {at}".encode())):
                    member = tarfile.TarInfo(f"{at:02d}.{end}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))

    write()
    return add_pool(workspace, "p", str(folder.parent / "s.tar"), "pairs"), pictures, write


def of_cells(workspace, folder):
    """Pictures in cells of a Parquet table."""
    pictures = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]

    def write():
        table = pa.table({"id": [f"{at:02d}" for at in range(len(pictures))], "image": pictures})
        pq.write_table(table, folder.parent / "cells.parquet")

    write()
    return add_pool(workspace, "p", str(folder.parent / "cells.parquet"), "images"), pictures, write


@pytest.mark.parametrize("of", [of_shard, of_cells])
def test_a_picture_within_a_larger_file_is_noticed_too(workspace, photos, capfd, of):
    pool, pictures, write = of(workspace, photos)
    run = engine.select(workspace, Spec(pool="p", method="random", budget="4"))
    assert main(["verify", str(run.folder)]) == 0
    write()  # touched, and the same
    assert main(["verify", str(run.folder)]) == 0
    before = thumbnail(pool, 1, 96)
    other = paint(photos.parent / "other.jpg", 99).read_bytes()
    size = len(pictures[1])
    assert len(other) != size or other != pictures[1]
    pictures[1] = other[: size - 2].ljust(size - 2, b"\0") + b"\xff\xd9"
    write()
    capfd.readouterr()
    assert main(["verify", str(run.folder)]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "changed" in line]
    assert line.startswith(f"{pool.ids[1]}: ")
    assert main(["reproduce", str(run.folder)]) == 2
    assert f"1 photo was replaced after the pool was added ({pool.ids[1]})" in capfd.readouterr().err
    assert thumbnail(pool, 1, 96) != before
    about = json.loads((pool.folder / "pool.json").read_text())
    assert len(about["shards"]) == 1
    rewritten(pool.folder / "pool.json", shards={})  # an older pool: nothing is known of its files
    assert main(["verify", str(run.folder)]) == 0


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
