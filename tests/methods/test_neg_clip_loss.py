"""negCLIPLoss: the batches, the sums, and what must not change them."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from datasel_core.base.progress import Progress
from datasel_core.methods import neg_clip_loss
from datasel_core.methods.algorithms.contrastive import batches
from datasel_core.methods.algorithms.contrastive import device as device_module
from datasel_core.methods.neg_clip_loss import NegClipLoss
from datasel_core.methods.selection import Inputs
from tests.methods.test_pairs_methods import pairs, score
from tests.oracles import contrastive

TOGETHER = pytest.mark.parametrize("together", [True, False])


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(neg_clip_loss, "tile", lambda device: 128)


def force(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    """All similarities at once, or batch by batch, whichever would be cheaper."""
    monkeypatch.setattr(NegClipLoss, "_is_cheaper_together", lambda self, n, d: together)


@TOGETHER
@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.01, 1e-3])
@pytest.mark.parametrize(("size", "times"), [(150, 3), (97, 2), (299, 4), (2, 1), (1000, 10)])
@pytest.mark.usefixtures("small_tiles")
def test_is_the_definition(together, temperature, size, times, rng, monkeypatch):
    """Batches that divide the pool, leave a short last one (of 9, of 1), and hold all of it; 300 pairs, 128 to a
    tile.
    """
    force(monkeypatch, together or size >= 300)
    image, text = pairs(rng, 300)
    expected = contrastive.neg_clip_loss(image, text, temperature, size, times, np.random.default_rng(5))
    found = score(NegClipLoss(temperature=temperature, batch_size=size, n_batches=times), image, text)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert (found <= 0).all()


@TOGETHER
def test_the_lowest_temperature(together, rng, monkeypatch):
    force(monkeypatch, together)
    image, text = pairs(rng, 60)
    expected = contrastive.neg_clip_loss(image, text, 1e-4, 40, 2, np.random.default_rng(5))
    np.testing.assert_allclose(
        score(NegClipLoss(temperature=1e-4, batch_size=40, n_batches=2), image, text), expected, atol=2e-6
    )


@TOGETHER
@pytest.mark.usefixtures("small_tiles")
def test_an_overwhelming_rival_hides_nobody(together, rng, monkeypatch):
    """Cosines 1 and 0 at temperature .001: logits 1,000 apart in one tile. A sum without the rival is as exact as one
    with it.
    """
    force(monkeypatch, together)
    image, text = pairs(rng, 120, d=40)
    image[:, :2], text[:, :2] = 0, 0
    image[30], text[77] = np.eye(40)[0], np.eye(40)[0]  # strangers that are one another's image and caption
    text[30], image[77] = np.eye(40)[1], -np.eye(40)[1]
    for seed in range(4):
        expected = contrastive.neg_clip_loss(image, text, 1e-3, 40, 2, np.random.default_rng(seed))
        found = score(NegClipLoss(temperature=1e-3, batch_size=40, n_batches=2), image, text, seed)
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_is_minus_the_loss_of_open_clip(rng):
    loss = pytest.importorskip("open_clip.loss").ClipLoss()
    import torch

    image, text = (contrastive.unit(side) for side in pairs(rng, 80))
    for temperature in (0.01, 0.07):
        found = score(NegClipLoss(temperature=temperature, batch_size=80, n_batches=1), image, text)
        whole = loss(torch.from_numpy(image), torch.from_numpy(text), 1 / temperature)
        assert found.mean() == pytest.approx(-temperature * float(whole), abs=1e-6)
        logits = loss.get_logits(torch.from_numpy(image), torch.from_numpy(text), 1 / temperature)
        labels = torch.arange(80)
        each = sum(torch.nn.functional.cross_entropy(side, labels, reduction="none") for side in logits) / 2
        np.testing.assert_allclose(found, -temperature * each.numpy(), atol=1e-6)


def test_one_batch_needs_no_luck(rng):
    """A pool that fits into one batch: the same for every seed, whatever batch_size and n_batches; rows may come in any
    order.
    """
    image, text = pairs(rng, 250)
    found = score(NegClipLoss(), image, text, seed=0)
    np.testing.assert_array_equal(found, score(NegClipLoss(batch_size=250, n_batches=1), image, text, seed=1))
    order = rng.permutation(250)
    np.testing.assert_allclose(score(NegClipLoss(), image[order], text[order]), found[order], atol=1e-6)


def test_looks_at_directions_and_angles_only(rng):
    image, text = pairs(rng, 250)
    method = NegClipLoss(batch_size=100, n_batches=3)
    found = score(method, image, text)
    longer = score(method, image * rng.uniform(0.01, 100, (250, 1)), text * 1e-20)
    np.testing.assert_allclose(longer, found, atol=1e-6)
    turn, _ = np.linalg.qr(rng.standard_normal((24, 24)))
    np.testing.assert_allclose(score(method, image @ turn, text @ turn), found, atol=1e-6)
    np.testing.assert_allclose(
        score(method, text, image), found, atol=1e-6
    )  # images and captions have the same part in it


def test_a_common_caption_loses_and_a_specific_one_wins(rng):
    """What CLIPScore cannot see: two pairs of equal cosine, one with a caption that fits everything."""
    image, text = contrastive.unit(rng.standard_normal((400, 32)) + 1.0), np.empty((400, 32))
    middle = contrastive.unit(image.mean(axis=0, keepdims=True))[0]
    aside = contrastive.unit(rng.standard_normal((400, 32)))
    text[:] = contrastive.unit(image + 0.3 * aside)
    text[0] = middle
    cosine = (image * text).sum(axis=1)
    assert cosine[0] > np.quantile(cosine, 0.001) - 0.3
    found = score(NegClipLoss(temperature=0.05), image, text)
    assert found[0] == found.min()


@TOGETHER
def test_tiles_change_only_the_last_digits(together, rng, monkeypatch):
    force(monkeypatch, together)
    image, text = pairs(rng, 300)
    answers = []
    for side in (23, 128, 5000):
        monkeypatch.setattr(neg_clip_loss, "tile", lambda device, side=side: side)
        answers.append(score(NegClipLoss(batch_size=130, n_batches=3), image, text))
    np.testing.assert_allclose(answers[0], answers[1], atol=5e-7)
    np.testing.assert_allclose(answers[0], answers[2], atol=5e-7)


@TOGETHER
@pytest.mark.usefixtures("small_tiles")
def test_progress_counts_every_tile(together, rng, monkeypatch):
    force(monkeypatch, together)
    image, text = pairs(rng, 300)
    steps = []
    NegClipLoss(batch_size=130, n_batches=3).score(
        Inputs({"image": image, "text": text}, rng, progress=Progress(report=steps.append, every=0))
    )
    last = [step for step in steps if step.label == "comparing pairs with each other"]
    assert last[-1].done == last[-1].total == last[-2].done


def test_what_is_asked_of_torch_outside_does_not_reach_in(rng):
    import torch

    image, text = pairs(rng, 300)
    found = score(NegClipLoss(), image, text)
    torch.set_float32_matmul_precision("medium")
    try:
        np.testing.assert_array_equal(score(NegClipLoss(), image, text), found)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_bfloat16_keeps_the_ranks_and_says_that_it_decides(rng):
    image, text = pairs(rng, 2000, d=128)
    found, rough = (score(NegClipLoss(precision=kind), image, text) for kind in ("float32", "bfloat16"))
    assert spearmanr(found, rough).statistic >= 0.9995
    assert NegClipLoss(precision="bfloat16").what() != NegClipLoss().what()


@pytest.mark.parametrize(("n", "size"), [(10, 4), (9, 4), (8, 4), (5, 4), (4, 4), (3, 4)])
def test_each_sample_is_dealt_once_and_every_part_is_full(n, size):
    for partition in batches.partitions(n, size, 5, np.random.default_rng(0)):
        parts = [partition.part(p) for p in range(partition.n_parts)]
        assert sorted(np.concatenate([own for own, _ in parts]).tolist()) == list(range(n))
        assert all(
            len(own) + len(borrowed) == min(n, size) == len(np.union1d(own, borrowed)) for own, borrowed in parts
        )
        home, guest = partition.homes()
        for p, (own, borrowed) in enumerate(parts):
            assert np.flatnonzero(home == p).tolist() == own.tolist()
            assert np.flatnonzero(guest == p).tolist() == borrowed.tolist()


def test_company_is_uniform():
    """Whether a part borrows or not, every other sample is equally likely to be in it: the short batch inflates
    nobody's score.
    """
    met, n = np.zeros((5, 5)), 4000
    for partition in batches.partitions(5, 3, n, np.random.default_rng(3)):
        for p in range(2):
            own, borrowed = partition.part(p)
            for one in own:
                met[one, np.union1d(own, borrowed)] += 1
    others = met[~np.eye(5, dtype=bool)] / n
    assert np.abs(others - 0.5).max() < 5 * np.sqrt(0.25 / n)


def test_the_tile_is_fixed_on_a_cpu():
    assert device_module.tile("cpu") == 2048


def captioned(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Pairs of which up to five show one picture, in no order; the name of the picture of each."""
    image, text = pairs(rng, n)
    of = rng.integers(0, n // 3, n)
    first = [int(np.flatnonzero(of == one)[0]) for one in of]
    return image[first], text + 0.3 * image[first], [f"p{one}" for one in of]


@TOGETHER
@pytest.mark.parametrize("temperature", [0.07, 0.01, 1e-3])
@pytest.mark.parametrize(("size", "times"), [(150, 3), (97, 2), (299, 4), (5, 3), (1000, 10)])
@pytest.mark.usefixtures("small_tiles")
def test_captions_of_one_picture_may_be_no_rivals(together, temperature, size, times, rng, monkeypatch):
    force(monkeypatch, together or size >= 300)
    image, text, picture = captioned(rng, 300)
    expected = contrastive.neg_clip_loss(image, text, temperature, size, times, np.random.default_rng(5), picture)
    method = NegClipLoss(temperature=temperature, batch_size=size, n_batches=times, siblings="left_out")
    found = method.score(Inputs({"image": image, "text": text, "picture": np.array(picture)}, np.random.default_rng(5)))
    np.testing.assert_allclose(found, expected, atol=2e-6)
    published = score(NegClipLoss(temperature=temperature, batch_size=size, n_batches=times), image, text)
    assert (found >= published - 2e-6).all()  # a rival less never makes it worse
    assert (found > published + 1e-3).any()


@TOGETHER
def test_who_meets_no_other_picture_has_no_rival(together, rng, monkeypatch):
    force(monkeypatch, together)
    image, text = pairs(rng, 30)
    same = Inputs({"image": image, "text": text, "picture": np.zeros(30, np.int64)}, rng)
    assert (NegClipLoss(siblings="left_out", batch_size=8).score(same) == 0).all()


def test_a_zero_vector_shifts_no_picture(rng):
    """Pictures go with the pairs that are scored, not with those that were given."""
    image, text, picture = captioned(rng, 120)
    image[:7] = 0
    found = NegClipLoss(siblings="left_out").score(
        Inputs({"image": image, "text": text, "picture": np.array(picture)}, rng)
    )
    expected = contrastive.neg_clip_loss(image[7:], text[7:], 0.01, 200, 1, rng, picture[7:])
    assert np.isnan(found[:7]).all()
    np.testing.assert_allclose(found[7:], expected, atol=2e-6)


def test_the_published_law_is_the_default_and_says_no_more_than_before():
    assert NegClipLoss().roles() == NegClipLoss.needs
    assert "siblings" not in NegClipLoss().what()["params"]
    assert NegClipLoss(siblings="left_out").roles() == ("image", "text", "picture")
    assert NegClipLoss(siblings="left_out").what()["params"]["siblings"] == "left_out"
    help = NegClipLoss.model_fields["siblings"].description
    assert "rivals: they count as each other's rivals, the published law" in help
