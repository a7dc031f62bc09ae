"""The map: near stays near, the same seed draws the same map, everything has a place."""

import io
import threading

import numpy as np
import pytest
from tqdm.auto import tqdm

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis import projection
from datasel_core.errors import Stopped
from datasel_core.features import computation
from datasel_core.features.stored import kept_features


def add(workspace, tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    pool = add_pool(workspace, "v", str(tmp_path / "v.npy"), "vectors")
    return kept_features(workspace, pool.fingerprint)[0]


def test_clusters_stay_apart_and_the_map_repeats(workspace, tmp_path, rng):
    label = rng.integers(5, size=400)
    vectors = (10 * rng.standard_normal((5, 30))[label] + rng.standard_normal((400, 30))).astype(np.float32)
    kept = add(workspace, tmp_path, vectors)
    assert draw_map.read_map(workspace, kept.key) is None
    folder = draw_map.make_map(workspace, kept.key)
    name, points = draw_map.read_map(workspace, kept.key)
    assert name == "umap"
    assert points.shape == (400, 2)
    gap = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    assert (label[gap.argmin(axis=1)] == label).mean() > 0.98
    first = points.copy()
    for path in folder.glob("*.npy"):
        path.unlink()
    draw_map.make_map(workspace, kept.key)
    np.testing.assert_array_equal(draw_map.read_map(workspace, kept.key)[1], first)


def test_pca_is_the_plain_decomposition(rng):
    vectors = rng.standard_normal((300, 12)) * np.arange(1, 13)
    found = projection.principal(vectors, np.arange(300), projection.Map())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:2].T
    for at in range(2):
        assert min(np.abs(found[:, at] - expected[:, at]).max(), np.abs(found[:, at] + expected[:, at]).max()) < 1e-4


def test_points_beyond_the_landmarks_lie_by_their_neighbours(rng):
    label = rng.integers(4, size=3000)
    points = (20 * rng.standard_normal((4, 6))[label] + rng.standard_normal((3000, 6))).astype(np.float32)
    how = projection.Map(landmarks=1000)
    placed = projection.layout(points, how, projection.Progress())
    assert np.isfinite(placed).all()
    centres = np.stack([placed[label == name].mean(axis=0) for name in range(4)])
    assert (np.linalg.norm(placed[:, None] - centres[None], axis=2).argmin(axis=1) == label).mean() > 0.97


def test_a_few_points_and_one_number_each(workspace, tmp_path):
    kept = add(workspace, tmp_path, np.array([[1.0], [2.0], [5.0]]))
    draw_map.make_map(workspace, kept.key)
    assert draw_map.read_map(workspace, kept.key)[1].shape == (3, 2)


@pytest.mark.parametrize("written_down", [True, False])
def test_a_map_of_what_a_feature_was_before_is_no_map_of_it(workspace, photos, written_down):
    """A photo that can be read again moves the patterns of all that follow it: their old places would be those of other
    patterns.
    """
    lost = photos / "a" / "03.jpg"
    content = lost.read_bytes()
    pool = add_pool(workspace, "p", str(photos), "images")
    lost.write_bytes(content[:60])
    asked = computation.declared_feature("dictionary_patterns", n_atoms=8, n_dims=4, cell_px=2, k=2)
    before = computation.compute_feature(workspace, pool, asked)
    folder = draw_map.make_map(workspace, before.key)
    assert draw_map.read_map(workspace, before.key)[1].shape[0] == before.meta["values"][0]
    if not written_down:  # as by an earlier version
        (folder / "of.json").unlink()
        assert draw_map.read_clusters(workspace, before.key) is not None
    lost.write_bytes(content)
    now = computation.compute_feature(workspace, pool, asked)
    assert now.key == before.key
    assert now.meta["values"][0] > before.meta["values"][0]
    assert draw_map.read_map(workspace, now.key) is None
    assert draw_map.read_clusters(workspace, now.key) is None
    draw_map.make_map(workspace, now.key)
    assert draw_map.read_map(workspace, now.key)[1].shape[0] == now.meta["values"][0]
    drawn = (folder / "umap.npy").stat().st_mtime_ns
    draw_map.make_map(workspace, now.key)
    assert (folder / "umap.npy").stat().st_mtime_ns == drawn  # once


def test_a_stop_is_heard_while_umap_works(rng):
    heard = []

    def stop() -> bool:
        return "drawing the map" in heard

    progress = projection.Progress(report=lambda step: heard.append(step.label), should_stop=stop, every=0)
    with pytest.raises(Stopped):
        projection.layout(rng.standard_normal((2000, 5)).astype(np.float32), projection.Map(), progress)
    other = threading.Thread(target=lambda: list(tqdm(range(3), file=io.StringIO())), daemon=True)
    other.start()
    other.join(300)
    assert not other.is_alive()  # a stop leaves no lock behind, for which bars of other threads would wait


def test_the_size_of_a_loss_trajectory_counts(workspace, tmp_path, rng):
    """Two sets of losses of one shape and different height lie apart; as directions they would be the same."""
    shape = np.linspace(3, 1, 6)
    losses = np.concatenate(
        [shape + 0.01 * rng.standard_normal((40, 6)), 3 * shape + 0.01 * rng.standard_normal((40, 6))]
    ).astype(np.float32)
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(80)], loss_trajectory=losses)
    pool = add_pool(workspace, "losses", str(tmp_path / "v.npz"), "vectors")
    kept = kept_features(workspace, pool.fingerprint)[0]
    draw_map.make_map(workspace, kept.key)
    first = np.load(workspace.map(draw_map.map_key(kept.key, {})) / "pca.npy")[:, 0]
    assert np.sign(first[:40]).tolist() == [np.sign(first[0])] * 40
    assert np.sign(first[40:]).tolist() == [-np.sign(first[0])] * 40


def test_lying_turns_a_cloud_on_its_long_side_and_nothing_else(rng):
    points = rng.normal(size=(300, 2)) * [1.0, 6.0] @ np.array([[0.8, -0.6], [0.6, 0.8]])
    points[7] = np.nan
    turned = projection.lying(points)
    there = np.isfinite(points).all(axis=1)
    assert np.isnan(turned[7]).all()
    spread = np.cov(turned[there].T)
    assert abs(spread[0, 1]) < 1e-9 * spread[0, 0]
    assert spread[0, 0] > 20 * spread[1, 1]
    gaps = [np.linalg.norm(one[there][:, None] - one[there][None], axis=2) for one in (points, turned)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-9)
    sides = [np.sign(np.linalg.det(one[[1, 2]] - one[[0]])) for one in (points, turned)]
    assert sides[0] == sides[1]  # it is turned, not mirrored
    np.testing.assert_array_equal(projection.lying(np.full((1, 2), 3.0)), [[3.0, 3.0]])


def test_the_typical_row_of_a_cell_is_the_one_nearest_its_mean(rng):
    vectors, cells = rng.normal(size=(60, 5)).astype(np.float32), np.arange(60) % 4
    cells[cells == 2] = -1
    slow = []
    for cell in range(4):
        rows = [row for row in range(60) if cells[row] == cell]
        mean = np.mean(vectors[rows], axis=0) if rows else None
        slow.append(min(rows, key=lambda row: np.linalg.norm(vectors[row] - mean)) if rows else -1)  # noqa: B023
    assert projection.typical(vectors, cells).tolist() == slow
