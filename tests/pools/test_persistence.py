"""Pools on disk while others are at them: whole, the old or the new one, or in one line not there."""

import threading

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, Failed, UnknownName
from datasel_core.pools import persistence
from datasel_core.pools.persistence import load_pool, pool_names, remove_pool
from tests.conftest import paint


@pytest.fixture
def add(workspace, tmp_path):
    """Adds the pool `p`, the same four photos in these groups."""
    for at in range(4):
        paint(tmp_path / "in" / f"{at}.jpg", at)

    def one(groups):
        lines = "".join(f"{at}.jpg,{group}\n" for at, group in enumerate(groups))
        (tmp_path / "in" / "t.csv").write_text(f"path,group\n{lines}")
        return add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images")

    return one


def meanwhile(monkeypatch, name, action):
    """The action, once, before a function of the module that has been called already gives its answer."""
    real, done = getattr(persistence, name), []

    def call(*given, **named):
        answer = real(*given, **named)
        if not done:
            done.append(1)
            with monkeypatch.context() as patch:
                patch.setattr(persistence, name, real)
                action()
        return answer

    monkeypatch.setattr(persistence, name, call)


@pytest.mark.parametrize("step", ["read_json", "_intact", "_state"])
def test_a_pool_that_is_added_anew_while_it_is_opened_is_whole(workspace, add, monkeypatch, step):
    add("aabb")
    meanwhile(monkeypatch, step, lambda: add("abab"))
    opened = load_pool(workspace, "p")
    assert opened.column("group").tolist() == list("abab")
    assert opened.table_sha256 == load_pool(workspace, "p").table_sha256


def test_a_pool_that_never_stands_still_is_said_to_be_busy(workspace, add, monkeypatch):
    add("aabb")
    states = iter(range(100))
    monkeypatch.setattr(persistence, "_state", lambda folder: next(states))
    with pytest.raises(Failed, match="The pool p is being added again and again; ask once that is over."):
        load_pool(workspace, "p")


def test_a_damaged_pool_is_looked_at_once(workspace, add, monkeypatch):
    add("aabb")
    (workspace.pool("p") / "pool.parquet").write_bytes(b"x")
    looks, read = [], persistence._read
    monkeypatch.setattr(persistence, "_read", lambda *given: looks.append(1) or read(*given))
    with pytest.raises(BadInput, match="The pool p is damaged"):
        load_pool(workspace, "p")
    assert len(looks) == 1


def test_a_pool_is_removed_before_or_after_it_is_added_anew_never_in_between(workspace, add, monkeypatch):
    add("aabb")
    other = threading.Thread(target=remove_pool, args=(workspace, "p"))

    def removed():
        other.start()
        other.join(1)
        assert other.is_alive()

    meanwhile(monkeypatch, "hash_file", removed)
    add("abab")
    other.join(600)
    assert pool_names(workspace) == []
    with pytest.raises(UnknownName, match="There is no pool called p"):
        load_pool(workspace, "p")
    assert add("abab").n == 4
