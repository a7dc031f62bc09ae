"""Encoders: photos per second on one core, and how often a photo's nearest neighbour is of its class.

Real clothing photos in ten classes; leave-one-out, nearest by cosine. `plain`: vectors as they are; `centred`: less
their mean over the pool. Pattern sets are compared by the mean best cosine of each pattern with the other photo's, both
ways. What was computed elsewhere (MobileNetV2) has no speed here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.features.encoders.dictionary import DictionaryEmbedding, DictionaryPatterns
from datasel_core.features.encoders.imported_patterns import ImportedPatterns
from datasel_core.features.feature import Block, Feature, Source
from datasel_core.pools.media.photos import open_photo
from datasel_core.pools.readers.vector_files import open_arrays
from tests.benchmarks._baselines import colours, gradients, pixels
from tests.benchmarks._measure import small, stopwatch, table
from tests.conftest import real_data


def main() -> None:
    data = real_data()
    if data is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    with threadpool_limits(1):
        table(list(_rows(data)))


def _rows(data: Path) -> Iterator[dict[str, Any]]:
    arrays = open_arrays(data / "features" / "photos_mobilenetv2.npz")
    every = np.arange(len(arrays["ids"]))[:: 10 if small() else 1]
    paths = [data / "photos" / str(arrays["ids"][row]) for row in every]
    classes = np.array([path.parent.name for path in paths])
    source = Source(
        len(paths),
        image=lambda row, at_least=None: open_photo(paths[row], at_least),
        roles={"patches": arrays["patches"][every]},
    )
    yield _vectors("random projection of pixels, 512", classes, *_by_hand(paths, lambda photo: photo))
    yield _vectors("colour histogram", classes, *_by_hand(paths, colours))
    yield _vectors("HOG", classes, *_by_hand(paths, gradients))
    yield _vectors(
        "HOG + colour histogram",
        classes,
        *_by_hand(paths, lambda photo: np.concatenate([gradients(photo), colours(photo)])),
    )
    for feature in (
        DictionaryEmbedding(threads=1),
        DictionaryPatterns(threads=1),
        DictionaryPatterns(threads=1, k=1),
        DictionaryPatterns(threads=1, tau=1.0),
    ):
        yield _computed(feature, source, classes)
    yield _computed(ImportedPatterns(), source, classes) | {"encoder": "MobileNetV2 patches: imported_patterns"}
    yield _vectors("MobileNetV2 embedding", classes, arrays["embedding"][every].astype(np.float32), None)


def _by_hand(paths: list[Path], describe: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, float]:
    with stopwatch() as taken:
        values = np.stack([describe(pixels(open_photo(path, 128))).ravel() for path in paths]).astype(np.float32)
        if values.shape[1] == 64 * 64 * 3:
            values = values @ np.random.default_rng(0).standard_normal((values.shape[1], 512)).astype(np.float32)
    return values, len(paths) / taken[0]


def _vectors(name: str, classes: np.ndarray, values: np.ndarray, rate: float | None) -> dict[str, Any]:
    plain, centred = _agreement(_cosines(values), classes), _agreement(_cosines(values - values.mean(axis=0)), classes)
    return _row(name, values.shape[1], rate, None, plain, centred)


def _computed(feature: Feature, source: Source, classes: np.ndarray) -> dict[str, Any]:
    with stopwatch() as learning:
        fitted = feature.fit(source, Progress())
    with stopwatch() as encoding:
        blocks = list(feature.blocks(source, np.arange(source.n), fitted))
    rate, learned = source.n / encoding[0], learning[0] if fitted else None
    name = " ".join(
        [
            feature.id,
            *(
                f"{key}={value}"
                for key, value in feature.model_dump(exclude_defaults=True).items()
                if not feature.is_how(key)
            ),
        ]
    )
    if feature.role == "patterns":
        sets = _joined(blocks)
        return _row(name, sets.values.shape[1], rate, learned, _agreement(_likeness(sets), classes), None)
    values = np.concatenate([block.values for block in blocks])
    return _vectors(name, classes, values, rate) | {"learning s": learned}


def _row(
    name: str, d: int, rate: float | None, learned: float | None, plain: float, centred: float | None
) -> dict[str, Any]:
    said = {"photos/s": "-" if rate is None else f"{rate:.0f}", "learning s": "-" if learned is None else learned}
    return {
        "encoder": name,
        "d": d,
        **said,
        "plain": f"{plain:.3f}",
        "centred": "-" if centred is None else f"{centred:.3f}",
    }


def _joined(blocks: list[Block]) -> Ragged:
    lengths = np.concatenate([block.values.lengths() for block in blocks])
    return Ragged(np.concatenate([block.values.values for block in blocks]), np.concatenate([[0], np.cumsum(lengths)]))


def _cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


def _likeness(sets: Ragged) -> np.ndarray:
    """(n, n): the mean best cosine of each pattern of one photo with those of the other, summed both ways."""
    starts, lengths = sets.offsets[:-1], sets.lengths()
    best = np.maximum.reduceat(_cosines(sets.values), starts, axis=1)
    one_way = np.add.reduceat(best, starts, axis=0) / lengths[:, None]
    return one_way + one_way.T


def _agreement(likeness: np.ndarray, classes: np.ndarray) -> float:
    """Share of photos whose most alike other photo is of the same class."""
    others = likeness - 1e9 * np.eye(len(likeness))
    return float((classes[others.argmax(axis=1)] == classes).mean())


if __name__ == "__main__":
    main()
