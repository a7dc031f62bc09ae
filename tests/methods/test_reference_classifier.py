"""The classifier of target against pool: nobody is scored by who knows him, and the draw is GPT-3's."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from datasel_core.methods.reference_classifier import ReferenceClassifier, _dealt
from datasel_core.methods.selection import Inputs


def world(rng, n=200, m=40, d=5):
    """A pool of which every fourth lies where the target lies."""
    pool, like = rng.standard_normal((n, d)).astype(np.float32), np.arange(n) % 4 == 0
    pool[like, 0] += 2.5
    target = rng.standard_normal((m, d)).astype(np.float32)
    target[:, 0] += 2.5
    return pool, target, like


def inputs(pool, target, seed=0) -> Inputs:
    return Inputs({"embedding": pool}, np.random.default_rng(seed), target={"embedding": target})


def test_scores_are_those_of_five_models_by_the_book(rng):
    pool, target, like = world(rng)
    found, part = ReferenceClassifier().score(inputs(pool, target)), _dealt(pool)
    assert np.bincount(part).tolist() == [40] * 5
    for at in range(5):
        others = np.concatenate([pool[part != at], target]).astype(float)
        of_target = np.repeat([0, 1], [np.sum(part != at), len(target)])
        scale = StandardScaler().fit(others)
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
        model.fit(scale.transform(others), of_target)
        odds = model.predict_log_proba(scale.transform(pool[part == at].astype(float)))
        np.testing.assert_allclose(found[part == at], odds[:, 1] - odds[:, 0], atol=1e-6)
    kept = ReferenceClassifier().select(inputs(pool, target), 50).rows
    assert like[kept].mean() > 0.7
    assert ReferenceClassifier().score(inputs(pool, target, seed=9)).tolist() == found.tolist()


def test_what_a_candidate_is_never_enters_its_own_score(rng):
    """Moving one candidate, and its copy, leaves the score of a model that never saw them; it sees others' alone."""
    pool, target, _ = world(rng)
    pool[7] = pool[90]
    part = _dealt(pool)
    assert part[7] == part[90]
    seen = []
    real = ReferenceClassifier._log_odds

    def log_odds(self, others, target, asked):
        seen.append((others, asked))
        return real(self, others, target, asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReferenceClassifier, "_log_odds", log_odds)
        ReferenceClassifier().score(inputs(pool, target))
    assert len(seen) == 5
    for others, asked in seen:
        assert not {row.tobytes() for row in others.astype(np.float32)} & {row.tobytes() for row in asked}


def test_both_sides_weigh_the_same_whatever_their_sizes(rng):
    """Of twice the same target the odds stay, so a score of 0 says: as likely the one as the other."""
    pool, target, _ = world(rng, n=400)
    once, twice = (ReferenceClassifier(c=1e-3).score(inputs(pool, part)) for part in (target, np.tile(target, (9, 1))))
    assert abs(np.median(once)) < 1
    assert np.corrcoef(once, twice)[0, 1] > 0.99


def test_scale_and_position_of_the_numbers_do_not_count(rng):
    pool, target, _ = world(rng)
    moved = ReferenceClassifier().score(inputs(pool * 64, target * 64))
    np.testing.assert_allclose(moved, ReferenceClassifier().score(inputs(pool, target)), atol=1e-4)


def test_the_draw_is_the_filter_of_gpt_3(rng):
    """Its first round keeps each with the chance that numpy's Pareto exceeds 1 - p; what it keeps comes first."""
    odds, drawn = np.array([-2.0, 0.0, 1.0, 3.0]), ReferenceClassifier(law="pareto")
    p = 1 / (1 + np.exp(-odds))
    theirs = np.mean(rng.pareto(9, (200_000, 4)) > 1 - p, axis=0)
    np.testing.assert_allclose(drawn._chances(odds), theirs, atol=4e-3)
    np.testing.assert_allclose(drawn._chances(odds), (2 - p) ** -9.0)
    firsts = np.bincount([drawn.best(odds, 1, rng).places[0] for _ in range(6000)], minlength=4)
    assert stats.chisquare(firsts, 6000 * first_of(drawn._chances(odds))).pvalue > 1e-3
    order = drawn.best(odds, 4, np.random.default_rng(3)).places
    assert drawn.best(odds, 2, np.random.default_rng(3)).places.tolist() == order[:2].tolist()
    assert 0 not in drawn.best(odds, 3, rng, already=[0]).places


def first_of(chances: np.ndarray) -> np.ndarray:
    """(4,) the chance of each to come first: of every set that a round may keep, one at random; an empty one counts
    for nothing.
    """
    found = np.zeros(len(chances))
    for kept in range(1, 1 << len(chances)):
        inside = np.array([kept >> at & 1 for at in range(len(chances))], bool)
        found[inside] += np.prod(np.where(inside, chances, 1 - chances)) / inside.sum()
    return found / (1 - np.prod(1 - chances))


def test_who_has_no_other_beside_him_is_told_nothing(rng):
    target = rng.standard_normal((3, 2)).astype(np.float32)
    assert ReferenceClassifier().score(inputs(np.ones((4, 2), np.float32), target)).tolist() == [0.0] * 4
