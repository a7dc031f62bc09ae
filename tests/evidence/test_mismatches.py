"""What the cut of a score keeps of captions that were dealt to wrong images, against plain numpy."""

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.appraisals.promise import sentence
from datasel_core.evidence.promises import mismatches
from datasel_core.pools import holdout
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.runs.joints import keep, table_of

D = 16


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pairs(workspace, folder, rng, n=600, noise=0.5, captions=1, **columns):
    """A pool of n pairs; a caption lies near its picture, the farther the more noise. Images, texts."""
    picture = np.arange(n) // captions
    image = unit(rng.standard_normal((n, D)))[picture].astype(np.float32)
    text = unit(image + noise * rng.standard_normal((n, D))).astype(np.float32)
    ids = [f"p{at:04d}" for at in range(n)]
    source = table_of(folder, "pairs", ids, image, picture=[f"x{at}" for at in picture], **columns)
    pool = add_pool(workspace, "pairs", source, "vectors")
    keep(workspace, pool, "image", image, [5])
    keep(workspace, pool, "text", text, [7])
    return pool, image, text


def run_of(workspace, method="clip_score", budget="30%", **asked):
    return select(workspace, Spec(pool="pairs", method=method, budget=budget, **asked))


def said(run):
    return run.manifest["result"]["promise"]


def near(share, of):
    """So far may a share of so many lie from what is expected of it: four standard deviations."""
    return pytest.approx(share, abs=4 * (share * (1 - share) / of) ** 0.5 + 1e-9)


@pytest.fixture
def seen(monkeypatch):
    """(images, captions, others, scores) of every scoring of planted pairs."""
    calls, score = [], mismatches._score

    def spied(asked, images, captions, others, progress):
        found = score(asked, images, captions, others, progress)
        calls.append((images, captions, others, found))
        return found

    monkeypatch.setattr(mismatches, "_score", spied)
    return calls


def test_a_good_score_drops_them(workspace, tmp_path, rng):
    """Of all pairs of an image and a wrong caption, so many reach the cut; a sample of them says the same."""
    _, image, text = pairs(workspace, tmp_path, rng)
    run = run_of(workspace)
    cosine = image.astype(np.float64) @ text.T
    cut = run.table["score"].to_numpy().min()
    wrong = (cosine[~np.eye(len(cosine), dtype=bool)] >= cut).mean()
    one = said(run)
    assert (one["measure"], one["on"], one["measured_on"]) == ("mismatches", "candidates", 299)
    assert one["value"] == near(wrong, 299)
    assert one["right"] == near(0.3, 299)
    assert one["random"] == pytest.approx(180 / 598, abs=1e-6)
    assert one["auc"] > 0.9
    words = sentence(one)
    assert words.startswith("Of 299 captions dealt to wrong images this cut would keep ")
    assert words.endswith("; random keeps 30 % of either.")


def test_a_useless_score_is_called_so(workspace, tmp_path, rng):
    pairs(workspace, tmp_path, rng, noise=1000)
    one = said(run_of(workspace))
    assert one["value"] == near(0.3, 299)
    assert one["right"] == near(0.3, 299)
    assert 0.4 < one["auc"] < 0.6
    assert "This score cannot tell them apart: AUC ." in sentence(one)


def test_who_asks_for_mismatches_gets_them_first(workspace, tmp_path, rng):
    pairs(workspace, tmp_path, rng)
    one = said(run_of(workspace, params={"keep": "low"}))
    assert one["value"] > one["right"]
    assert sentence(one).endswith("It takes the wrong ones first.")


def test_planted_pairs_are_scored_as_the_pool_is(workspace, tmp_path, rng, seen):
    """negCLIPLoss compares with the rest: neither half of a right pair is there, and the law is the published one."""
    _, image, text = pairs(workspace, tmp_path, rng, n=200)
    run_of(workspace, "neg_clip_loss")
    assert len(seen) == 2
    measured = np.concatenate([images for images, *_ in seen])
    assert len(set(measured.tolist())) == len(measured) == 99
    for images, captions, others, found in seen:
        assert not set(images) & (set(captions) | set(others))
        assert not set(captions) & set(others)
        shown, told = np.concatenate([others, images]), np.concatenate([others, captions])
        logits = unit(image[shown].astype(np.float64)) @ unit(text[told].astype(np.float64)).T / 0.01
        own = np.diag(logits)
        loss = (np.logaddexp.reduce(logits, axis=1) - own + np.logaddexp.reduce(logits, axis=0) - own) / 2
        assert found == pytest.approx(-0.01 * loss[len(others) :], abs=1e-5)


def test_held_out_pairs_are_measured_where_there_are_enough(workspace, tmp_path, rng, seen):
    pool, image, text = pairs(workspace, tmp_path, rng, n=300)
    held = drawing.draw(workspace, pool, "60").rows(pool)
    run = run_of(workspace, "neg_clip_loss")
    can = np.setdiff1d(held, [5, 7])
    assert (said(run)["on"], said(run)["measured_on"]) == ("held out", len(can))
    assert sentence(said(run)).startswith(f"Of {len(can)} held-out captions dealt to wrong images this cut would keep")
    for images, captions, others, _ in seen:
        assert set(images) | set(captions) <= set(can)
        assert not set(others) & set(held)
        assert len(images) + len(others) == 300 - len(np.union1d(held, [5, 7]))  # as many as the pool compares
    right = next(found for images, captions, _, found in seen if np.array_equal(images, captions))
    cut = run.table["score"].to_numpy().min()
    assert said(run)["right"] == pytest.approx((right >= cut).mean(), abs=1e-6)
    holdout.forget(pool, holdout.HOLDOUT)
    drawing.draw(workspace, pool, "15")
    assert said(run_of(workspace, "neg_clip_loss"))["on"] == "candidates"


def test_no_budget_scores_them_again(workspace, tmp_path, rng, seen):
    pairs(workspace, tmp_path, rng)
    tight, wide = (said(run_of(workspace, budget=budget)) for budget in ("10%", "60%"))
    assert len(seen) == 2
    assert tight["right"] < wide["right"]
    assert tight["value"] <= wide["value"]
    assert tight["auc"] == wide["auc"]


def test_captions_of_one_picture_are_never_dealt_to_it(workspace, tmp_path, rng, seen):
    pairs(workspace, tmp_path, rng, n=300, captions=5)
    run_of(workspace, "neg_clip_loss", use={"picture": "picture"}, params={"siblings": "left_out"})
    assert len(seen) == 2
    for images, captions, *_ in seen:
        assert not set(images // 5) & set(captions // 5)


def test_a_filter_holds_for_them_too(workspace, tmp_path, rng, seen):
    pool, *_ = pairs(workspace, tmp_path, rng, n=300, even=[at % 2 for at in range(300)])
    drawing.draw(workspace, pool, "100")
    one = said(run_of(workspace, where="even = 1"))
    assert one["on"] == "held out"
    assert all((images % 2 == 1).all() for images, *_ in seen)
    matching = np.setdiff1d(np.arange(1, 300, 2), [*holdout.held_out(pool).rows(pool), 5, 7])
    assert one["random"] == pytest.approx(60 / len(matching), abs=1e-6)


def test_pairs_of_one_picture_show_nothing(workspace, tmp_path, rng):
    pairs(workspace, tmp_path, rng, n=20, captions=20)
    run = run_of(workspace, "neg_clip_loss", use={"picture": "picture"}, params={"siblings": "left_out"})
    assert "promise" not in run.manifest["result"]


def test_the_command_line_says_it(workspace, tmp_path, rng, capsys):
    pairs(workspace, tmp_path, rng, n=100)
    assert main(["select", "pairs", "clip_score", "--budget", "10%"]) == 0
    assert "captions dealt to wrong images this cut would keep" in capsys.readouterr().out
