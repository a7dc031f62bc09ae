"""Why and why not, against a slow reading of the definitions."""

import numpy as np
import pytest

from datasel_core.analysis import explain
from datasel_core.base.ragged import Ragged


def gap(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cosine in plain float64; a zero vector is 1 away from all."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    length = float(np.sqrt((a @ a) * (b @ b)))
    return max(0.0, 1.0 - (float(a @ b) / length if length else 0.0))


def slow_vectors(values: np.ndarray, row: int) -> list[float]:
    return [
        gap(values[row], other) if np.isfinite(values[row]).all() and np.isfinite(other).all() else np.inf
        for other in values
    ]


def slow_patterns(values: Ragged, row: int) -> list[float]:
    found = []
    for other in range(len(values)):
        mine, theirs = values[row], values[other]
        found.append(
            float(np.mean([min(gap(a, b) for b in theirs) for a in mine])) if len(mine) and len(theirs) else np.inf
        )
    return found


def slow_side(gaps: list[float], row: int, kept: list[int], side: bool, many: int) -> list[int]:
    rows = [
        other for other in range(len(gaps)) if other != row and (other in kept) is side and np.isfinite(gaps[other])
    ]
    return sorted(rows, key=lambda other: (gaps[other], other))[:many]


@pytest.fixture
def vectors() -> np.ndarray:
    values = np.random.default_rng(3).normal(size=(203, 7)).astype(np.float32)
    values[17] = np.nan  # could not be read
    values[44] = 0
    values[90] = values[12] * 2  # the same direction as another
    return values


@pytest.fixture
def patterns() -> Ragged:
    rng = np.random.default_rng(4)
    lengths = rng.integers(1, 6, 61)
    lengths[[0, 30, 60]] = 0  # first, middle and last photo could not be read
    return Ragged(rng.normal(size=(lengths.sum(), 6)).astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]))


@pytest.mark.parametrize("block", [16384, 50])
def test_distances_equal_the_definition(
    vectors: np.ndarray, patterns: Ragged, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "_BLOCK", block)
    for row in (0, 12, 17, 44, 202):
        np.testing.assert_allclose(explain.space(vectors).distances(row), slow_vectors(vectors, row), atol=2e-6)
    for row in (0, 1, 29, 30, 59):
        np.testing.assert_allclose(explain.space(patterns).distances(row), slow_patterns(patterns, row), atol=2e-6)


@pytest.mark.parametrize("kind", ["vectors", "patterns"])
def test_why_names_the_nearest_on_both_sides_and_the_nearest_before(kind: str, request: pytest.FixtureRequest) -> None:
    values = request.getfixturevalue(kind)
    slow = slow_vectors if kind == "vectors" else slow_patterns
    kept = np.random.default_rng(5).permutation([row for row in range(len(values)) if row not in (0, 17, 30, 44, 60)])[
        :20
    ]
    for rank in (1, 2, 11, 20):
        row = int(kept[rank - 1])
        gaps, found = slow(values, row), explain.why(explain.space(values), kept, rank, many=5)
        assert [one.row for one in found.kept] == slow_side(gaps, row, kept.tolist(), True, 5)
        assert [one.row for one in found.dropped] == slow_side(gaps, row, kept.tolist(), False, 5)
        assert all(one.rank == kept.tolist().index(one.row) + 1 for one in found.kept)
        assert all(one.rank is None for one in found.dropped)
        if rank == 1:
            assert found.before is None
        else:
            assert found.before is not None
            earlier = kept[: rank - 1].tolist()
            assert found.before.row == min(earlier, key=lambda other: (gaps[other], earlier.index(other)))
            assert found.before.distance == pytest.approx(gaps[found.before.row], abs=2e-6)


def test_why_not_tells_who_stands_for_it_and_since_when(vectors: np.ndarray) -> None:
    kept = np.array([3, 150, 12, 77, 90, 5, 201])
    for row in (0, 44, 100, 202):
        gaps = slow_vectors(vectors, row)
        found = explain.why_not(explain.space(vectors), kept, row, radius=0.5)
        assert found is not None
        steps, best = [], np.inf
        for rank, one in enumerate(kept, 1):
            if gaps[one] < best - 1e-6:
                steps.append((int(one), rank))
                best = gaps[one]
        assert [(one.row, one.rank) for one in found.approach] == steps
        assert found.nearest == found.approach[-1]
        first = next((rank for rank, one in enumerate(kept, 1) if gaps[one] <= 0.5), None)
        assert found.covered_at == first
        assert [one.row for one in found.dropped] == slow_side(gaps, row, kept.tolist(), False, 6)


def test_covered_by_names_one_kept_photo_for_each_pattern(patterns: Ragged, vectors: np.ndarray) -> None:
    kept = np.array([5, 40, 8, 22])
    for row in (1, 7, 59):
        found = explain.covered_by(explain.space(patterns), kept, row)
        assert len(found) == len(patterns[row])
        for one, mine in zip(found, patterns[row], strict=True):
            gaps = [min(gap(mine, theirs) for theirs in patterns[other]) for other in kept]
            assert (one.row, one.rank) == (int(kept[int(np.argmin(gaps))]), int(np.argmin(gaps)) + 1)
            assert one.distance == pytest.approx(min(gaps), abs=2e-6)
    assert explain.covered_by(explain.space(patterns), kept, 30) == []
    assert [one.rank for one in explain.covered_by(explain.space(vectors), np.array([3, 12, 5]), 90)] == [2]


EARLIER = np.array([61, 8, 120])


def test_what_was_chosen_earlier_counts_as_kept(vectors: np.ndarray) -> None:
    """It is nobody's pick, and neither dropped: the nearest before, the nearest kept, the one that covers."""
    kept, among = np.array([3, 150, 12, 77]), explain.space(vectors)
    for rank in (1, 2, 4):
        row = int(kept[rank - 1])
        gaps, found = slow_vectors(vectors, row), explain.why(among, kept, rank, 99, EARLIER)
        before = [*EARLIER.tolist(), *kept[: rank - 1].tolist()]
        assert found.before is not None
        assert found.before.row == min(before, key=lambda other: gaps[other])
        assert [one.row for one in found.kept] == slow_side(gaps, row, [*EARLIER, *kept], True, 99)
        assert {one.row: one.rank for one in found.kept if one.rank == explain.EARLIER}.keys() == set(EARLIER.tolist())
        assert not {one.row for one in found.dropped} & set(EARLIER.tolist())
        assert (found.kept, found.dropped) == explain.sides(among, kept, row, 99, EARLIER)


def test_an_earlier_one_covers_before_any_pick(vectors: np.ndarray) -> None:
    kept, among = np.array([3, 150, 12, 77]), explain.space(vectors)
    for row in (0, 44, 100, 202):
        gaps = slow_vectors(vectors, row)
        found = explain.why_not(among, kept, row, radius=0.6, earlier=EARLIER)
        nearest = min(EARLIER.tolist(), key=lambda other: gaps[other])
        steps, best = [(nearest, explain.EARLIER)], gaps[nearest]
        for rank, one in enumerate(kept, 1):
            if gaps[one] < best - 1e-6:
                steps.append((int(one), rank))
                best = gaps[one]
        assert found is not None
        assert [(one.row, one.rank) for one in found.approach] == steps
        assert found.covered_at == next((rank for one, rank in steps if gaps[one] <= 0.6), None)
        assert explain.covered_by(among, kept, row, EARLIER)[0] == found.nearest
    twin = explain.why_not(among, np.array([3, 5]), 90, radius=1e-6, earlier=np.array([40, 12]))
    assert twin is not None
    assert (twin.covered_at, twin.nearest.row) == (explain.EARLIER, 12)
    unread = explain.why_not(among, np.array([3]), 90, earlier=np.array([17]))  # an earlier one without a value
    assert unread is not None
    assert [one.rank for one in unread.approach] == [1]


def test_a_twin_is_covered_as_soon_as_its_twin_is_kept(vectors: np.ndarray) -> None:
    found = explain.why_not(explain.space(vectors), np.array([3, 12, 5]), 90, radius=1e-6)
    assert found is not None
    assert (found.covered_at, found.nearest.row, found.nearest.rank) == (2, 12, 2)
    assert found.nearest.distance == pytest.approx(0, abs=1e-6)


def test_a_sample_without_a_value_has_no_reason(vectors: np.ndarray, patterns: Ragged) -> None:
    assert explain.why_not(explain.space(vectors), np.array([1, 2]), 17) is None
    assert explain.why_not(explain.space(patterns), np.array([1, 2]), 30) is None
    assert explain.similar(explain.space(patterns), 30, 5) == []


def test_similar_keeps_pool_order_among_equals() -> None:
    values = np.array([[1, 0], [0, 1], [1, 1], [0, 2], [0, 3], [5, 0]], np.float32)
    found = explain.similar(explain.space(values), 1, 2, kept=[4])
    assert [(one.row, one.rank) for one in found] == [(3, None), (4, 1)]
    assert [one.row for one in explain.similar(explain.space(values), 1, 99)] == [3, 4, 2, 0, 5]


def test_what_is_remembered_is_the_same_and_cannot_be_changed(vectors: np.ndarray) -> None:
    among = explain.space(vectors)
    first = among.distances(3)
    for row in range(20):
        among.distances(row)
    assert len(among.recent) <= 6
    np.testing.assert_array_equal(among.distances(3), first)
    with pytest.raises(ValueError, match="read-only"):
        among.distances(3)[0] = 9


def test_by_pattern_finds_the_nearest_pattern_of_each_photo(patterns: Ragged) -> None:
    found = explain.Patterns(patterns, explain.norms_of(patterns)).by_pattern(7)
    for at, mine in enumerate(patterns[7]):
        for other in (1, 7, 30, 59):
            theirs = patterns[other]
            expected = min((gap(mine, one) for one in theirs), default=np.inf)
            assert found[at, other] == pytest.approx(expected, abs=2e-6)
