"""Near neighbours by cells, against all distances."""

import numpy as np
import pytest

from datasel_core.vectors import inverted
from datasel_core.vectors.inverted import near_k
from tests.conftest import clustered


@pytest.fixture
def points(rng):
    return clustered(rng, 3000, 6, 12)


def whole(points, base, k):
    parts = list(near_k(points, base, k))
    assert [part.start for part, _, _ in parts] == list(range(0, len(points), inverted._ROWS))
    return np.concatenate([found for _, found, _ in parts]), np.concatenate([far for _, _, far in parts])


def test_the_nearest_are_found_in_order(points, monkeypatch):
    monkeypatch.setattr(inverted, "_ROWS", 700)
    base = points[:2000]
    found, far = whole(points, base, 5)
    all_of = np.sqrt(((points[:, None].astype(float) - base[None]) ** 2).sum(axis=2))
    right = np.argsort(all_of, axis=1)[:, :5]
    assert np.mean([np.isin(mine, true).mean() for mine, true in zip(found, right, strict=True)]) > 0.97
    np.testing.assert_allclose(far, np.take_along_axis(all_of, found, axis=1), atol=1e-3)
    assert (np.diff(far, axis=1) >= -1e-6).all()
    assert found[:2000, 0].tolist() == list(range(2000))


def test_cells_with_too_few_say_the_last_again(points, monkeypatch):
    monkeypatch.setattr(inverted, "_PROBED", 1)
    found, far = whole(points[:50], points[:2000], 400)
    assert ((found >= 0) & (found < 2000)).all()
    assert np.isfinite(far).all()


def test_a_base_smaller_than_asked_for(points):
    found, _ = whole(points, points[:3], 5)
    assert found.shape == (3000, 3)
