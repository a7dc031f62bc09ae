"""Whether an encoder is told from one that sees nothing: the laws against slow ones, and what real vectors give."""

import numpy as np
import pytest

from datasel_core.analysis import agreement
from tests.conftest import clustered, real_data
from tests.oracles import agreement as oracle


@pytest.mark.parametrize("digits", [1, 6])
def test_auc_is_that_of_every_comparison(rng, digits):
    """One digit: most are ties, which count half."""
    high, low = (rng.standard_normal(n).round(digits) + shift for n, shift in ((83, 0.5), (57, 0)))
    assert agreement.auc(high, low) == pytest.approx(oracle.auc(high, low), abs=1e-12)
    assert agreement.auc(low, high) == pytest.approx(1 - oracle.auc(high, low), abs=1e-12)


def test_auc_by_hand():
    assert agreement.auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == 3.5 / 4
    assert agreement.auc(np.array([1.0]), np.array([1.0])) == 0.5


def test_how_many_wrong_captions_a_cosine_beats():
    """By hand: equal ones are not beaten."""
    found = agreement.Captions(np.array([0.5, 0.4]), np.array([0.3, 0.1, 0.2, 0.3]), 4)
    assert [found.beaten(cosine) for cosine in (0.05, 0.15, 0.3, 0.31)] == [0, 0.25, 0.5, 1]


SIZES = {"alone": [1] * 9, "five each": [5] * 7, "uneven": [6, 1, 1, 3, 2], "half": [4, 1, 3], "two": [1, 1]}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_no_picture_is_dealt_a_caption_of_its_own(sizes):
    """Each caption goes to exactly one picture, in whatever order samples come; another seed deals otherwise."""
    deals = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        picture = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        places, dealt = agreement.deal(picture, rng)
        assert sorted(places) == sorted(dealt) == list(range(len(picture)))
        assert (picture[places] != picture[dealt]).all()
        deals.add(tuple(dealt[np.argsort(places)]))
    assert len(deals) > 1 or len(sizes) == 2


def test_captions_without_another_picture_are_left_out():
    """Seven of ten captions are of one picture: only three of them find another, and go there."""
    picture = np.array([0] * 7 + [1, 2, 2])
    places, dealt = agreement.deal(picture, np.random.default_rng(0))
    assert sorted(picture[places]) == sorted(picture[dealt]) == [0, 0, 0, 1, 2, 2]
    assert (picture[places] != picture[dealt]).all()
    assert sorted(places) == sorted(dealt)
    for alone in (np.zeros(5, int), np.zeros(1, int), np.zeros(0, int)):
        assert [len(side) for side in agreement.deal(alone, np.random.default_rng(0))] == [0, 0]
    assert agreement.captions(np.eye(3), np.eye(3), np.zeros(3, int)) is None


def test_every_caption_is_as_likely_to_come():
    """Over many deals every picture meets every caption of others about equally often."""
    picture, met = np.array([0, 0, 1, 1, 2, 3]), np.zeros((6, 6))
    for seed in range(6000):
        places, dealt = agreement.deal(picture, np.random.default_rng(seed))
        met[places, dealt] += 1
    assert met[:2, :2].sum() == met[2:4, 2:4].sum() == met[4, 4] == met[5, 5] == 0
    for rows, columns in (([0, 1], [2, 3]), ([0, 1], [4, 5]), ([4], [5])):
        block = met[np.ix_(rows, columns)]
        assert np.abs(block - block.mean()).max() < 5 * np.sqrt(block.mean())


def pairs(rng: np.random.Generator, n: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two captions a picture."""
    image = np.repeat(rng.standard_normal((n // 2, 24)), 2, axis=0).astype(np.float32)
    return image, (image + noise * rng.standard_normal((n, 24))).astype(np.float32), np.arange(n) // 2


def test_a_useless_encoder_is_called_useless(rng):
    image, text, picture = pairs(rng, 2000, 1.5)
    good = agreement.captions(image, text, picture)
    assert good.auc > 0.95
    assert good.warning == ""
    shuffled = agreement.captions(image, text[rng.permutation(2000)], picture)
    blind = agreement.captions(rng.standard_normal((2000, 24)), rng.standard_normal((2000, 24)), picture)
    same = agreement.captions(np.ones((2000, 24)), np.ones((2000, 24)), picture)
    for found in (shuffled, blind, same):
        assert abs(found.auc - 0.5) < 0.04
        assert found.warning == (
            f"this encoder cannot tell right captions from wrong ones here: AUC .{round(100 * found.auc)}"
        )
    assert same.auc == 0.5
    assert "50 % of comparisons (AUC .50, on 2,000 pairs; .50 would be chance)." in same.words


def test_scores_are_cosines_and_always_the_same(rng):
    image, text, picture = pairs(rng, 60, 0.5)
    found, again = (agreement.captions(image, text, picture) for _ in range(2))
    cosine = (image * text).sum(axis=1) / np.linalg.norm(image, axis=1) / np.linalg.norm(text, axis=1)
    np.testing.assert_allclose(np.sort(found.own), np.sort(cosine), atol=1e-6)
    np.testing.assert_array_equal(found.dealt, again.dealt)
    assert found.auc == pytest.approx(oracle.auc(found.own, found.dealt), abs=1e-12)


def test_what_has_no_direction_and_what_is_not_drawn_is_said(rng, monkeypatch):
    image, text, picture = pairs(rng, 60, 0.5)
    image[3], text[10] = 0, 0
    image[50:] = np.nan  # rows that nobody asks for
    found = agreement.captions(image, text, picture, np.arange(50))
    assert (len(found.own), found.n) == (48, 48)
    monkeypatch.setattr(agreement, "MOST_PAIRS", 20)
    few = agreement.captions(image, text, picture, np.arange(50))
    assert len(few.own) <= 20
    assert f"on {len(few.own)} of 50 pairs" in few.words
    monkeypatch.setattr(agreement, "MOST_SAMPLES", 30)
    some = agreement.groups(text, picture // 10, np.arange(11, 50))
    assert (some.m, some.n) == (30, 39)
    assert "(on 30 of 39 samples, drawn)" in some.words


@pytest.mark.parametrize("k", [3, 10])
def test_neighbours_of_one_group_are_counted(rng, k):
    vectors = clustered(rng, 60, 8, 5)
    group = np.array(list("aaabbc"))[rng.integers(6, size=60)]
    found = agreement.groups(vectors, group, k=k)
    assert found.share == pytest.approx(oracle.in_the_same_group(vectors, group, k), abs=1e-12)
    sizes = np.unique(group, return_counts=True)[1]
    assert found.chance == pytest.approx(sum(size * (size - 1) for size in sizes) / (60 * 59), abs=1e-12)


def test_chance_is_the_mean_over_every_deal_of_the_names(rng):
    vectors, group = rng.standard_normal((7, 3)), list("aaabbbc")
    expected = oracle.expected_by_chance(vectors, group, 2)
    assert agreement.groups(vectors, np.array(group), k=2).chance == pytest.approx(expected, abs=1e-12)


def test_vectors_that_know_the_groups_are_told_from_those_that_do_not(rng):
    group = np.arange(400) % 8
    knows = agreement.groups(rng.standard_normal((8, 6))[group] + 0.3 * rng.standard_normal((400, 6)), group)
    assert knows.share > 0.8
    assert not knows.is_chance
    said = "of the 10 nearest neighbours are of the same group; groups of these sizes, dealt at random, would give 12 %"
    assert said in knows.words
    assert knows.words.endswith("(on 400 samples).")
    blind = [agreement.groups(np.random.default_rng(at).standard_normal((400, 6)), group) for at in range(20)]
    assert sum(one.is_chance for one in blind) >= 18  # a hundredth is let through
    assert blind[0].words.endswith("no more than chance, these vectors do not know the groups.")


def test_equal_vectors_know_nothing_though_groups_lie_side_by_side():
    """A folder comes group by group; among equal vectors the first are not the nearest."""
    found = agreement.groups(np.ones((300, 4), np.float32), np.repeat(np.arange(3), [200, 60, 40]))
    assert found.is_chance


def test_what_is_drawn_is_of_the_whole_pool(rng, monkeypatch):
    """A folder comes group by group; the first of it are of one group only."""
    monkeypatch.setattr(agreement, "MOST_SAMPLES", 100)
    found = agreement.groups(rng.standard_normal((2000, 4)), np.repeat(np.arange(4), 500))
    assert found.m == 100
    assert abs(found.chance - 0.25) < 0.05


def test_without_two_groups_nothing_is_said(rng):
    vectors = rng.standard_normal((12, 3))
    assert agreement.groups(vectors, np.zeros(12, int)) is None
    assert agreement.groups(vectors, np.arange(12)) is None
    assert agreement.groups(vectors[:0], np.arange(0)) is None
    assert agreement.groups(vectors[:2], np.array([0, 0])) is None
    assert agreement.groups(vectors[:3], np.array([0, 0, 1])).k == 2


def test_real_captions_and_photos():
    """A weak but real space of pictures and captions: AUC .86; the same, its captions dealt at random: .5. Classes of
    clothing are known to a real encoder of photos.
    """
    if real_data() is None:
        pytest.skip("no real data (set DATASEL_REAL_DATA)")
    there = np.load(real_data() / "features" / "captions_pair_embeddings.npz")
    n, each, d = there["text"].shape
    image, text, picture = np.repeat(there["image"], each, axis=0), there["text"].reshape(-1, d), np.arange(n * each)
    found = agreement.captions(image, text, picture // each)
    assert 0.83 < found.auc < 0.9
    wrong = np.random.default_rng(1).permutation(n * each)
    assert abs(agreement.captions(image, text[wrong], picture // each).auc - 0.5) < 0.05
    photos = np.load(real_data() / "features" / "photos_mobilenetv2.npz")
    values = photos["embedding_scale"] * (photos["embedding"].astype(np.float32) - photos["embedding_zero"])
    classes = np.array([id.split("/")[0] for id in photos["ids"]])
    known = agreement.groups(values, classes)
    assert known.share > 2 * known.chance
    assert not known.is_chance
