"""The shipped model: small, safe to load, found by name, and aligned on scenes it has never seen."""

import gzip
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from datasel_core.analysis import agreement
from datasel_core.base import registry
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.feature import Source
from datasel_core.features.models import clip_weights
from datasel_core.pools.demo.scenes import compose, make_scenes, render
from datasel_core.workspace.hashing import hash_file
from tests.conftest import real_data

pytest.importorskip("open_clip")

FOLDER = Path(clip_weights.__file__).with_name("small_clip")
SHA256 = "f745ad488a5293b2b1027ee0dd81317bef283d4adacb28988795efe52b3a17c1"
"""Of the weights; new weights give other vectors, so a new hash goes with a new line in the changelog."""
SEED, N = 31, 300


@pytest.fixture(scope="module")
def scenes():
    """Neither of the seeds it was trained on nor of the demo's."""
    return compose(N, SEED)


@pytest.fixture(scope="module")
def images(scenes):
    from PIL import Image

    source = Source(N, image=lambda row, at_least=None: Image.fromarray(render(scenes[row], SEED)[0]))
    return np.concatenate([block.values for block in ClipImage(device="cpu").blocks(source, np.arange(N), {})])


def auc(higher: np.ndarray, lower: np.ndarray) -> float:
    return float((higher[:, None] > lower).mean() + 0.5 * (higher[:, None] == lower).mean())


def test_weights_are_small_and_recorded():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert set(sizes) == {"open_clip_model.safetensors", "open_clip_config.json", "bpe.txt.gz"}
    assert sum(sizes.values()) <= 4_000_000
    assert hash_file(FOLDER / "open_clip_model.safetensors") == SHA256
    assert ClipImage().depends()["weights_sha256"] == ClipText().depends()["weights_sha256"] == SHA256
    assert ClipImage().files() == ()  # it lies in the package, which need not be an allowed root


def test_matched_and_mismatched_captions_separate(scenes, images):
    text = ClipText(device="cpu")
    true, said = text.encode([scene.true_caption for scene in scenes]), text.encode([scene.caption for scene in scenes])
    matched = (images * true).sum(axis=1)
    distinct = np.array([scene.source is None for scene in scenes])  # near-duplicates have their captions in common
    assert auc(matched, (images * np.roll(true, 1, axis=0)).sum(axis=1)) >= 0.97
    kinds = np.array([scene.caption_kind for scene in scenes])
    scores = (images * said).sum(axis=1)
    assert auc(scores[kinds == "matched"], scores[kinds == "mismatched"]) >= 0.97
    assert auc(scores[kinds == "matched"], scores[kinds == "off_topic"]) >= 0.97
    likeness = images[distinct] @ true[distinct].T
    assert (likeness.argmax(axis=1) == np.arange(len(likeness))).mean() > 0.5  # chance is .004


def test_a_search_finds_what_was_searched_for(scenes, images):
    from tools.small_clip_captions import briefly

    rng = np.random.default_rng(3)
    asked = [briefly(scene, rng) for scene in scenes]
    first = (images @ ClipText(device="cpu").encode([one.text for one in asked]).T).argmax(axis=0)
    hits = np.mean([one.is_true_of(scenes[row]) for one, row in zip(asked, first, strict=True)])
    assert hits > 0.6  # chance is .05


def test_any_text_can_be_read():
    vectors = ClipText(device="cpu").encode(
        ["", "猫と犬 🐈", "ÀÉÎ", "a " * 5000, "\x00\x07", "<start_of_text> a cup", "zzz-qqq_42"]
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_every_word_of_a_caption_is_one_token(scenes):
    tokenizer = clip_weights.load(clip_weights.SMALL, None, "cpu", "fp32").tokenizer
    for scene in scenes:
        words = scene.true_caption.replace("-", " - ").replace(",", " ,").replace(".", " .").replace(":", " :").split()
        assert len(tokenizer.encode(scene.true_caption)) == len(words) < tokenizer.context_length - 2
    assert gzip.decompress((FOLDER / "bpe.txt.gz").read_bytes()).decode().startswith("# byte pairs\n")


def test_the_demo_pool_was_held_out():
    from safetensors import safe_open

    from tools.train_small_clip import FIRST_SEED

    with safe_open(FOLDER / "open_clip_model.safetensors", "pt") as file:
        note = file.metadata()["note"]
    seeds = int(note.split(" x 2000 demo scenes")[0].rsplit(" ", 1)[1])
    assert f"demo scenes from seed {FIRST_SEED} on" in note
    assert not {inspect.signature(make_scenes).parameters["seed"].default, SEED} & set(
        range(FIRST_SEED, FIRST_SEED + seeds)
    )


def test_what_training_says_of_scenes_is_so(scenes, rng):
    """Short captions are true of their scene; those with a detail wrong never say what the true ones say."""
    from tools.small_clip_captions import briefly, nearly, said

    for scene in scenes[:100]:
        assert briefly(scene, rng).is_true_of(scene)
        assert nearly(scene, rng) not in {said(scene, rng) for _ in range(30)}
    assert np.mean([briefly(scenes[0], rng).is_true_of(scene) for scene in scenes]) < 0.5


def test_training_encodes_captions_as_the_model_does(scenes):
    import torch

    from tools.train_small_clip import encoded

    clip = clip_weights.load(clip_weights.SMALL, None, "cpu", "fp32")
    tokens = clip.tokenizer([scene.true_caption for scene in scenes[:20]])
    with torch.no_grad():
        torch.testing.assert_close(encoded(clip.model, tokens), clip.model.encode_text(tokens), atol=1e-4, rtol=1e-4)


def test_facts_name_the_model_and_its_temperature():
    facts = ClipText().describe(Source(1))
    config = json.loads((FOLDER / "open_clip_config.json").read_text())
    assert facts["model"] == clip_weights.SMALL
    assert facts["dims"] == config["model_cfg"]["embed_dim"]
    assert 1 < facts["logit_scale"] <= 100.5


@pytest.mark.parametrize("id", ["clip_image", "clip_text"])
def test_the_form_warns_that_it_knows_the_demo_alone(id):
    declared = registry.find("feature", id)
    assert declared().model == clip_weights.SMALL
    assert "anything but the demo scenes" in declared.avoid
    assert "its demo scenes alone" in declared.model_fields["model"].description


def test_it_is_trusted_on_scenes_like_the_demos(scenes, images):
    """A part of the demo's captions is wrong on purpose, so that the best encoder stays below 1."""
    said = ClipText(device="cpu").encode([scene.caption for scene in scenes])
    found = agreement.captions(images, said, np.arange(N))
    assert 0.8 < found.auc < 0.97
    assert found.warning == ""


def test_it_is_not_trusted_on_photos_of_the_world():
    from PIL import Image

    if real_data() is None:
        pytest.skip("no real data (set DATASEL_REAL_DATA)")
    folder = real_data() / "captions"
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    source = Source(
        len(pairs), image=lambda row, at_least=None: Image.open(folder / pairs[row]["image"]).convert("RGB")
    )
    seen = np.concatenate([one.values for one in ClipImage(device="cpu").blocks(source, np.arange(len(pairs)), {})])
    captions = [(at, caption) for at, pair in enumerate(pairs) for caption in pair["captions"]]
    of = np.array([at for at, _ in captions])
    found = agreement.captions(seen[of], ClipText(device="cpu").encode([caption for _, caption in captions]), of)
    assert len(found.own) == 595
    assert found.warning.startswith("this encoder cannot tell right captions from wrong ones here: AUC .")
