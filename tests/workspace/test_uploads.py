"""Files that somebody dropped: names of strangers lead nowhere, nothing is lost, and what nobody uses goes."""

import os
import shutil
from collections import namedtuple

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.cli.pools import remove
from datasel_core.errors import BadRequest, Failed
from datasel_core.workspace import leftovers, uploads
from datasel_core.workspace.uploads import Dropped, places, receive
from tests.conftest import paint

DAY = 86400


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a.jpg", "dropped/a.jpg"),
        ("trip/sea/a.jpg", "trip/sea/a.jpg"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\a.jpg", "C_/Windows/a.jpg"),
        ("trip/./../..//a.jpg", "trip/a.jpg"),
        ("..", "dropped/file"),
        ("", "dropped/file"),
        ("\0", "dropped/_"),
        ("a\nb\x1b[31m.jpg", "dropped/a_b_[31m.jpg"),
        ("\u202egpj.exe", "dropped/_gpj.exe"),
        ("trip/CON", "trip/_CON"),
        ("trip/nul.txt", "trip/_nul.txt"),
        ("trip/.hidden", "trip/hidden"),
        ("trip/a. ", "trip/a"),
        ('<b>"x"|?*.jpg', "dropped/_b__x____.jpg"),
        ("e\u0301t\u00e9/\u6d77.jpg", "\u00e9t\u00e9/\u6d77.jpg"),
    ],
)
def test_a_name_leads_nowhere(name, place):
    assert places([name]) == [place]


def test_long_names_keep_their_suffix_and_fit():
    (place,) = places(["trip/" + "\u6d77" * 300 + ".jpeg"])
    assert place.endswith(".jpeg")
    assert len(place.split("/")[1].encode()) <= 120


def test_no_two_are_the_same_on_any_system():
    names = ["a.jpg", "a.jpg", "A.JPG", "a (2).jpg", "t/a", "t/a/b", "t/A/c", "x|y", "x?y", *["same"] * 50]
    found = places(names)
    assert len({one.lower() for one in found}) == len(names)
    assert not {one.lower() for one in found} & {"t/a"}  # a folder is called so
    assert found[:2] == ["dropped/a.jpg", "dropped/a (2).jpg"]


def dropped(**files):
    return [Dropped(name.replace("__", "/"), data) for name, data in files.items()]


def test_what_was_dropped_is_what_lies_there(workspace):
    folder = receive(workspace, dropped(trip__sea__a=b"1", trip__hills__a=b"2", trip__b=b""))
    assert folder.parent.parent == workspace.uploads()
    assert folder.name == "trip"
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
        "sea/a": b"1",
        "hills/a": b"2",
        "b": b"",
    }
    assert receive(workspace, dropped(trip__b=b"", trip__sea__a=b"1", trip__hills__a=b"2")) == folder
    assert receive(workspace, dropped(trip__b=b"!", trip__sea__a=b"1", trip__hills__a=b"2")) != folder
    several = receive(workspace, dropped(trip__a=b"1", other__a=b"1"))
    assert sorted(path.name for path in several.iterdir()) == ["other", "trip"]
    alone = receive(workspace, [Dropped("t.csv", b"a,b")])
    assert (alone.name, alone.read_bytes()) == ("t.csv", b"a,b")
    loose = receive(workspace, dropped(a=b"1", b=b"2"))
    assert sorted(path.name for path in loose.iterdir()) == ["a", "b"]
    inside = receive(workspace, dropped(trip__a=b"1"))
    assert inside.name == "trip"  # a folder stays one, with one file in it too
    assert [path for path in workspace.uploads().iterdir() if path.name.startswith(".")] == []


def test_what_does_not_fit_is_refused_before_anything_is_written(workspace, monkeypatch):
    monkeypatch.setattr(uploads, "MOST", 10)
    with pytest.raises(BadRequest) as error:
        receive(workspace, [Dropped("a", b"123456"), Dropped("b", b"78901")])
    assert str(error.value) == (
        "These files take 0.0 GB; at most 0 GB can be dropped. Open them by their path, which copies nothing."
    )
    disk = namedtuple("Disk", "total used free")
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: disk(9, 9, 500_000_005))
    with pytest.raises(BadRequest) as error:
        receive(workspace, [Dropped("a", b"123456")])
    assert str(error.value) == (
        "These files take 0 MB, and 500 MB are free where the workspace lies, of which 500 MB stay free. Free some "
        "space, or open them by their path, which copies nothing."
    )
    assert not workspace.uploads().exists()
    assert receive(workspace, [Dropped("a", b"12345")]).read_bytes() == b"12345"


def test_a_disk_that_fails_leaves_nothing_half(workspace, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.Path, "write_bytes", full)
    with pytest.raises(Failed, match="The disk is full"):
        receive(workspace, dropped(a=b"1"))
    assert list(workspace.uploads().iterdir()) == []


def age(folder, seconds=DAY + 60):
    stat = os.stat(folder)
    os.utime(folder, (stat.st_atime - seconds, stat.st_mtime - seconds))


def test_what_became_no_pool_goes_after_a_day_and_nothing_else(workspace, tmp_path, capsys):
    data = paint(tmp_path / "a.jpg", 1).read_bytes()
    pool, lost, fresh = (
        receive(workspace, [Dropped(f"{name}/a.jpg", data)]).parent for name in ("pool", "lost", "fresh")
    )
    half = workspace.uploads() / ".half.1234"
    half.mkdir()
    add_pool(workspace, "p", str(pool / "pool"), "images")
    for one in (pool, lost, half):
        age(one)
    leftovers.clear(workspace)
    assert [one.exists() for one in (pool, lost, half, fresh)] == [True, False, False, True]
    remove("p")
    assert f"The files that were dropped into the browser for it lie in {pool}; delete them" in capsys.readouterr().err
    leftovers.clear(workspace)
    assert pool.exists()  # somebody looked at them: they are that person's to delete


def test_while_a_pool_cannot_be_read_nothing_goes(workspace):
    lost = receive(workspace, dropped(lost__a=b"1")).parent
    age(lost)
    workspace.pool("p").mkdir(parents=True)
    (workspace.pool("p") / "pool.json").write_text("{")
    leftovers.clear(workspace)
    assert lost.exists()
    shutil.rmtree(workspace.pool("p"))
    leftovers.clear(workspace)
    assert not lost.exists()
