"""Pools as a person comes back to them."""

from datetime import UTC, datetime
from types import SimpleNamespace

from datasel_core.runs.catalog.recent import recent


def run(pool, created):
    return SimpleNamespace(manifest={"pool": {"name": pool}, "created_utc": created})


def test_what_was_used_last_comes_first():
    day = [datetime(2026, 5, at, tzinfo=UTC) for at in (1, 2, 3)]
    pools = [({"name": name}, at.timestamp()) for name, at in zip(("old", "new", "newest"), day, strict=True)]
    runs = [run("old", "2026-05-09T10:00:00Z"), run("old", "2026-05-04T10:00:00Z"), run("gone", "2026-05-20T10:00:00Z")]
    found = recent(pools, runs)
    assert [(one.about["name"], one.selections) for one in found] == [("old", 2), ("newest", 0), ("new", 0)]
    assert found[0].used == datetime(2026, 5, 9, 10, tzinfo=UTC)
    assert found[2].used == day[1]
    assert recent([], runs) == []
