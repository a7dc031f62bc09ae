"""S2L: shares against the published loop, clusters against sklearn, and what must not change them."""

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter
from datasel_core.methods.algorithms.water_filling import allocation, in_turn
from datasel_core.methods.s2l import S2L
from datasel_core.methods.selection import Inputs
from datasel_core.vectors import grid_kmeans
from tests.conftest import conformance
from tests.oracles import s2l as oracle


def falling(rng: np.random.Generator, n: int, t: int = 8, kinds: int = 9, noise: float = 0.05) -> np.ndarray:
    """(n, t) float32 losses that fall in `kinds` ways, some kinds far more common than others."""
    start, rate, floor = 2 + 2 * rng.random(kinds), 6 * rng.random(kinds), rng.random(kinds)
    kind = np.minimum(rng.geometric(0.35, n), kinds) - 1
    fall = start[kind, None] * np.exp(-rate[kind, None] * np.arange(t) / t)
    return (floor[kind, None] + fall + noise * rng.standard_normal((n, t))).astype(np.float32)


def select(losses, budget, seed=3, already=(), group=None, **params):
    pool = {"loss_trajectory": losses} | ({} if group is None else {"group": group})
    return S2L(**params).select(Inputs(pool, np.random.default_rng(seed), already=already), budget)


def test_the_golden_shares():
    if conformance() is None:
        pytest.skip("no conformance data (set DATASEL_CONFORMANCE)")
    golden = json.loads((conformance() / "golden.json").read_text())["s2l_allocation"]
    for budget, expected in golden["by_budget"].items():
        assert allocation(golden["sizes"], int(budget)).tolist() == expected
        assert oracle.shares(golden["sizes"], int(budget)) == expected


def test_shares_of_five_clusters():
    """The golden numbers, where no conformance data lies."""
    assert allocation(np.array([1, 2, 5, 10, 50]), 20).tolist() == [1, 2, 5, 6, 6]
    assert allocation(np.array([50, 10, 5, 2, 1]), 20).tolist() == [6, 6, 5, 2, 1]
    assert allocation([1, 2, 5, 10, 50], 68).tolist() == [1, 2, 5, 10, 50]
    assert allocation([4, 4, 4], 5).tolist() == [2, 2, 1]


def test_one_order_gives_the_published_shares_for_every_budget(rng):
    for _ in range(300):
        sizes = rng.integers(1, 13, rng.integers(1, 9))
        part = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        order = in_turn(part, sizes, np.zeros(len(sizes), np.int64))
        for budget in range(1, len(part) + 1):
            counts = np.bincount(part[order[:budget]], minlength=len(sizes))
            assert counts.tolist() == oracle.shares(sizes.tolist(), budget) == allocation(sizes, budget).tolist()


def test_across_groups_too(rng):
    """Groups share first; inside each, its clusters."""
    for seed in range(20):
        n = int(rng.integers(30, 90))
        group = rng.integers(4, size=n)
        found = select(falling(rng, n), n, seed, group=group, per_group=True, n_clusters=3)
        names, sizes = np.unique(group), []
        for one in names:
            sizes.append(np.bincount(found.clusters[group == one] - found.clusters[group == one].min()).tolist())
        by_size = sorted(range(len(names)), key=lambda at: -sum(sizes[at]))
        for budget in range(1, n + 1):
            counts = np.bincount(found.clusters[found.rows[:budget]], minlength=sum(map(len, sizes)))
            mine = np.split(counts, np.cumsum(list(map(len, sizes)))[:-1])
            expected = oracle.shares_over_groups([sizes[at] for at in by_size], budget)
            assert [mine[at].tolist() for at in by_size] == expected


def test_shares_count_what_was_taken_before(rng):
    for _ in range(100):
        sizes = rng.integers(1, 10, rng.integers(1, 7))
        taken = rng.integers(0, sizes + 1)
        part = rng.permutation(np.repeat(np.arange(len(sizes)), sizes - taken))
        order = in_turn(part, sizes, taken)
        for budget in range(len(part) + 1):
            counts = np.bincount(part[order[:budget]], minlength=len(sizes))
            assert counts.tolist() == oracle.level_by_level(sizes.tolist(), taken.tolist(), budget)


def test_earlier_picks_count_in_their_cluster(rng):
    losses = np.repeat(np.array([[3, 1], [9, 1], [20, 1.0]]), 10, axis=0)
    found = select(losses, 6, already=[0, 1, 2, 3], n_clusters=3)
    assert not set(found.rows.tolist()) & {0, 1, 2, 3}
    assert np.bincount(found.rows // 10, minlength=3).tolist() == [0, 3, 3]


def test_a_hand_made_case(rng):
    """Group a: 6 that fall, 2 that do not; group b: 3 of one kind. Seven picks: a 4 (2 and 2), b 3."""
    fall, flat = [4.0, 2.0, 1.0], [4.0, 4.0, 4.0]
    losses = np.array([fall] * 6 + [flat] * 2 + [fall] * 3)
    group = np.array(["a"] * 8 + ["b"] * 3)
    found = select(losses, 7, group=group, per_group=True, n_clusters=2)
    assert found.clusters.tolist() == [0] * 6 + [1] * 2 + [2] * 3
    assert np.bincount(found.clusters[found.rows]).tolist() == [2, 2, 3]
    assert {
        (int(c), int(s), str(g))
        for c, s, g in zip(*(found.why[name] for name in ("cluster", "size", "group")), strict=True)
    } == {(0, 6, "a"), (1, 2, "a"), (2, 3, "b")}
    together = select(losses, 7, n_clusters=2)
    assert together.clusters.tolist() == [0] * 6 + [1] * 2 + [0] * 3
    assert np.bincount(together.clusters[together.rows]).tolist() == [5, 2]


def test_inside_a_cluster_the_draw_is_uniform():
    """Chi-square over 4,000 draws of 2 of 8: the statistic's 99.9 % point for 7 degrees of freedom is 24.3."""
    losses = np.array([[2.0, 1.0]] * 8 + [[9.0, 9.0]] * 3)
    counts, first = np.zeros(8), np.zeros(8)
    for seed in range(4000):
        mine = [row for row in select(losses, 4, seed, n_clusters=2).rows if row < 8]
        assert len(mine) == 2
        counts[mine] += 1
        first[mine[0]] += 1
    assert ((first - 500) ** 2 / 500).sum() < 24.3
    assert ((counts - 1000) ** 2 / 1000).sum() < 24.3  # two of one draw exclude each other: smaller still


def test_clusters_are_numbered_by_size(rng):
    clusters = select(falling(rng, 400), 10, n_clusters=9).clusters
    sizes = np.bincount(clusters)
    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == 400


def test_equal_rows_share_a_cluster(rng):
    losses = falling(rng, 300, t=40, noise=0.5)
    losses = np.concatenate([losses, losses[rng.permutation(300)], losses])
    assert (np.bincount(select(losses, 5, n_clusters=60).clusters[:300]) > 0).all()
    clusters = select(losses, 5, n_clusters=60).clusters
    assert (clusters[:300] == clusters[600:]).all()
    values = {row.tobytes(): set() for row in losses}
    for row, cluster in zip(losses, clusters, strict=True):
        values[row.tobytes()].add(int(cluster))
    assert all(len(found) == 1 for found in values.values())


@pytest.mark.parametrize("constant", [1.0, -2.5, 1000.0])
def test_a_constant_added_to_all_losses_changes_no_cluster(constant, rng):
    losses = falling(rng, 500).astype(np.float64)
    one, other = select(losses, 50, n_clusters=20), select(losses + constant, 50, n_clusters=20)
    assert one.clusters.tolist() == other.clusters.tolist()
    assert one.rows.tolist() == other.rows.tolist()


def test_neither_does_the_width_of_the_numbers_or_a_scale_of_two(rng):
    losses = falling(rng, 500)
    expected = select(losses, 50, n_clusters=20).rows.tolist()
    for same in (losses.astype(np.float64), losses * 4, np.asfortranarray(losses), losses / 1024):
        assert select(same, 50, n_clusters=20).rows.tolist() == expected


def test_blocks_change_nothing(monkeypatch, rng):
    losses = falling(rng, 700)
    expected = select(losses, 50, n_clusters=20).rows.tolist()
    for block in (1, 97):
        monkeypatch.setattr(grid_kmeans, "BLOCK", block)
        assert select(losses, 50, n_clusters=20).rows.tolist() == expected


def test_every_sample_is_in_the_cluster_nearest_to_it(rng):
    """Whole numbers stand for losses to within a millionth, so plain float64 distances agree."""
    losses = falling(rng, 600, noise=0.3)
    clusters = select(losses, 5, n_clusters=15).clusters
    centres = np.stack([losses[clusters == c].mean(axis=0, dtype=np.float64) for c in range(15)])
    gaps = np.linalg.norm(losses[:, None] - centres[None], axis=2)
    assert (gaps.argmin(axis=1) == clusters).mean() > 0.99  # centres move a last time after the last look


@pytest.mark.parametrize(("n", "most"), [(4000, None), (4000, 1000)])
def test_clusters_are_as_tight_as_those_of_sklearn(n, most, monkeypatch, rng):
    """Within 2 % of its full k-means on all rows; within 5 % when the centres are fitted on a quarter of them."""
    if most is not None:
        monkeypatch.setattr(grid_kmeans, "_ALL", most)
        monkeypatch.setattr(grid_kmeans, "_PER_CENTRE", 1)
    losses = falling(rng, n, kinds=40, noise=0.3).astype(np.float64)
    theirs = KMeans(50, n_init=1, random_state=0).fit(losses).inertia_
    clusters = select(losses, 5, n_clusters=50).clusters
    ours = sum(((losses[clusters == c] - losses[clusters == c].mean(axis=0)) ** 2).sum() for c in range(50))
    assert ours < theirs * (1.02 if most is None else 1.05)


def test_a_centre_that_loses_all_rows_goes_where_the_error_is_largest():
    points = np.array([[0.0], [1.0], [100.0], [101.0], [500.0]])
    grid = grid_kmeans.Grid(points, np.array([0]), Progress())
    for seed in range(30):
        found = grid_kmeans.cluster(grid, np.arange(5), 3, np.random.default_rng(seed), Progress())
        assert found[0] == found[1] != found[2] == found[3] != found[4]


def test_more_clusters_than_samples(rng):
    losses = falling(rng, 30)
    found = select(losses, 12, n_clusters=100)
    assert len(set(found.clusters.tolist())) == 30
    assert len(select(losses[:1], 1).rows) == 1


def test_losses_that_never_change(rng):
    found = select(np.full((20, 5), 1.5), 7)
    assert found.clusters.tolist() == [0] * 20
    assert len(found.rows) == 7


def test_checkpoints_are_evenly_spaced_with_the_last():
    assert S2L()._columns(6).tolist() == [0, 1, 2, 3, 4, 5]
    assert S2L(n_checkpoints=3)._columns(6).tolist() == [1, 3, 5]
    assert S2L(n_checkpoints=1)._columns(6).tolist() == [5]
    assert S2L(n_checkpoints=4)._columns(6).tolist() == [1, 2, 4, 5]
    losses = np.array([[5, 5.0]] * 4 + [[1, 5.0]] * 4)
    assert select(losses, 2, n_checkpoints=1).clusters.tolist() == [0] * 8
    with pytest.raises(BadParameter, match="n_checkpoints is 3; the loss trajectories have 2, so it must be at most 2"):
        select(losses, 2, n_checkpoints=3)


def test_what_it_reads(rng):
    assert S2L().roles() == ("loss_trajectory",)
    assert S2L(per_group=True).roles() == ("loss_trajectory", "group")
    with pytest.raises(BadInput, match="s2l needs the pool role group"):
        select(falling(rng, 20), 5, per_group=True)
    losses = falling(rng, 20)
    losses[4, 2] = np.nan
    with pytest.raises(BadInput, match="loss_trajectory holds NaN"):
        select(losses, 5)


@pytest.mark.parametrize("t", [1, 12, 700])
def test_distances_are_exact_whole_numbers(t, rng):
    """Against Python's integers, which never round."""
    points = grid_kmeans.Grid(1000 * rng.standard_normal((12, t)), np.arange(t), Progress()).take(np.arange(12))
    centres = -points[:5]
    whole = [
        [sum((int(a) - int(b)) ** 2 for a, b in zip(point, centre, strict=True)) for centre in centres]
        for point in points
    ]
    which, gap = grid_kmeans._nearest(points, centres)
    assert [int(one) for one in gap] == [min(row) for row in whole]
    assert which.tolist() == [row.index(min(row)) for row in whole]
    assert max(map(max, whole)) <= 2**53
