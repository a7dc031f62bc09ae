"""What stands behind the rule of `recommend`: how many different things methods meet among frames of videos, and what
`structure` says of such pools and of photos; 8 paired seeds.

Real clothing photos with MobileNetV2 vectors. The frames are made: 30 clips of 25 frames go from one photo half of the
way to another, embedding and patterns alike, with a little noise; beside them 80 photos stand once. A thing is a clip
or such a photo.
"""

import numpy as np
from scipy import stats

from datasel_core.analysis.structure import structure
from datasel_core.base import registry
from datasel_core.base.ragged import Ragged
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import size, table
from tests.benchmarks.photos_quality import load
from tests.conftest import real_data

_CLIPS, _FRAMES, _LONERS, _BUDGET, _NOISE, _WAY = 30, 25, 80, 80, 0.1, 0.5
_METHODS = (
    ("random", {}),
    ("facility_location", {}),
    ("k_center", {}),
    ("freesel", {"sampler": "prob"}),
    ("freesel", {"sampler": "farthest"}),
    ("freesel, one pattern a photo", {"sampler": "farthest"}),
)


def moved(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same vectors with noise of a tenth of their length."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    noise = rng.standard_normal(values.shape) * length / np.sqrt(values.shape[1])
    return (values + _NOISE * noise).astype(np.float32)


def frames(embedding: np.ndarray, patterns: Ragged, seed: int) -> tuple[np.ndarray, Ragged, np.ndarray]:
    """embedding, patterns and, for each frame, the photo that it shows."""
    rng = np.random.default_rng(seed)
    even = np.flatnonzero(patterns.lengths() == np.median(patterns.lengths()))  # what goes from one to another
    ends = rng.permutation(even)[: 2 * _CLIPS]
    others = rng.permutation(len(embedding))
    loners = others[~np.isin(others, ends)][:_LONERS]
    one, other = np.repeat(ends[:_CLIPS], _FRAMES), np.repeat(ends[_CLIPS:], _FRAMES)
    share = np.tile(np.linspace(0, _WAY, _FRAMES, dtype=np.float32), _CLIPS)[:, None]
    vectors = np.concatenate([embedding[one] * (1 - share) + embedding[other] * share, embedding[loners]])
    parts, there, alone = patterns.take(one), patterns.take(other), patterns.take(loners)
    of = np.repeat(share, parts.lengths(), axis=0)
    values = np.concatenate([parts.values * (1 - of) + there.values * of, alone.values])
    offsets = np.concatenate([parts.offsets, parts.offsets[-1] + alone.offsets[1:]])
    return moved(vectors, rng), Ragged(moved(values, rng), offsets), np.concatenate([one, loners])


def first_patterns(patterns: Ragged) -> Ragged:
    """The most salient one of each photo, which stands first."""
    return Ragged(patterns.values[patterns.offsets[:-1]], np.arange(len(patterns) + 1))


def main() -> None:
    data = real_data()
    if data is None:
        print("no real data here; see tests/conftest.py")
        return
    embedding, _, patterns = load(data)
    print("photos:", structure(embedding.astype(np.float32)))
    seeds = range(max(8, size(8)))
    met = {name: [] for name in (f"{method} {params.get('sampler', '')}".strip() for method, params in _METHODS)}
    for seed in seeds:
        vectors, parts, shown = frames(embedding.astype(np.float32), patterns, seed)
        if seed == 0:
            print("frames:", structure(vectors))
        for method, params in _METHODS:
            given = {"embedding": vectors, "patterns": first_patterns(parts) if "one" in method else parts}
            inputs = Inputs(given, np.random.default_rng(seed))
            chosen = registry.find("method", method.split(",")[0])(**params).select(inputs, _BUDGET)
            met[f"{method} {params.get('sampler', '')}".strip()].append(len(np.unique(shown[chosen.rows])))
    base = np.array(met["random"], dtype=float)
    rows = []
    for name, counts in met.items():
        gap = np.array(counts) - base
        half = stats.t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
        said = "" if name == "random" else f"{gap.mean():+.1f} ({gap.mean() - half:+.1f} to {gap.mean() + half:+.1f})"
        rows.append({"method": name, f"things met of {_CLIPS + _LONERS}": np.mean(counts), "against random": said})
    table(rows)


if __name__ == "__main__":
    main()
