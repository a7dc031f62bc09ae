"""CLIPScore, negCLIPLoss and NormSim, each against its definition."""

import json

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, Stopped
from datasel_core.methods.clip_score import ClipScore
from datasel_core.methods.method import Scorer
from datasel_core.methods.neg_clip_loss import NegClipLoss
from datasel_core.methods.norm_sim import NormSim
from datasel_core.methods.selection import Inputs
from tests.conftest import clustered, conformance, real_data
from tests.oracles import contrastive

V = np.array([[1, 0], [0.8, 0.6], [0, 1]])
T = np.array([[0.6, 0.8], [1, 0], [0.8, -0.6]])
TARGETS = np.array([[1, 1], [1, -1], [0, 1]])


def score(method: Scorer, image: np.ndarray, text: np.ndarray, seed: int = 5) -> np.ndarray:
    return method.score(Inputs({"image": image, "text": text}, np.random.default_rng(seed)))


def likeness(method: Scorer, image: np.ndarray, target: np.ndarray) -> np.ndarray:
    return method.score(Inputs({"image": image}, np.random.default_rng(0), target={"image": target}))


def pairs(rng: np.random.Generator, n: int, d: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Captions near their images, as many far from them, a crowd that goes with everything, exact duplicates."""
    image = clustered(rng, n, d, 12)
    text = image + rng.choice([0.3, 2.0], n)[:, None] * rng.standard_normal((n, d))
    text[: n // 10] = image.mean(axis=0)
    image[n // 2 : n // 2 + n // 20], text[n // 2 : n // 2 + n // 20] = image[: n // 20], text[: n // 20]
    return image, text.astype(np.float32)


@pytest.mark.parametrize(
    ("temperature", "expected"), [(0.01, [-0.38, -0.18, -1.40]), (0.07, [-0.385639, -0.185346, -1.400021])]
)
def test_neg_clip_loss_of_three_pairs(temperature, expected):
    np.testing.assert_allclose(score(NegClipLoss(temperature=temperature), V, T), expected, atol=1e-6)


@pytest.mark.parametrize(("p", "expected"), [("2", [1, 1.166190, 1.414214]), ("inf", [0.707107, 0.989949, 1])])
def test_norm_sim_of_three_images(p, expected):
    np.testing.assert_allclose(likeness(NormSim(p=p), V, TARGETS), expected, atol=1e-6)


def test_the_golden_numbers():
    if conformance() is None:
        pytest.skip("no conformance data (set DATASEL_CONFORMANCE)")
    golden = json.loads((conformance() / "golden.json").read_text())
    case = golden["neg_clip_loss"]
    for temperature, expected in case["score"].items():
        found = score(NegClipLoss(temperature=float(temperature)), np.array(case["image"]), np.array(case["text"]))
        np.testing.assert_allclose(found, expected, atol=case["atol"])
    case = golden["norm_sim"]
    for p, name in (("2", "p2"), ("inf", "inf")):
        found = likeness(NormSim(p=p), np.array(case["image"]), np.array(case["target_unnormalised"]))
        np.testing.assert_allclose(found, case[name], atol=case["atol"])


def test_clip_score_is_the_cosine(rng):
    image, text = pairs(rng, 200)
    cosine = (contrastive.unit(image) * contrastive.unit(text)).sum(axis=1)
    np.testing.assert_allclose(score(ClipScore(), image, text), cosine, atol=1e-12)
    np.testing.assert_allclose(score(ClipScore(keep="low"), image, text), -cosine, atol=1e-12)
    kept = ClipScore(keep="low").select(Inputs({"image": image, "text": text}, rng), 5)
    assert kept.rows.tolist() == np.argsort(cosine, kind="stable")[:5].tolist()
    np.testing.assert_allclose(kept.why["score"], -cosine[kept.rows])


@pytest.mark.parametrize("p", ["2", "inf"])
def test_norm_sim_is_the_norm_of_all_cosines(p, rng):
    image, target = clustered(rng, 5000, 24, 12), clustered(rng, 2100, 24, 3)  # more than one tile both ways
    np.testing.assert_allclose(likeness(NormSim(p=p), image, target), contrastive.norm_sim(image, target, p), atol=2e-6)
    few = target[:3]
    np.testing.assert_allclose(likeness(NormSim(p=p), image, few), contrastive.norm_sim(image, few, p), atol=2e-6)


def test_norm_sim_looks_at_directions_only(rng):
    image, target = clustered(rng, 80, 8, 4), clustered(rng, 30, 8, 3)
    for p in ("2", "inf"):
        found = likeness(NormSim(p=p), image, target)
        np.testing.assert_allclose(likeness(NormSim(p=p), -7 * image, 1e-3 * target), found, atol=1e-6)
        with_zero = np.concatenate([target, np.zeros((1, 8), np.float32)])
        np.testing.assert_allclose(likeness(NormSim(p=p), image, with_zero), found, atol=1e-6)
        image[11] = 0
        assert np.flatnonzero(np.isnan(likeness(NormSim(p=p), image, target))).tolist() == [11]


@pytest.mark.parametrize("cls", [ClipScore, NegClipLoss])
def test_a_zero_vector_has_no_score_and_is_company_for_nobody(cls, rng):
    image, text = pairs(rng, 300)
    image[[4, 17]], text[[17, 120]] = 0, 0
    there = np.setdiff1d(np.arange(300), [4, 17, 120])
    found = score(cls(), image, text)
    assert np.flatnonzero(np.isnan(found)).tolist() == [4, 17, 120]
    np.testing.assert_array_equal(found[there], score(cls(), image[there], text[there]))
    kept = cls().select(Inputs({"image": image, "text": text}, rng), 297)
    assert not set(kept.rows.tolist()) & {4, 17, 120}
    with pytest.raises(BadParameter, match="only 297 samples have a score"):
        cls().select(Inputs({"image": image, "text": text}, rng), 298)


@pytest.mark.parametrize("cls", [ClipScore, NegClipLoss])
def test_all_zero_vectors(cls, rng):
    zeros = np.zeros((3, 4), np.float32)
    assert np.isnan(score(cls(), zeros, zeros)).all()


@pytest.mark.parametrize(
    ("image", "text", "message"),
    [
        (
            np.zeros((5, 3)),
            np.zeros((5, 4)),
            "The pool role image has 3 dimensions and the pool role text 4; they must be in one space.",
        ),
        (
            np.zeros((5, 3)),
            np.zeros((5, 2, 3)),
            r"The pool role text has the shape \(5, 2, 3\); it must be one vector per sample",
        ),
        (np.zeros((5, 3)), np.zeros(5), r"text has the shape \(5,\)"),
        (np.array([["a"]] * 5), np.zeros((5, 1)), "image has shape .* and type <U1"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "holds NaN"),
        (np.zeros((5, 3)), np.zeros((4, 3)), "differ in length"),
    ],
)
def test_vectors_that_do_not_fit(image, text, message, rng):
    for method in (ClipScore(), NegClipLoss()):
        with pytest.raises(BadInput, match=message):
            method.select(Inputs({"image": image, "text": text}, rng), 2)


def test_targets_that_do_not_fit(rng):
    image = clustered(rng, 20, 6, 3)
    for target, message in (
        (np.zeros((4, 5), np.float32), "The pool role image has 6 dimensions and the target role image 5"),
        (np.zeros((4, 6), np.float32), "no vector other than zero"),
        (np.zeros((0, 6), np.float32), "no vector other than zero"),
        (np.zeros(4, np.float32), "target role image has the shape"),
    ):
        with pytest.raises(BadInput, match=message):
            NormSim().select(Inputs({"image": image}, rng, target={"image": target}), 2)
    with pytest.raises(BadInput, match="needs the target role image"):
        NormSim().select(Inputs({"image": image}, rng), 2)


def test_a_device_that_is_not_there(rng):
    image, text = pairs(rng, 50)
    with pytest.raises(BadParameter, match="device is cuda:63; this machine has: cpu"):
        score(NegClipLoss(device="cuda:63"), image, text)
    with pytest.raises(BadParameter, match="device is 'gpu'"):
        NegClipLoss(device="gpu")
    assert "device" not in NegClipLoss().what()["params"]


@pytest.mark.parametrize("method", [ClipScore(), NegClipLoss(), NormSim(), NormSim(p="inf")], ids=lambda one: one.id)
def test_half_precision_input_is_computed_in_full(method, rng):
    image, text = (side.astype(np.float16) for side in pairs(rng, 300))
    given = {"image": image, "text": text}
    wide = {role: values.astype(np.float64) for role, values in given.items()}
    halves, doubles = (
        method.score(Inputs(pool, np.random.default_rng(1), target={"image": pool["image"][:9]}))
        for pool in (given, wide)
    )
    np.testing.assert_array_equal(halves, doubles)


@pytest.mark.parametrize("asked", [1, 3, 12])
def test_stops_in_the_middle(asked, rng):
    image, text = pairs(rng, 5000)
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > asked

    with pytest.raises(Stopped):
        NegClipLoss().score(Inputs({"image": image, "text": text}, rng, progress=Progress(should_stop=stop, every=0)))
    assert len(calls) == asked + 1


def test_shuffled_captions_are_found():
    """Real image-text vectors, a weak space: matched pairs have cosine .34 on average, others .08."""
    if real_data() is None:
        pytest.skip("no real data (set DATASEL_REAL_DATA)")
    with np.load(real_data() / "features" / "captions_pair_embeddings.npz") as kept:
        image, text = np.repeat(kept["image"], 5, axis=0), kept["text"].reshape(-1, 128)
    rng = np.random.default_rng(0)
    moved = rng.choice(len(text), round(0.3 * len(text)), replace=False)
    origin = np.arange(len(text))
    origin[moved] = np.roll(moved, 1)
    text, wrong = text[origin], origin // 5 != np.arange(len(text)) // 5
    for method in (ClipScore(), NegClipLoss(), NegClipLoss(temperature=0.07)):
        found = score(method, image, text)
        auc = (found[~wrong][:, None] > found[wrong][None]).mean()
        assert auc > 0.85, f"{method.id}: {auc:.3f}"
