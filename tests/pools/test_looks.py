"""Photos are looked at in order, small ones one by one and large ones by several threads: the same comes out."""

import hashlib
import os

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.pools.media import looks
from tests.conftest import paint
from tests.pools import layouts


def source_of(listed, folder):
    """Forty photos, in a folder or as a table or annotations list them; and files that may not be read."""
    if listed == "coco":
        return layouts.coco(folder, 40)
    names = [f"{at:02d}.jpg" for at in range(40)]
    for at, name in enumerate(names):
        paint(folder / name, at)
    (folder / "cut.jpg").write_bytes((folder / names[0]).read_bytes()[:500])
    if listed == "folder":
        return folder
    outside = paint(folder.parent.parent / f"{folder.parent.name}-outside" / "x.jpg", 1)
    (folder / "link.jpg").symlink_to(outside)
    rows = [*(f"{name},a" for name in names), "link.jpg,b", "none.jpg,c", "cut.jpg,d"]
    (folder / "t.csv").write_text("\n".join(["path,caption", *rows]) + "\n")
    return folder / "t.csv"


@pytest.mark.parametrize(("large", "threads"), [(0, [4]), (1 << 30, [])])
@pytest.mark.parametrize("listed", ["folder", "photos", "pairs", "coco"])
def test_small_photos_are_read_one_by_one_and_large_ones_by_several_threads(
    workspace, tmp_path, monkeypatch, large, threads, listed
):
    source = source_of(listed, tmp_path / "in")
    asked, in_order = [], looks.in_order
    monkeypatch.setattr(looks, "_LARGE", large)
    monkeypatch.setattr(looks, "in_order", lambda work, items, n: asked.append(n) or in_order(work, items, n))
    pool = add_pool(workspace, "p", str(source), "pairs" if listed == "pairs" else "images")
    assert asked == threads
    assert pool.n == 40
    for row in range(40):
        content = hashlib.blake2b(pool.path(row).read_bytes(), digest_size=16).hexdigest()
        if listed == "pairs":
            content = hashlib.blake2b(f'["{content}","a"]'.encode(), digest_size=16).hexdigest()
        assert pool.table["content"][row].as_py() == content
        assert pool.table["bytes"][row].as_py() == pool.path(row).stat().st_size
    said = {one["id"]: one["reason"] for one in pool.unreadable}
    assert set(said) == {"folder": {"cut.jpg"}, "coco": set()}.get(listed, {"link.jpg", "none.jpg", "cut.jpg"})
    assert "lies outside the allowed folders" in said.get("link.jpg", "it lies outside the allowed folders")


def test_photos_are_as_large_as_most_of_them_are(tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "_LARGE", 100)
    monkeypatch.setattr(looks, "in_order", lambda work, items, n: pytest.fail("several threads"))
    names = [f"{at}.bin" for at in range(1000)]
    for at, name in enumerate(names):
        (tmp_path / name).write_bytes(b"x" * (99 if at % 5 < 3 else 9000))
    places = {name: str(tmp_path / name) for name in names} | {"gone": str(tmp_path / "gone"), "outside": None}
    asked = []
    items = list(places)
    found = looks.look_at_all(str.upper, items, lambda name: asked.append(name) or places[name], Progress())
    assert list(found) == [(name, name.upper()) for name in items]
    assert 60 <= len(asked) <= 64


def test_nothing_is_looked_at_before_it_is_asked_for(tmp_path):
    done = []
    found = looks.look_at_all(lambda item: done.append(item), list(range(100)), lambda item: os.devnull, Progress())
    next(found)
    assert done == [0]
    assert list(looks.look_at_all(str, [], str, Progress())) == []
