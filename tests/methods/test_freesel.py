"""FreeSel against an O(T^2) reference, and the sampling law itself."""

import numpy as np
import pytest
from scipy.stats import chisquare

from datasel_core.base.ragged import Ragged
from datasel_core.methods.algorithms.gaps import Gaps
from datasel_core.methods.freesel import FreeSel
from datasel_core.methods.k_center import KCenter
from datasel_core.methods.selection import Inputs
from tests.conftest import clustered
from tests.oracles import freesel as oracle


def uneven(rng: np.random.Generator, n: int, d: int = 12) -> Ragged:
    lengths = rng.integers(1, 6, n)
    return Ragged(clustered(rng, int(lengths.sum()), d, 9), np.concatenate([[0], np.cumsum(lengths)]))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_farthest_is_the_brute_force(metric, rng):
    patterns = uneven(rng, 120)
    found = FreeSel(sampler="farthest", metric=metric, first=17).select(Inputs({"patterns": patterns}, rng), 90)
    assert found.rows.tolist() == oracle.farthest(patterns.values, patterns.owners(), [17], 90, metric)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_already_chosen_count_and_are_never_chosen_again(metric, rng):
    patterns = uneven(rng, 80)
    found = FreeSel(sampler="farthest", metric=metric).select(Inputs({"patterns": patterns}, rng, already=[3, 40]), 30)
    assert found.rows.tolist() == oracle.farthest(patterns.values, patterns.owners(), [3, 40], 32, metric)[2:]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_k_center_is_the_brute_force(metric, rng):
    vectors = clustered(rng, 300, 8, 12)
    found = KCenter(metric=metric, first=5).select(Inputs({"embedding": vectors}, rng), 200)
    assert found.rows.tolist() == oracle.farthest(vectors, np.arange(300), [5], 200, metric)


def test_ties_keep_pool_order(rng):
    vectors = np.array([[1, 0], [0, 1], [0, 1], [0, -1], [0, -1], [1, 0]], dtype=np.float32)
    found = KCenter(first=0, metric="euclidean").select(Inputs({"embedding": vectors}, rng), 3)
    assert found.rows.tolist() == [0, 1, 3]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("picks", [1, 4])
def test_prob_draws_by_squared_distance(metric, picks, rng):
    """The law of the next pick after `picks` chosen ones, over 6,000 draws, against D^2 / sum D^2."""
    patterns = uneven(rng, 25, d=3)
    first = FreeSel(sampler="farthest", metric=metric, first=2).select(Inputs({"patterns": patterns}, rng), picks).rows
    law = oracle.draw_law(patterns.values, patterns.owners(), first.tolist(), metric)
    drawn = np.zeros(25)
    for seed in range(6000):
        inputs = Inputs({"patterns": patterns}, np.random.default_rng([9, seed]), already=first)
        drawn[FreeSel(metric=metric).select(inputs, 1).rows[0]] += 1
    possible = law > 0
    assert drawn[~possible].sum() == 0
    assert chisquare(drawn[possible], law[possible] * drawn.sum()).pvalue > 1e-3


def test_prob_keeps_its_law_deep_into_a_run(rng):
    """The 2nd pick after a renewal works with stale bounds: the law must hold there too."""
    patterns = uneven(rng, 20, d=3)
    pairs: dict[int, np.ndarray] = {}
    for seed in range(8000):
        rows = FreeSel(first=0).select(Inputs({"patterns": patterns}, np.random.default_rng([5, seed])), 3).rows
        pairs.setdefault(int(rows[1]), np.zeros(20))[rows[2]] += 1
    second = max(pairs, key=lambda row: pairs[row].sum())
    law = oracle.draw_law(patterns.values, patterns.owners(), [0, second], "cosine")
    drawn = pairs[second]
    assert drawn[law == 0].sum() == 0
    # groups of at least 5 expected, as the test asks
    order = np.argsort(law)
    groups = np.minimum(np.cumsum(law[order]) * 8, 7.999).astype(int)
    expected = np.bincount(groups, weights=law[order], minlength=8) * drawn.sum()
    seen = np.bincount(groups, weights=drawn[order], minlength=8)
    keep = expected > 0
    assert chisquare(seen[keep], expected[keep]).pvalue > 1e-3


@pytest.mark.parametrize("sampler", ["prob", "farthest"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_block_size_never_changes_the_answer(sampler, metric, rng):
    patterns = uneven(rng, 400)
    one, other = (
        FreeSel(sampler=sampler, metric=metric, block=block).select(
            Inputs({"patterns": patterns}, np.random.default_rng(3)), 250
        )
        for block in (7, 100_000)
    )
    assert one.rows.tolist() == other.rows.tolist()
    np.testing.assert_array_equal(one.why["distance"], other.why["distance"])


@pytest.mark.parametrize("sampler", ["prob", "farthest"])
def test_only_duplicates_left_are_filled_at_random(sampler, rng):
    vectors = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    patterns = Ragged(vectors, np.arange(41))
    found = FreeSel(sampler=sampler).select(Inputs({"patterns": patterns}, rng), 30)
    assert set(found.rows[:4] // 10) == {0, 1, 2, 3}
    assert (found.why["pattern"][4:] == -1).all()
    assert len(set(found.rows)) == 30
    firsts = [
        FreeSel(sampler=sampler, first=0).select(Inputs({"patterns": patterns}, np.random.default_rng(s)), 5).rows[4]
        for s in range(40)
    ]
    assert len(set(firsts)) > 10


def test_why_names_the_pattern_that_brought_a_photo_in(rng):
    patterns = uneven(rng, 60)
    found = FreeSel(sampler="farthest", first=0).select(Inputs({"patterns": patterns}, rng), 20)
    owners, pairs = patterns.owners(), oracle.distances(patterns.values, "cosine")
    for at in range(1, 20):
        place = patterns.offsets[found.rows[at]] + found.why["pattern"][at]
        assert found.why["distance"][at] == pytest.approx(
            pairs[place, np.isin(owners, found.rows[:at])].min(), abs=1e-9
        )
    assert found.why["pattern"][0] == -1
    assert np.isnan(found.why["distance"][0])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_bounds_hold_on_hard_values(metric, small_blocks, rng):
    """Near-duplicates, a far offset and large norms: float32 gaps must stay within the stated tolerance of the exact
    ones.
    """
    base = rng.standard_normal((40, 32)) * rng.uniform(0.1, 30, (40, 1)) + 5
    values = np.concatenate([base, base + 1e-6 * rng.standard_normal(base.shape)]).astype(np.float32)
    gaps = Gaps(values, metric, 64)
    gaps.add(np.arange(20))
    everything = np.arange(len(values))
    gaps.refresh(everything)
    pairs = oracle.distances(values, metric)[:, :20]
    true = (pairs if metric == "cosine" else pairs**2).min(axis=1)
    assert np.abs(gaps.gap - true).max() <= gaps.tolerance
    np.testing.assert_allclose(gaps.exact(everything), true, rtol=1e-9, atol=1e-12)
