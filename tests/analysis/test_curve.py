"""Coverage against budget, against a slow reading of the definition; and the cells of the map."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.analysis import curve as curves
from datasel_core.analysis import projection
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput
from datasel_core.runs import measures


def slow(points: np.ndarray, groups: list[np.ndarray], before: list[np.ndarray]) -> tuple[list[float], list[float]]:
    def unit(vectors: np.ndarray) -> np.ndarray:
        vectors = np.atleast_2d(vectors).astype(np.float64)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    mean, largest = [], []
    for b in range(1, len(groups) + 1):
        anchors = unit(np.concatenate([*before, *groups[:b]]))
        nearest = (1 - unit(points) @ anchors.T).min(axis=1)
        mean.append(nearest.mean())
        largest.append(nearest.max())
    return mean, largest


@pytest.mark.parametrize("block", [128, 3])
def test_curve_of_vectors_equals_the_definition(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_BLOCK", block)
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 5)).astype(np.float32)
    rows, already = rng.permutation(300)[:40], np.array([7, 8])
    found = curves.curve(values, np.arange(300), rows, already, Progress())
    mean, largest = slow(values, [values[[row]] for row in rows], [values[already]])
    np.testing.assert_array_equal(found.picks, np.arange(1, 41))
    np.testing.assert_allclose(found.mean, mean, atol=3e-6)
    np.testing.assert_allclose(found.largest, largest, atol=3e-6)
    assert found.measured_on == 300
    assert (np.diff(found.mean) <= 0).all()


def test_curve_of_patterns_counts_every_pattern_and_skips_photos_without() -> None:
    rng = np.random.default_rng(2)
    lengths = rng.integers(0, 5, 120)
    lengths[[4, 9]] = 0
    ragged = Ragged(rng.normal(size=(lengths.sum(), 4)).astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]))
    rows = np.concatenate([[4], np.flatnonzero(lengths > 0)[:10], [9]])
    found = curves.curve(ragged, np.flatnonzero(lengths > 0), rows, np.empty(0, np.int64), Progress())
    mean, largest = slow(ragged.values, [ragged[row] for row in rows[1:]], [])
    np.testing.assert_array_equal(
        found.picks, np.arange(2, 13)
    )  # nothing is known before the first pick that has a value
    np.testing.assert_allclose(found.mean, mean[:10] + mean[-2:-1], atol=3e-6)
    np.testing.assert_allclose(found.largest, largest[:10] + largest[-2:-1], atol=3e-6)


def test_marks_thin_out_and_end_at_the_last_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_EVERY_PICK", 20)
    monkeypatch.setattr(curves, "_POINTS", 50)
    values = np.random.default_rng(3).normal(size=(400, 3)).astype(np.float32)
    found = curves.curve(values, np.arange(400), np.arange(333), np.empty(0, np.int64), Progress())
    assert found.picks[:20].tolist() == list(range(1, 21))
    assert found.picks[-1] == 333
    assert len(found.picks) < 60
    assert found.measured_on == 50
    whole = curves.curve(values, np.arange(400), np.arange(333), np.empty(0, np.int64), Progress())
    np.testing.assert_array_equal(found.mean, whole.mean)  # the same sample every time


def test_curves_come_back_from_disk(tmp_path: Path) -> None:
    one = curves.Curve(np.array([1, 2, 4]), np.array([0.5, 0.25, 0.125]), np.array([1.0, 0.75, 0.5]), 99)
    measures.write_curves(tmp_path, {"embedding": one, "patterns": one})
    found = measures.read_curves(tmp_path)
    assert list(found) == ["embedding", "patterns"]
    np.testing.assert_array_equal(found["patterns"].mean, one.mean)
    assert found["embedding"].measured_on == 99
    assert [one.at(b) for b in (1, 3, 4, 100)] == [(0.5, 1.0), (0.25, 0.75), (0.125, 0.5), (0.125, 0.5)]
    assert measures.read_curves(tmp_path / "none") == {}
    for damage in (
        lambda path: path.write_bytes(b"PAR1"),
        lambda path: pq.write_table(pa.table({"role": ["embedding"]}), path),
    ):
        damage(tmp_path / "curve.parquet")
        with pytest.raises(BadInput, match="curve.parquet cannot be read: "):
            measures.read_curves(tmp_path)


def test_cells_are_numbered_by_size_and_repeat() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate(
        [rng.normal(size=(size, 4)) * 0.05 + centre for size, centre in ((60, 0), (200, 5), (120, -5))]
    ).astype(np.float32)
    found = projection.cells(points, projection.Map())
    sizes = np.bincount(found)
    assert found.dtype == np.int16
    assert (np.diff(sizes) <= 0).all()
    assert len(sizes) == 12
    np.testing.assert_array_equal(found, projection.cells(points, projection.Map()))
    blobs = [set(found[:60]), set(found[60:260]), set(found[260:])]
    assert not blobs[0] & blobs[1]
    assert not blobs[1] & blobs[2]
    assert projection.cells(points[:15], projection.Map()).tolist() == [0] * 15


def test_the_knee_is_where_a_pick_begins_to_bring_less_than_the_average() -> None:
    def knee(mean: list[float]) -> int | None:
        at = np.arange(1, len(mean) + 1)
        return curves.Curve(at, np.array(mean), np.array(mean), 9).knee()

    assert knee([9, 6, 4, 3, 2.5, 2.2, 2]) == 3  # 7 in six picks: 1.17 each; the picks bring 3, 2, then 1
    assert knee([1, 0.9, 0.8, 0.7]) is None  # a straight line
    assert knee([1, 0.899999, 0.8, 0.7]) is None  # straight but for the last digit that is kept
    assert knee([1, 1, 1]) is None
    assert knee([3, 2]) is None
    assert knee([5, 5, 5, 1]) is None  # it never lies below
    rng = np.random.default_rng(5)
    for _ in range(20):
        steps = np.sort(rng.exponential(size=30))[::-1]
        mean = 50 - np.concatenate([[0], np.cumsum(steps)])
        assert knee(mean.tolist()) == 1 + int((steps > steps.mean()).sum())
