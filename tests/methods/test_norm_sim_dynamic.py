"""NormSim without a target, against the loop as written down."""

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, Stopped
from datasel_core.methods.norm_sim_dynamic import NormSimDynamic
from datasel_core.methods.selection import Inputs
from tests.conftest import clustered
from tests.oracles import contrastive


def choose(image: np.ndarray, budget: int, already=(), **params):
    return NormSimDynamic(**params).select(Inputs({"image": image}, np.random.default_rng(0), already=already), budget)


def images(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Clusters, some exact duplicates."""
    image = clustered(rng, n, d, 9)
    image[n // 2 : n // 2 + 9] = image[:9]
    return image


@pytest.mark.parametrize("n_steps", [1, 4, 37, 500])
@pytest.mark.parametrize("d", [4, 40])  # more dropped at a step than dimensions, and fewer
@pytest.mark.parametrize("budget", [1, 30, 89, 90])
def test_is_the_plain_loop(n_steps, d, budget, rng):
    image = images(rng, 90, d)
    assert choose(image, budget, n_steps=n_steps).rows.tolist() == contrastive.norm_sim_dynamic(image, budget, n_steps)


def test_what_was_chosen_earlier_pulls_and_stays(rng):
    image = images(rng, 80, 6)
    earlier = (3, 50, 71)
    found = choose(image, 20, earlier, n_steps=9)
    assert found.rows.tolist() == contrastive.norm_sim_dynamic(image, 20, 9, earlier)
    assert not set(found.rows.tolist()) & set(earlier)


def test_scores_are_mean_squared_cosines_to_what_is_kept(rng):
    image = images(rng, 80, 6)
    found = choose(image, 25)
    unit = contrastive.unit(image)
    np.testing.assert_allclose(found.scores, ((unit @ unit[found.rows].T) ** 2).mean(axis=1), atol=1e-12)
    np.testing.assert_array_equal(found.why["likeness"], found.scores[found.rows])
    assert (np.diff(np.round(found.scores[found.rows], 12)) <= 0).all()


def test_keeps_the_crowd_not_the_noise(rng):
    crowd, noise = np.eye(16)[0] + 0.2 * rng.standard_normal((60, 16)), rng.standard_normal((60, 16))
    kept = choose(np.concatenate([noise, crowd]), 50).rows
    assert (kept >= 60).mean() > 0.95


def test_one_step_is_norm_sim_to_the_whole_pool(rng):
    image = images(rng, 90, 6)
    kept = np.sort(choose(image, 30, n_steps=1).rows)
    everyone = contrastive.norm_sim(image, image, "2")
    assert kept.tolist() == np.sort(np.argsort(-np.round(everyone, 10), kind="stable")[:30]).tolist()


def test_a_zero_vector_is_never_kept(rng):
    image = images(rng, 40, 6)
    image[[5, 9]] = 0
    found = choose(image, 38, n_steps=3)
    assert not set(found.rows.tolist()) & {5, 9}
    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [5, 9]
    with pytest.raises(BadParameter, match="only 38 samples have a score"):
        choose(image, 39)


def test_half_precision_and_lengths_change_nothing(rng):
    image = images(rng, 90, 6).astype(np.float16)
    assert (
        choose(image, 30).rows.tolist()
        == choose(image.astype(np.float64), 30).rows.tolist()
        == choose(-8.0 * image.astype(np.float32), 30).rows.tolist()
    )


def test_vectors_that_do_not_fit(rng):
    with pytest.raises(BadInput, match="image has (the )?shape"):
        choose(np.zeros((5, 2, 3)), 2)


@pytest.mark.parametrize("asked", [1, 20])
def test_stops_in_the_middle(asked, rng):
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > asked

    inputs = Inputs({"image": images(rng, 300, 6)}, rng, progress=Progress(should_stop=stop, every=0))
    with pytest.raises(Stopped):
        NormSimDynamic().select(inputs, 100)
