"""A feature that was measured of some samples only: the others are missing wherever a number is asked for, are counted
once, and nobody writes a reason for each.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
import pytest

import datasel_core as ds
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.features import chunks
from datasel_core.features.chunks import Chunks
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.influence_probe import MEASURED_INFLUENCE
from datasel_core.features.feature import Block, Feature, Source
from datasel_core.features.roles import Roles
from datasel_core.features.stored import about_feature, load
from datasel_core.labels.part import part_of
from datasel_core.methods.by_score import ByScore
from datasel_core.methods.random import Random
from datasel_core.runs import manifest
from pages._ui.charts import numbers

N, MEASURED = 60, (2, 3, 5, 8, 13, 21, 34, 55)


class OfSome(Feature):
    """Measures some rows: the square of the row, less 100; row 34 cannot be read. Nobody finds it by name."""

    role: ClassVar[str] = MEASURED_INFLUENCE.name
    reads: ClassVar[str] = "text"
    unmeasured: ClassVar[str] = "not drawn"

    def measures(self, fitted: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.array(MEASURED)

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        for row in rows:
            if row == 34:
                yield Block(np.empty(0, np.int64), np.empty(0, np.float32), [(34, "it is broken")])
            else:
                value = np.array([row**2 - 100], np.float32)
                yield Block(np.array([row]), value, extra={"after": np.array([[row, -row]], np.float32)})


OfSome.id, OfSome.version, OfSome.title = "of_some", 1, "Of some"


@pytest.fixture
def pool(workspace, tmp_path):
    lines = [json.dumps({"id": f"s{row:02d}", "text": f"text {row}"}) for row in range(N)]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    return add_pool(workspace, "p", str(tmp_path / "p.jsonl"), "text")


@pytest.fixture
def kept(workspace, pool):
    return compute_feature(workspace, pool, OfSome())


def test_the_others_are_missing_and_counted_once(kept):
    good = np.setdiff1d(MEASURED, [34])
    values = np.asarray(kept.values())
    assert values[good].tolist() == (good**2 - 100).tolist()
    assert np.flatnonzero(np.isfinite(values)).tolist() == good.tolist()
    assert np.isnan(kept.extra("after")[[0, 34, 59]]).all()
    assert kept.extra("after")[5].tolist() == [5, -5]
    assert kept.unreadable == [{"row": 34, "id": "s34", "reason": "it is broken"}]
    assert kept.meta["unmeasured"] == {"n": N - 8, "reason": "not drawn"}
    assert kept.unmeasured.tolist() == np.setdiff1d(np.arange(N), MEASURED).tolist()
    assert kept.lacking.tolist() == np.setdiff1d(np.arange(N), good).tolist()
    assert about_feature(kept)["unmeasured"] == N - 8


def test_a_choice_a_filter_and_a_record_pass_them_by(workspace, pool, kept, tmp_path):
    roles = Roles.of(workspace, pool)
    assert len(roles.missing_rows((kept.role,))) == N - 7
    run = ds.select(pool, ByScore(role=kept.role), 4)
    assert run.manifest["result"]["n"] == 4
    assert manifest.kept_table(run.folder)["row"].to_pylist() == [55, 21, 13, 8]
    assert run.manifest["unreadable"] == [{"id": "s34", "reason": "it is broken"}]
    assert run.manifest["features"][kept.role]["unmeasured"] == {"n": N - 8, "reason": "not drawn"}
    assert manifest.problems(run.folder) == []
    half = ds.select(pool, ByScore(role=kept.role, keep="middle"), 3)
    assert manifest.kept_table(half.folder)["row"].to_pylist() == [8, 5, 3]  # of seven values the median is -36
    below = ds.select(pool, Random(), 4, where=f"{kept.role} < 0")
    assert sorted(manifest.kept_table(below.folder)["row"].to_pylist()) == [2, 3, 5, 8]
    assert below.manifest["features"][kept.role]["unmeasured"]["n"] == N - 8
    with pytest.raises(BadRequest, match="8"):
        ds.select(pool, ByScore(role=kept.role), 8)


def test_charts_show_those_that_were_measured(kept):
    parts = numbers.parts(np.asarray(kept.values(), np.float64), "nats")
    assert parts.names[-1] == "no value"
    assert (parts.of == len(parts.names) - 1).sum() == N - 7


def test_of_a_million_samples_the_record_stays_small(tmp_path):
    rows = np.sort(np.random.default_rng(0).choice(10**6, 2000, replace=False))
    some = Chunks(tmp_path / "f", 10**6)
    assert some.missing(rows).tolist() == rows.tolist()
    some.add(Block(rows, np.ones(2000, np.float32), extra={"after": np.ones((2000, 2), np.float32)}))
    some.flush()
    assert len(some.missing(rows)) == 0
    about = {"key": "k", "id": "of_some", "role": "measured_influence", "pool": {"n": 10**6, "fingerprint": "x"}}
    kept = some.finish(about, np.array(["id"]), "not drawn")
    assert (kept.folder / "meta.json").stat().st_size < 2000
    assert kept.n_unmeasured == 998_000
    assert np.isfinite(kept.values()).sum() == 2000
    assert load(tmp_path / "f").lacking.shape == (998_000,)


def test_what_takes_long_is_kept_after_some_time_whatever_a_chunk_is(tmp_path, monkeypatch):
    clock = iter([0.0, 10.0, 19.0, 20.0, 20.0, 25.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    some = Chunks(tmp_path / "f", 9)  # begun at 0
    for row in range(3):  # at 10 and 19 it waits, at 20 it is time
        some.add(Block(np.array([row]), np.zeros(1, np.float32)))
    monkeypatch.undo()
    assert chunks.SECONDS == 20
    assert some.missing().tolist() == [3, 4, 5, 6, 7, 8]


def test_the_part_of_a_pool_knows_it_too(workspace, pool, kept):
    made = part_of(workspace, pool, "part", np.array([2, 34, 40, 55]), {})
    (mine,) = [one for one in Roles.of(workspace, made).features.values() if one.role == kept.role]
    assert mine.unmeasured.tolist() == [2]
    assert [entry["row"] for entry in mine.unreadable] == [1]
    assert mine.meta["unmeasured"] == {"n": 1, "reason": "not drawn"}
