"""The no-download encoder: what is learned, and that rows do not depend on how they were computed."""

import threading

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_limits

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed
from datasel_core.features.encoders.dictionary import DictionaryEmbedding, DictionaryPatterns
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.models import patch_dictionary
from datasel_core.features.models.photos import read_ahead
from datasel_core.pools.media.photos import open_photo
from tests.conftest import real_data

SMALL = {"n_atoms": 16, "n_dims": 12, "fit_photos": 20}
BOTH = pytest.mark.parametrize("feature", [DictionaryPatterns, DictionaryEmbedding])


def striped(row: int, px: int = 60) -> Image.Image:
    """Stripes of one of four directions, in noise, on a coloured ground."""
    rng = np.random.default_rng(row)
    y, x = np.mgrid[:px, :px] / 4.0
    angle = row % 4 * np.pi / 4
    waves = 60 * np.sin(x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, 6))
    return Image.fromarray(
        np.clip(rng.uniform(80, 170, 3) + waves[..., None] + rng.normal(0, 8, (px, px, 3)), 0, 255).astype(np.uint8)
    )


def source_of(n: int, broken: tuple[int, ...] = (), painter=striped) -> Source:
    def image(row: int, at_least: int | None = None) -> Image.Image:
        if row in broken:
            raise Unreadable("the file is cut off")
        return painter(row)

    return Source(n, image=image)


def arrays(blocks) -> list[np.ndarray]:
    blocks = list(blocks)
    if isinstance(blocks[0].values, np.ndarray):
        return [np.concatenate([block.values for block in blocks])]
    return [
        np.concatenate([block.values.values for block in blocks]),
        *(np.concatenate([block.extra[name] for block in blocks]) for name in blocks[0].extra),
    ]


def test_whitened_patches_have_the_variance_the_law_says(rng):
    mixed = rng.standard_normal((20_000, 24)) @ rng.standard_normal((24, 24)) + 3
    mean, whiten = patch_dictionary.whitening(mixed, floor=0.0)
    np.testing.assert_allclose(np.cov((mixed - mean) @ whiten, rowvar=False), np.eye(24), atol=1e-6)
    patches = np.concatenate(
        [patch_dictionary.dense_patches(patch_dictionary.grey(np.asarray(striped(row, 42))), 6) for row in range(12)]
    )
    variances = np.linalg.eigvalsh(np.cov(patches, rowvar=False, dtype=np.float64))
    for floor in (1e-7, 0.1):
        mean, whiten = patch_dictionary.whitening(patches, floor)
        white = np.linalg.eigvalsh(np.cov((patches - mean) @ whiten, rowvar=False))
        np.testing.assert_allclose(
            white[1:], (variances / (variances + floor))[1:], rtol=1e-4
        )  # the first is the mean, taken out before


def test_gain_shape_finds_the_directions_that_made_the_data(rng):
    true = np.linalg.qr(rng.standard_normal((30, 6)))[0].T
    gains = rng.uniform(1, 5, 3000) * rng.choice([-1, 1], 3000)
    data = (true[rng.integers(6, size=3000)] * gains[:, None] + 0.05 * rng.standard_normal((3000, 30))).astype(
        np.float32
    )
    atoms = patch_dictionary.gain_shape(data, 12, rng)
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=1), 1, rtol=1e-5)
    assert np.abs(true @ atoms.T).max(axis=1).min() > 0.99


def test_gain_shape_ends_where_each_atom_is_the_gain_weighted_sum_of_its_patches(rng):
    data = (rng.standard_normal((600, 5)) * np.r_[3, 2, 1, 1, 1]).astype(np.float32)
    atoms = patch_dictionary.gain_shape(data, 6, rng, steps=300)
    gains = data.astype(np.float64) @ atoms.T
    best = np.abs(gains).argmax(axis=1)
    for atom in range(6):
        mine = best == atom
        total = (data[mine] * gains[mine, atom][:, None]).sum(axis=0)
        np.testing.assert_allclose(atoms[atom], total / np.linalg.norm(total), atol=1e-4)


def test_contrast_makes_patches_alike_in_any_light_and_leaves_flat_ones_flat(rng):
    patch = rng.uniform(0, 100, (1, 64)).astype(np.float32)
    np.testing.assert_allclose(patch_dictionary.contrast(patch), patch_dictionary.contrast(patch + 90), atol=1e-4)
    assert (
        np.abs(
            patch_dictionary.contrast(
                np.full((1, 64), 200, np.float32) + 0.5 * rng.standard_normal((1, 64)).astype(np.float32)
            )
        ).max()
        < 0.15
    )


def test_codes_are_soft_thresholded_responses_pooled_on_the_grid(rng):
    photo = np.asarray(striped(1, 42))
    learned = {
        "filters": rng.standard_normal((36, 5)).astype(np.float32) / 6,
        "offset": rng.standard_normal(5).astype(np.float32),
    }
    padded = np.pad(photo.astype(np.float64).mean(axis=2), (3, 2), "edge")
    slow = np.zeros((14, 14, 5))
    for y in range(42):
        for x in range(42):
            patch = padded[y : y + 6, x : x + 6].ravel()
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + 300)
            slow[y // 3, x // 3] += np.maximum(np.abs(patch @ learned["filters"] - learned["offset"]) - 0.5, 0) / 9
    np.testing.assert_allclose(patch_dictionary.codes(photo, learned), slow, atol=1e-5)


def test_surroundings_and_overview_are_means_of_cells(rng):
    values = rng.standard_normal((14, 14, 2)).astype(np.float32)
    around = patch_dictionary.surroundings(values).reshape(14, 14, 9, 2)
    np.testing.assert_allclose(around[7, 6, 4], values[6:9, 5:8].mean(axis=(0, 1)), atol=1e-6)
    np.testing.assert_allclose(around[7, 6, 2], values[3:6, 8:11].mean(axis=(0, 1)), atol=1e-6)
    np.testing.assert_allclose(around[0, 0, 0], values[0, 0], atol=1e-6)
    np.testing.assert_allclose(
        patch_dictionary.overview(values).reshape(7, 7, 2)[3, 2], values[6:8, 4:6].mean(axis=(0, 1)), atol=1e-6
    )


@pytest.mark.parametrize("m", [10, 400])
def test_the_projection_keeps_the_principal_axes_half_whitened(rng, m):
    rows = (rng.standard_normal((m, 40)) * np.r_[9, 4, np.full(38, 0.1)] + 5).astype(np.float32)
    found = patch_dictionary.projection(rows, 2)
    variances = np.sort(np.linalg.eigvalsh(np.cov(rows, rowvar=False)))[::-1][:2]
    np.testing.assert_allclose(
        ((rows - found["mean"]) @ found["axes"]).var(axis=0, ddof=1), np.sqrt(variances), rtol=1e-3
    )


@BOTH
def test_the_same_whatever_the_batch_the_threads_and_the_rows_asked_for(feature):
    source = source_of(23)
    fitted = feature(**SMALL).fit(source, Progress())
    again = feature(**SMALL, batch=5, threads=1)
    with threadpool_limits(1):
        other = again.fit(source, Progress())
    assert fitted.keys() == other.keys()
    for name in fitted:
        np.testing.assert_array_equal(fitted[name], other[name])
    (block,) = feature(**SMALL).blocks(source, np.arange(23), fitted)
    whole, counts = arrays([block]), block.values.lengths() if feature is DictionaryPatterns else np.ones(23, dtype=int)
    for a, b in zip(whole, arrays(again.blocks(source, np.arange(23), other)), strict=True):
        np.testing.assert_array_equal(a, b)
    part = arrays(feature(**SMALL, batch=2).blocks(source, np.arange(5, 10), fitted))
    ends = np.cumsum([0, *counts])
    np.testing.assert_array_equal(part[0], whole[0][ends[5] : ends[10]])
    for a, b in zip(part[1:], whole[1:], strict=True):
        np.testing.assert_array_equal(a, b[5:10])


@BOTH
def test_another_seed_learns_another_dictionary(feature):
    source = source_of(8)
    first, second = (feature(**SMALL, seed=seed).fit(source, Progress()) for seed in (0, 1))
    assert not np.array_equal(first["filters"], second["filters"])


@BOTH
def test_unreadable_photos_are_listed_in_the_block_they_belong_to(feature):
    source, one = source_of(12, broken=(0, 5)), feature(**SMALL, batch=4)
    blocks = list(one.blocks(source, np.arange(12), one.fit(source, Progress())))
    assert [block.rows.tolist() for block in blocks] == [[1, 2, 3], [4, 6, 7], [8, 9, 10, 11]]
    assert [list(block.unreadable) for block in blocks] == [
        [(0, "the file is cut off")],
        [(5, "the file is cut off")],
        [],
    ]
    only = next(iter(feature(**SMALL).blocks(source, np.array([5]), one.fit(source, Progress()))))
    assert len(only.rows) == len(only.values) == 0
    assert list(only.unreadable) == [(5, "the file is cut off")]


@BOTH
def test_no_photo_to_learn_from_is_said(feature):
    with pytest.raises(
        Failed, match="No dictionary can be learned: none of 3 photos could be opened; the first: the file is cut off."
    ):
        feature(**SMALL).fit(source_of(3, broken=(0, 1, 2)), Progress())


@BOTH
@pytest.mark.parametrize("n", [1, 3])
def test_flat_and_single_photos_give_finite_values(feature, n):
    source, one = source_of(n, painter=lambda row: Image.new("RGB", (9, 30), (row, 90, 200))), feature(n_dims=64)
    (block,) = one.blocks(source, np.arange(n), one.fit(source, Progress()))
    values = block.values if feature is DictionaryEmbedding else block.values.values
    assert np.isfinite(values).all()
    assert block.rows.tolist() == list(range(n))


def test_like_photos_are_near_and_colour_counts_only_when_asked():
    source, one = source_of(40), DictionaryEmbedding(n_atoms=32, n_dims=16, colour=0.0)
    values = arrays(one.blocks(source, np.arange(40), one.fit(source, Progress())))[0]
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    likeness = unit @ unit.T - 2 * np.eye(40)
    assert (likeness.argmax(axis=1) % 4 == np.arange(40) % 4).mean() > 0.9
    photo = np.asarray(striped(0, 42))
    learned = patch_dictionary.learn(np.stack([photo] * 2), 8, 16, np.random.default_rng(0))
    assert not patch_dictionary.cells(photo, learned, 0.0)[:, :, 16:].any()
    assert patch_dictionary.cells(photo, learned, 0.5)[:, :, 16:].any()


def test_patterns_come_with_labels_saliency_and_grid():
    source, one = source_of(10), DictionaryPatterns(**SMALL)
    (block,) = one.blocks(source, np.arange(10), one.fit(source, Progress()))
    assert block.extra["patch_labels"].shape == block.extra["saliency"].shape == (10, 196)
    assert block.extra["patch_labels"].max() == 4
    np.testing.assert_allclose(block.extra["saliency"].astype(float).sum(axis=1), 1, atol=0.01)
    assert one.describe() == {"grid": 14}


def test_photos_are_read_ahead_in_order_and_never_far():
    opened, most, lock = [], [0], threading.Lock()
    taken = 0

    def image(row: int, at_least: int | None = None) -> Image.Image:
        assert at_least == 20
        with lock:
            opened.append(row)
            most[0] = max(most[0], len(opened) - taken)
        return Image.new("RGB", (30, 20), (row, 0, 0))

    for photos in read_ahead(Source(50, image=image), range(50), px=10, at_least=20, batch=4, threads=3):
        assert photos.pixels[:, 0, 0, 0].tolist() == photos.rows.tolist() == list(range(taken, min(taken + 4, 50)))
        with lock:
            taken += len(photos.rows)
    assert sorted(opened) == list(range(50))
    assert most[0] <= 12


def test_an_encoder_that_is_left_early_leaves_no_threads():
    def reading() -> int:
        return sum(thread.name.startswith("readers") for thread in threading.enumerate())

    batches = read_ahead(source_of(100), range(100), px=10, at_least=10, batch=4, threads=3)
    next(batches)
    assert reading()
    batches.close()
    assert not reading()


def test_an_encoder_that_fails_for_another_reason_is_heard():
    def image(row: int, at_least: int | None = None) -> Image.Image:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        next(read_ahead(Source(1, image=image), [0], px=10, at_least=10, batch=1, threads=1))


def test_real_photos_of_one_class_are_near():
    data = real_data()
    if data is None or not (data / "photos").is_dir():
        pytest.skip("no real photos at ../shared/data/photos or DATASEL_REAL_DATA")
    paths = sorted((data / "photos").glob("*/*.jpg"))[::3]
    source, one = (
        Source(len(paths), image=lambda row, at_least=None: open_photo(paths[row], at_least)),
        DictionaryEmbedding(),
    )
    values = arrays(one.blocks(source, np.arange(len(paths)), one.fit(source, Progress())))[0]
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    classes = np.array([path.parent.name for path in paths])
    nearest = (unit @ unit.T - 2 * np.eye(len(unit))).argmax(axis=1)
    assert (classes[nearest] == classes).mean() > 0.5  # chance is .15, a random projection of pixels .36
