"""Vectors that point nearly the same way: every pair, and no other."""

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.vectors.alike import alike
from tests.conftest import clustered


def pairs(vectors, others, least):
    found = {}
    for rows, partners, cosines in alike(vectors, others, least, Progress(), "comparing"):
        found |= dict(zip(zip(rows.tolist(), partners.tolist(), strict=True), cosines.tolist(), strict=True))
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("least", [0.5, 0.95, 0.999])
def test_it_finds_what_float64_finds(rng, small_blocks, dtype, least):
    vectors = clustered(rng, 150, 24, 6, 0.15).astype(dtype)
    others = np.concatenate([clustered(rng, 90, 24, 6), vectors[:40] * dtype(1.5)])
    vectors[7], others[3] = 0, 0
    mine, theirs = (
        one.astype(np.float64) / np.maximum(np.linalg.norm(one.astype(np.float64), axis=1, keepdims=True), 1e-300)
        for one in (vectors, others)
    )
    cosines = mine @ theirs.T
    expected = {(a, b): cosines[a, b] for a, b in np.argwhere(cosines >= least).tolist()}
    assert expected
    assert pairs(vectors, others, least) == pytest.approx(expected, abs=1e-12)


def test_no_vectors_are_like_none():
    assert pairs(np.empty((0, 4), np.float32), np.ones((3, 4), np.float32), 0.5) == {}
    assert pairs(np.ones((3, 4), np.float32), np.empty((0, 4), np.float32), 0.5) == {}
