"""Operations of features, against what one counts by hand from the sizes of a model."""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features import computation, flops
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.encoders.dictionary import DictionaryEmbedding
from datasel_core.features.encoders.vit import VitEmbedding, VitPatterns
from datasel_core.features.feature import Source
from tests.conftest import paint
from tests.features.test_vit import random_weights

timm = pytest.importorskip("timm")
torch = pytest.importorskip("torch")
NAME, PX, PATCH, WIDTH, DEPTH = "vit_tiny_patch16_224", 64, 16, 192, 12


def by_hand(blocks: int) -> int:
    """Multiplications and additions of a vision transformer on one photo: patches, then blocks of attention (queries,
    keys, values, their products, what is paid, the way out) and of two layers, four times as wide.
    """
    patches = (PX // PATCH) ** 2
    tokens, d = patches + 1, WIDTH
    block = tokens * 3 * d * d + 2 * tokens * tokens * d + tokens * d * d + 2 * tokens * d * 4 * d
    return 2 * (patches * 3 * PATCH * PATCH * d + blocks * block)


def queries_and_keys() -> int:
    """The patterns' own look at the last block: its layer in full, and one query against every key."""
    tokens = (PX // PATCH) ** 2 + 1
    return 2 * (tokens * 3 * WIDTH * WIDTH + tokens * WIDTH)


@pytest.fixture
def pool(workspace, tmp_path):
    for at in range(20):
        paint(tmp_path / "photos" / f"{at}.jpg", at, (40, 40))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no photo")
    return add_pool(workspace, "photos", str(tmp_path / "photos"), "images")


@pytest.mark.parametrize("kind", [VitEmbedding, VitPatterns])
def test_a_vision_transformer_is_counted_whole(workspace, pool, tmp_path, kind):
    feature = kind(model=NAME, weights=random_weights(tmp_path, NAME, PX), image_px=PX)
    kept = computation.compute_feature(workspace, pool, feature)
    read = pool.n - len(kept.unreadable)
    each = by_hand(DEPTH) if kind is VitEmbedding else by_hand(DEPTH - 1) + queries_and_keys()
    assert kept.meta["flops"] == pytest.approx(each * read, rel=1e-9)
    assert kept.meta["flops_counted_on"] == flops.SAMPLES
    assert read == 20


def test_a_picture_with_many_captions_passes_once(workspace, tmp_path):
    rows = [
        {"id": f"{at}", "path": str(paint(tmp_path / "p" / f"{at // 5}.jpg", at // 5, (30, 30))), "caption": f"a {at}"}
        for at in range(30)
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = add_pool(workspace, "p", str(tmp_path / "p.jsonl"), "pairs")
    image, text = (computation.compute_feature(workspace, pool, one(device="cpu")) for one in (ClipImage, ClipText))
    assert image.meta["flops_counted_on"] == 6
    assert text.meta["flops_counted_on"] == flops.SAMPLES
    one = Source(1, image=lambda row, at_least=None: pool.open(0))
    alone = flops.counted(ClipImage(device="cpu"), one, np.array([0]), {})
    assert image.meta["flops"] == 6 * alone["flops"]
    assert text.meta["flops"] % 30 == 0


def test_counting_changes_nothing(workspace, pool, tmp_path, monkeypatch):
    """Neither the values and their fingerprint, nor what torch was set to."""
    feature = ClipImage(device="cpu")
    key, first = (
        computation.feature_key(workspace, pool, feature),
        computation.compute_feature(workspace, pool, feature),
    )
    assert torch.backends.mha.get_fastpath_enabled()
    values = np.array(first.values())
    monkeypatch.setattr(computation, "counted", lambda *asked: {})
    (first.folder / "meta.json").unlink()
    again = computation.compute_feature(workspace, pool, feature)
    assert (again.key, again.meta["fingerprint"]) == (key, first.meta["fingerprint"])
    assert np.array_equal(np.array(again.values()), values, equal_nan=True)
    assert "flops" not in again.meta


def test_of_what_passes_no_model_nothing_is_said(workspace, pool):
    assert "flops" not in computation.compute_feature(workspace, pool, DictionaryEmbedding(n_atoms=8)).meta


def test_what_cannot_be_counted_is_not_known(workspace, pool, monkeypatch):
    """The feature is whole all the same."""

    def refused(*asked, **named):
        raise RuntimeError("no such counter")

    monkeypatch.setattr("torch.utils.flop_counter.FlopCounterMode", refused)
    kept = computation.compute_feature(workspace, pool, ClipImage(device="cpu"), Progress())
    assert "flops" not in kept.meta
    assert kept.is_intact()
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("number", "words"),
    [(500, "500 FLOP"), (2e6, "2 MFLOP"), (9.9996e8, "1 GFLOP"), (1.23e12, "1.2 TFLOP"), (453.2e12, "453 TFLOP")],
)
def test_they_are_said_with_a_unit(number, words):
    assert flops.said(number) == words
