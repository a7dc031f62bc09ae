"""Selections as people come back to them."""

from datasel_core.runs.catalog import names
from datasel_core.runs.catalog.shelf import shelf
from datasel_core.runs.engine import answer
from datasel_core.runs.run import State
from tests.runs import joints

built, scene = joints.built, joints.scene


def test_each_says_its_name_size_state_and_what_builds_on_it(scene):
    first = scene.ask("random", 30)
    second = scene.ask("k_center", 4, within=first.key)
    third = scene.ask("k_center", 3, already=first.key)
    other = scene.ask("random", 5, pool="task")
    seen = answer(scene.plan("random", 9), preview=True)
    names.give(scene.workspace, first.folder, "first round", "for Anna")
    names.give(scene.workspace, third.folder, "third")
    found = {one.key: one for one in shelf(scene.workspace)}
    assert found.keys() == {first.key, second.key, third.key, other.key}
    one = found[first.key]
    assert (one.name, one.note, one.pool, one.n, one.state) == ("first round", "for Anna", "all", 30, State.KEPT)
    assert one.builders == ("k-center, 4", "third")
    assert one.created == first.manifest["created_utc"]
    assert one.bytes == sum(path.stat().st_size for path in first.folder.rglob("*") if path.is_file())
    assert found[second.key].builders == ()
    own = {one.key for one in shelf(scene.workspace, scene.pool.fingerprint)}
    assert own == {first.key, second.key, third.key}
    with_previews = {one.key: one.state for one in shelf(scene.workspace, previews=True)}
    assert with_previews[seen.key] is State.PREVIEW
    created = [one.created for one in shelf(scene.workspace)]
    assert created == sorted(created, reverse=True)


def test_a_damaged_one_is_listed_and_builds_on_nothing_that_is_known(scene):
    first = scene.ask("random", 30)
    later = scene.ask("k_center", 4, within=first.key)
    whole = (later.folder / "manifest.json").read_text()
    (later.folder / "manifest.json").write_text("{")
    found = {one.key: one for one in shelf(scene.workspace, scene.pool.fingerprint)}
    assert found[later.key].state is State.DAMAGED
    assert (found[later.key].name, found[later.key].n, found[later.key].pool) == (later.key, None, "")
    assert found[first.key].builders == ()
    (later.folder / "manifest.json").write_text(whole)
    table = (later.folder / "selection.parquet").read_bytes()
    (later.folder / "selection.parquet").write_bytes(table[:-1] + b"x")
    found = {one.key: one for one in shelf(scene.workspace)}
    assert found[later.key].state is State.DAMAGED
    assert found[later.key].name == "k-center, 4"
    assert shelf(scene.workspace, "0" * 64) == []
