"""Pictures of an export: names that are those of the pool and never collide, bytes that are those of the source."""

import hashlib
import io
import os
import tarfile
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.exports.content import Copy, put
from datasel_core.exports.pictures import kept_rows, pictures
from datasel_core.pools.persistence import remove_pool
from datasel_core.runs import engine
from datasel_core.runs.catalog import places
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.exports.exporting import export


def table(workspace, tmp_path, names, folder="in"):
    """A pool of painted photos with these paths, seen from a table in `folder`."""
    for at, name in enumerate(names):
        paint(tmp_path / folder / name, at)
    (tmp_path / folder / "t.csv").write_text("\n".join(["path", *names]) + "\n")
    return add_pool(workspace, "p", str(tmp_path / folder / "t.csv"), "images")


def kept(workspace, n, name="p"):
    run = engine.select(workspace, Spec(pool=name, method="random", budget=str(n)))
    return open_record(workspace, run.folder)


def bytes_of(found, tmp_path):
    """Name -> what would be written."""
    for content in found.contents.values():
        put(content, tmp_path / "written")
        yield (tmp_path / "written").read_bytes()


def test_names_are_those_of_the_pool_and_never_collide(workspace, tmp_path):
    names = ["a/0.jpg", "../a/0.jpg", "a/0-2.jpg", "datasel/0.jpg", "images/1.png", "1.jpg", "1.png"]
    pool = table(workspace, tmp_path, names)
    assert pool.ids.tolist() == names
    rows = np.arange(7)
    found = pictures(pool, rows, Progress())
    plain = ["a/0.jpg", "a/0-2.jpg", "a/0-2-2.jpg", "images/datasel/0.jpg", "images/1.png", "1.jpg", "1.png"]
    assert found.names == list(found.contents) == plain
    assert list(bytes_of(found, tmp_path)) == [(tmp_path / "in" / name).read_bytes() for name in names]
    below = pictures(pool, rows, Progress(), "images", stems=True).names
    assert below == [
        *("images/a/0.jpg", "images/a/0-2.jpg", "images/a/0-2-2.jpg", "images/datasel/0.jpg", "images/1.png"),
        *("images/1-2.jpg", "images/1-3.png"),
    ]
    links = pictures(pool, rows[::-1], Progress(), link=True).contents.values()
    assert all(isinstance(one, Copy) and one.link for one in links)


def test_pictures_inside_other_files_leave_with_their_own_bytes(workspace, tmp_path):
    """From Parquet, with a name from the id; two samples of one picture in a tar share it."""
    own = [paint(tmp_path / f"{at}.{end}", at).read_bytes() for at, end in enumerate(["jpg", "png", "jpg"])]
    ids = ["x/../y.png/0", 'what? "1"', "b.JPG"]
    (tmp_path / "in").mkdir()
    cells = [{"bytes": data, "path": None} for data in own]
    pq.write_table(pa.table({"id": ids, "image": cells}), tmp_path / "in" / "t.parquet")
    pool = add_pool(workspace, "cells", str(tmp_path / "in" / "t.parquet"), "images")
    found = pictures(pool, np.array([2, 0, 1]), Progress(), "images")
    bent = [hashlib.sha256(id.encode()).hexdigest()[:8] for id in ids]
    right = {
        "images/b.JPG": own[2],
        f"images/x/y.png/0-{bent[0]}.jpg": own[0],
        f"images/what_ _1_-{bent[1]}.png": own[1],
    }
    assert found.names == list(right)
    assert dict(zip(found.contents, bytes_of(found, tmp_path), strict=True)) == right

    with tarfile.open(tmp_path / "in" / "0.tar", "w") as tar:
        for name, data in (("k.png", own[1]), ("k.json", b'{"captions": ["one", "two"]}')):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    pool = add_pool(workspace, "tar", str(tmp_path / "in" / "0.tar"), "pairs")
    found = pictures(pool, np.arange(2), Progress())
    assert found.names == ["k#1.png"] * 2
    assert list(bytes_of(found, tmp_path)) == [own[1]]

    whole = (tmp_path / "in" / "0.tar").read_bytes()
    (tmp_path / "in" / "0.tar").write_bytes(whole.replace(own[1], own[1][::-1]))
    said = "The picture of k#1 cannot be read: 0.tar changed since it was read; add the pool again."
    with pytest.raises(BadRequest, match=said):
        list(bytes_of(found, tmp_path))


def test_a_pool_that_is_gone_or_other_photos_are_refused(workspace, tmp_path):
    table(workspace, tmp_path, ["0.jpg", "1.jpg"])
    one = kept(workspace, 2)
    pool, rows = kept_rows(one, Progress())
    assert pool.ids[rows].tolist() == one.table["id"].to_pylist()
    paint(tmp_path / "in" / "0.jpg", 9)
    with pytest.raises(BadRequest, match="The files are not what was chosen: 1 photo was replaced .* choose again"):
        kept_rows(kept(workspace, 2), Progress())
    remove_pool(workspace, "p")
    said = "The pool p is no longer in the workspace, so its samples are not found; add it again"
    with pytest.raises(BadRequest, match=said):
        kept_rows(open_record(workspace, one.folder), Progress())


def test_a_colon_is_a_drive_only_where_one_can_stand(workspace, tmp_path):
    for at, name in enumerate(["0.jpg", "12:30:/x.jpg", "c:/y.jpg", "d/e:/z.jpg"]):
        paint(tmp_path / "in" / name, at)
    (tmp_path / "in" / "0.jpg").rename(tmp_path / "in" / "a:")
    pool = add_pool(workspace, "p", str(tmp_path / "in"), "images")
    found = pictures(pool, np.arange(pool.n), Progress())
    assert sorted(found.names) == ["12:30:/x.jpg", "a:", "d/e:/z.jpg", "y.jpg"]


@pytest.mark.parametrize("names", [("A/x.jpg", "a/x.jpg"), ("x.JPG", "x.jpg"), ("e\u0301.jpg", "\u00e9.jpg")])
def test_a_disk_that_takes_two_names_for_one_is_said(workspace, tmp_path, names, monkeypatch):
    """As on the usual disks of other systems, which list a file under the name that it got first."""
    table(workspace, tmp_path, [*names, "b.jpg"])
    run = engine.select(workspace, Spec(pool="p", method="random", budget="3"))
    export(workspace, run, "files", tmp_path / "good")

    def folded(name):
        return unicodedata.normalize("NFC", name).casefold()

    def listed(place):
        return list({folded(name): name for name in sorted(real(place), reverse=True)}.values())

    real = os.listdir
    monkeypatch.setattr(os, "listdir", listed)
    with pytest.raises(
        Failed, match="lies on a disk that does not tell .* from another name, so one of the two is lost"
    ):
        export(workspace, run, "files", tmp_path / "out")
    assert not (tmp_path / "out" / "datasel").exists()
    assert places.place(tmp_path / "good") == tmp_path / "good" / "datasel"
