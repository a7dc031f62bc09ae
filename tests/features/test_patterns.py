"""From patches to patterns: the attention filter, the clusterers, patterns of imported vectors."""

import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from datasel_core.errors import BadInput, BadParameter
from datasel_core.features.encoders.imported_patterns import ImportedPatterns
from datasel_core.features.feature import Source
from datasel_core.features.models.patch_clusters import _fill_empty, kmeans, spectral
from datasel_core.features.models.patterns import attention_filter, grid_of, image_patterns, saliency_without_attention
from tests.conftest import conformance
from tests.oracles import patterns as oracle


def clustered_patches(rng, m=60, d=384, groups=7, spread=1.0):
    return (
        rng.standard_normal((groups, d))[rng.integers(groups, size=m)] + spread * rng.standard_normal((m, d))
    ).astype(np.float32)


def test_the_filter_agrees_with_the_golden_numbers():
    folder = conformance()
    if folder is None:
        pytest.skip("no conformance numbers at ../shared/conformance or DATASEL_CONFORMANCE")
    golden = json.loads((folder / "golden.json").read_text())["freesel_filter"]
    for tau, kept in golden["kept"].items():
        assert np.flatnonzero(attention_filter(golden["attention"], float(tau))).tolist() == kept


@pytest.mark.parametrize(
    ("tau", "kept"), [(0.3, [0]), (0.5, [0]), (0.6, [0, 1]), (0.9, [0, 1, 2, 3]), (1.0, [0, 1, 2, 3, 4])]
)
def test_the_filter_keeps_what_the_paper_says(tau, kept):
    assert np.flatnonzero(attention_filter([0.50, 0.20, 0.15, 0.10, 0.05], tau)).tolist() == kept


@pytest.mark.parametrize("tau", [0.001, 0.1, 0.3, 0.35, 0.5, 0.7, 0.9, 0.999, 1.0])
def test_the_filter_equals_exact_arithmetic(rng, tau):
    for _ in range(40):
        p = int(rng.integers(1, 40))
        cases = (
            rng.integers(0, 5, p) / 10,  # ties and zeros; sums such as .1 + .2 that binary numbers miss
            rng.random(p).round(6),
            np.full(p, 0.1),
            np.zeros(p),
            rng.random(p).round(3) * 1e-9,
        )
        for a in cases:
            assert np.flatnonzero(attention_filter(a, tau)).tolist() == oracle.kept(a.tolist(), tau)


def test_equal_saliencies_rank_by_position_and_none_at_all_counts_as_equal():
    assert np.flatnonzero(attention_filter(np.ones(196), 0.5)).tolist() == list(range(98))
    assert np.flatnonzero(attention_filter(np.zeros(196), 0.5)).tolist() == list(range(98))
    assert attention_filter([0, 1, 0, 2], 1.0).tolist() == [False, True, False, True]
    assert attention_filter([1.0, 1e-15, 0.0], 1.0).tolist() == [True, True, False]


@pytest.mark.parametrize("a", [[0.5, -0.1], [np.nan, 1.0], [np.inf, 1.0]])
def test_impossible_saliency_is_refused(a):
    with pytest.raises(BadInput, match="Saliency holds negative or non-finite values; it must be zero or more."):
        attention_filter(a, 0.5)


@pytest.mark.parametrize("seed", range(8))
def test_kmeans_ends_where_every_kept_patch_is_nearest_to_its_own_mean(rng, seed):
    patches, saliency = clustered_patches(rng, 90) + 50, rng.random(90)
    patterns, labels = image_patterns(patches, saliency, 0.7, 5, "kmeans", seed)
    assert labels.dtype == np.int8
    assert patterns.dtype == np.float32
    assert (labels >= 0).tolist() == attention_filter(saliency, 0.7).tolist()
    inside = labels[labels >= 0].astype(int)
    kept = patches[labels >= 0]
    means = oracle.means(kept, inside)
    np.testing.assert_allclose(patterns, means, rtol=1e-6)
    distances = oracle.squared_distances(kept, means)
    assert (distances[np.arange(len(kept)), inside] <= distances.min(axis=1) * (1 + 1e-9)).all()
    mass = np.bincount(inside, weights=saliency[labels >= 0])
    assert (np.diff(mass) <= 0).all()


def test_kmeans_is_about_as_good_as_many_plain_runs(rng):
    ratios = []
    for _ in range(10):
        points = clustered_patches(rng, 60, 16, 6, 0.7)
        ratios.append(oracle.inertia(points, kmeans(points, 5, 0)) / oracle.best_of_many_lloyd(points, 5, rng))
    assert np.mean(ratios) < 1.03
    assert min(ratios) > 0.999


def test_kmeans_finds_separate_groups_of_any_size(rng):
    groups = np.repeat(np.arange(5), [1, 3, 20, 30, 2])
    points = 100 * np.eye(5, 64)[groups] + rng.standard_normal((56, 64))
    clusters = kmeans(points, 5, 3)
    assert len({(g, c) for g, c in zip(groups, clusters, strict=True)}) == 5


def test_more_clusters_than_different_patches_leave_none_empty(rng):
    points = np.repeat(rng.standard_normal((3, 10)), 10, axis=0).astype(np.float32)
    patterns, labels = image_patterns(points, np.ones(30), 1.0, 5, "kmeans", 0)
    assert len(patterns) == 3
    assert sorted(np.bincount(labels)) == [10, 10, 10]
    patterns, labels = image_patterns(np.ones((30, 10), np.float32), np.ones(30), 1.0, 5, "kmeans", 0)
    assert len(patterns) == 1
    assert not labels.any()


def test_a_cluster_that_runs_empty_takes_the_farthest_patch():
    labels = np.array([[0, 0, 0, 2], [0, 1, 2, 2], [0, 0, 0, 2]])
    _fill_empty(labels, np.array([[0.1, 5.0, 0.2, 9.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]), 3, 1e-12)
    assert labels.tolist() == [
        [0, 1, 0, 2],
        [0, 1, 2, 2],
        [0, 0, 0, 2],
    ]  # a cluster of one keeps its patch; patches on their mean stay


@pytest.mark.parametrize("clusterer", ["kmeans", "spectral"])
def test_few_kept_patches_are_patterns_themselves(rng, clusterer):
    patches, saliency = clustered_patches(rng, 20, 8), np.r_[[0.1, 0.5, 0.3], np.zeros(17)]
    patterns, labels = image_patterns(patches, saliency, 1.0, 5, clusterer, 0)
    np.testing.assert_array_equal(patterns, patches[[1, 2, 0]])
    assert labels.tolist() == [2, 0, 1] + [-1] * 17


@pytest.mark.parametrize("clusterer", ["kmeans", "spectral"])
def test_one_pattern_is_the_mean(rng, clusterer):
    patches, saliency = clustered_patches(rng, 50, 12), rng.random(50)
    patterns, labels = image_patterns(patches, saliency, 0.6, 1, clusterer, 0)
    np.testing.assert_allclose(patterns, [patches[attention_filter(saliency, 0.6)].mean(axis=0)], rtol=1e-5, atol=1e-6)
    assert set(labels.tolist()) == {-1, 0}


def test_spectral_groups_directions_where_kmeans_groups_lengths(rng):
    groups = np.repeat(np.arange(3), 20)
    points = np.eye(3, 30)[groups] * rng.uniform(1, 40, (60, 1)) + 0.05 * rng.standard_normal((60, 30))
    together = lambda clusters: len({(g, c) for g, c in zip(groups, clusters, strict=True)})  # noqa: E731
    assert together(spectral(points, rng.random(60), 3, 0)) == 3
    assert together(kmeans(points, 3, 0)) > 3


def test_spectral_is_guided_by_saliency(rng):
    points, a = np.abs(clustered_patches(rng, 60, 20, 4)), rng.random(60)
    same = spectral(points, a, 4, 0)
    np.testing.assert_array_equal(same, spectral(points, 7 * a, 4, 0))
    assert (same != spectral(points, a[::-1], 4, 0)).any()


@pytest.mark.parametrize("clusterer", ["kmeans", "spectral"])
def test_the_rest_of_the_batch_and_the_threads_change_nothing(rng, clusterer):
    source = Source(23, roles={"patches": np.stack([clustered_patches(rng, 49, 96) for _ in range(23)])})

    def computed(batch, rows):
        blocks = list(ImportedPatterns(batch=batch, clusterer=clusterer).blocks(source, rows, {}))
        return np.concatenate([block.values.values for block in blocks]), np.concatenate(
            [block.extra["patch_labels"] for block in blocks]
        )

    whole = computed(64, np.arange(23))
    for batch in (1, 5):
        for a, b in zip(whole, computed(batch, np.arange(23)), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole[1][5:10], computed(3, np.arange(5, 10))[1])
    with threadpool_limits(1):
        np.testing.assert_array_equal(whole[0], computed(64, np.arange(23))[0])


def test_saliency_without_attention():
    patches = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 15.0]])
    np.testing.assert_allclose(saliency_without_attention(patches, "norm"), [0.25, 0, 0.75])
    np.testing.assert_allclose(saliency_without_attention(patches, "uniform"), [1 / 3] * 3)
    assert not saliency_without_attention(np.zeros((3, 2)), "norm").any()


def test_imported_patches_become_patterns_and_bad_rows_are_listed(rng):
    patches = np.stack([clustered_patches(rng, 196, 32) for _ in range(6)])
    patches[2] = np.nan
    patches[4, 10, 3] = np.inf
    source = Source(6, roles={"patches": patches})
    feature = ImportedPatterns()
    (block,) = feature.blocks(source, np.arange(6), {})
    assert block.rows.tolist() == [0, 1, 3, 5]
    assert block.unreadable == [(2, "It has no patch vectors."), (4, "Its patch vectors hold NaN or infinite values.")]
    assert block.values.lengths().tolist() == [5] * 4
    assert block.extra["patch_labels"].shape == (4, 196)
    assert block.extra["saliency"].dtype == np.float16
    assert feature.describe(source) == {"grid": 14}
    np.testing.assert_array_equal(
        block.values[2], image_patterns(patches[3], np.linalg.norm(patches[3], axis=1), 0.5, 5, "kmeans", 0)[0]
    )


def test_a_block_where_nothing_is_readable_is_whole(rng):
    source = Source(2, roles={"patches": np.full((2, 4, 3), np.nan)})
    (block,) = ImportedPatterns().blocks(source, np.arange(2), {})
    assert len(block.rows) == len(block.values) == 0
    assert block.extra["patch_labels"].shape == (0, 4)
    assert [row for row, _ in block.unreadable] == [0, 1]


def test_patches_of_another_shape_are_refused(rng):
    with pytest.raises(BadInput, match=r"The role patches has shape \(3, 8\); it must be samples x patches x numbers."):
        list(ImportedPatterns().blocks(Source(3, roles={"patches": np.ones((3, 8))}), np.arange(3), {}))


def test_a_grid_is_named_only_where_there_is_one():
    assert grid_of(196) == {"grid": 14}
    assert grid_of(200) == {}


@pytest.mark.parametrize(
    ("params", "said"),
    [({"tau": 0.0}, "tau is 0.0"), ({"k": 128}, "k is 128"), ({"clusterer": "dbscan"}, "clusterer is 'dbscan'")],
)
def test_impossible_parameters_are_refused(params, said):
    with pytest.raises(BadParameter, match=said):
        ImportedPatterns(**params)
