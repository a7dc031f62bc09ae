"""Features that need no download: what each part of a photo has of a patch dictionary learned on the pool itself. A
first look; DINO features are better.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.parallel import one_thread
from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import Failed
from datasel_core.features.feature import Block, Source, feature
from datasel_core.features.models.patch_dictionary import GRID, cells, learn, overview, projection, surroundings
from datasel_core.features.models.patterns import Patterns, saliency_without_attention
from datasel_core.features.models.photos import Photos, read_ahead
from datasel_core.features.space import Learned

Arrays = Mapping[str, np.ndarray]

_N_ATOMS = Field(
    128,
    title="Dictionary size",
    ge=8,
    le=512,
    description=(
        "How many small textures photos are described by. Move it up for pools of many kinds of surfaces. "
        "With few, everything looks alike; with very many, noise counts as texture, and it takes longer."
    ),
)
_PATCH_PX = Field(
    8,
    title="Patch side (pixels)",
    ge=4,
    le=16,
    description=(
        "Side of the small squares that textures are learned from, in pixels of the shrunk photo. Move it "
        "up for coarse things, down for fine grain. Small ones see edges alone; large ones need more "
        "textures to tell apart."
    ),
)
_CELL_PX = Field(
    3,
    title="Cell side (pixels)",
    ge=2,
    le=8,
    description=(
        "The photo is shrunk to 14 x 14 cells of so many pixels. Move it up when fine texture matters, "
        "down when shape does. Small sees outlines only; large sees grain, and takes longer."
    ),
)
_COLOUR = Field(
    0.15,
    title="Weight of colour",
    ge=0,
    le=2,
    description=(
        "How much mean colours count beside shapes and textures. Move it up when things of one kind share "
        "a colour, down when colour misleads. At 0 photos are as good as grey; very high, and only colour "
        "counts."
    ),
)
_N_DIMS = Field(
    128,
    title="Numbers per vector",
    ge=2,
    le=1024,
    description=(
        "How many numbers stand for each sample: the directions in which the pool varies most. Move it up "
        "when unlike things come together, down to save memory. With 2 hardly anything is told apart; "
        "beyond a few hundred only noise is added."
    ),
)
_FIT_PHOTOS = Field(
    1000,
    title="Photos learned from",
    ge=1,
    le=2000,
    description=(
        "From how many photos the textures are learned, drawn from the pool. Move it up when rare kinds "
        "are not told apart. With few, what they lack is not seen; with all, nothing is left to chance, "
        "and it takes longer."
    ),
)
_BATCH = Field(64, ge=1, description="Photos per batch.", json_schema_extra=HOW)
_THREADS = Field(4, ge=1, le=64, description="Threads that open photos.", json_schema_extra=HOW)


@feature("dictionary_patterns", version=1, title="Patterns, no download")
class DictionaryPatterns(Learned, Patterns):
    """Patterns of each photo from a patch dictionary learned on the pool. Works on any folder with no network; a first
    look, DINO patterns are better.

    A patch is one of 14 x 14 cells of the photo, described by the dictionary codes in and around it (nine squares of 3
    x 3 cells) on their principal axes.
    Dictionary: Coates, Lee & Ng 2011, https://proceedings.mlr.press/v15/coates11a.html. Patterns: FreeSel,
    https://arxiv.org/abs/2309.17342.
    """

    suits: ClassVar[str] = "Sees the parts of a photo, not only the whole; needs no download."
    speed: ClassVar[float] = 200
    begins: ClassVar[float] = 8
    cost: ClassVar[str] = "about 5 s for 1,000 photos on one core, after a few seconds of learning"
    avoid: ClassVar[str] = "When DINO weights are at hand: they know objects, this knows shapes, textures and colours."

    saliency: Literal["norm", "uniform"] = Field(
        "norm",
        description=(
            "What stands for attention: the length of the patch vector, or uniform (then set tau to 1: ties rank in "
            "reading order)."
        ),
        json_schema_extra=spoken({"norm": "strength of the patch", "uniform": "all alike"}),
    )
    n_atoms: int = _N_ATOMS
    patch_px: int = _PATCH_PX
    cell_px: int = _CELL_PX
    colour: float = _COLOUR
    n_dims: int = _N_DIMS
    fit_photos: int = _FIT_PHOTOS
    batch: int = _BATCH
    threads: int = _THREADS

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        return {"grid": GRID}

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        return _fit(self, source, progress, self._sampled)

    def _sampled(self, cell_values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return surroundings(cell_values)[rng.choice(GRID * GRID, 25, replace=False)]

    def blocks(self, source: Source, rows: np.ndarray, fitted: Arrays) -> Iterator[Block]:
        for photos in _read(self, source, rows):
            with one_thread():
                patches = _encode(photos, fitted, self.colour, surroundings)
                saliency = np.array([saliency_without_attention(one, self.saliency) for one in patches]).reshape(
                    patches.shape[:2]
                )
                block = self.block(photos.rows, patches, saliency, photos.unreadable)
            yield block


@feature("dictionary_embedding", version=1, title="Embedding, no download")
class DictionaryEmbedding(Learned):
    """One vector per photo from a patch dictionary learned on the pool. Knows layout, shape and texture; knows no
    objects.

    Dictionary codes and colours on a 7 x 7 layout, on their principal axes, half whitened. Coates, Lee & Ng 2011,
    https://proceedings.mlr.press/v15/coates11a.html.
    """

    role: ClassVar[str] = EMBEDDING.name
    suits: ClassVar[str] = "Fits any photos and needs no download: enough for a map and for most methods."
    speed: ClassVar[float] = 300
    begins: ClassVar[float] = 5
    cost: ClassVar[str] = "about 3 s for 1,000 photos on one core, after a few seconds of learning"
    avoid: ClassVar[str] = "When a trained encoder's weights are at hand."
    paper: ClassVar[str] = "https://proceedings.mlr.press/v15/coates11a.html"

    n_atoms: int = _N_ATOMS
    patch_px: int = _PATCH_PX
    cell_px: int = _CELL_PX
    colour: float = _COLOUR
    n_dims: int = _N_DIMS
    fit_photos: int = _FIT_PHOTOS
    seed: int = Field(0, ge=0, description="Where random draws come from.")
    batch: int = _BATCH
    threads: int = _THREADS

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        return _fit(self, source, progress, lambda cell_values, rng: overview(cell_values))

    def blocks(self, source: Source, rows: np.ndarray, fitted: Arrays) -> Iterator[Block]:
        for photos in _read(self, source, rows):
            with one_thread():
                values = _encode(photos, fitted, self.colour, overview)[:, 0]
            yield Block(photos.rows, values, photos.unreadable)


def _read(how: DictionaryPatterns | DictionaryEmbedding, source: Source, rows: np.ndarray) -> Iterator[Photos]:
    px = GRID * how.cell_px
    return read_ahead(source, rows, px, 2 * px, how.batch, how.threads)


def _fit(
    how: DictionaryPatterns | DictionaryEmbedding,
    source: Source,
    progress: Progress,
    views: Callable[[np.ndarray, np.random.Generator], np.ndarray],
) -> dict[str, np.ndarray]:
    """Learns the dictionary, then the principal axes of `views`. Raises Failed when no photo opens."""
    rng = np.random.default_rng(how.seed)
    drawn = rng.choice(source.n, min(source.n, how.fit_photos), replace=False)
    opened, reasons = [], []
    track = progress.track(len(drawn), "opening photos to learn from")
    for photos in _read(how, source, drawn):
        opened.append(photos.pixels)
        reasons += photos.unreadable
        track.advance(len(photos.rows) + len(photos.unreadable))
    track.finish()
    pixels = np.concatenate(opened) if opened else np.empty(0)
    if not len(pixels):
        first = reasons[0][1] if reasons else "the pool is empty"
        raise Failed(f"No dictionary can be learned: none of {len(drawn)} photos could be opened; the first: {first}.")
    with one_thread():
        learned = learn(pixels, how.patch_px, how.n_atoms, rng)
        seen = [
            views(cells(photo, learned, how.colour), rng)
            for photo in progress.over(pixels, len(pixels), "learning the principal axes")
        ]
        return {**learned, **projection(np.concatenate(seen), how.n_dims)}


def _encode(photos: Photos, fitted: Arrays, colour: float, view: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(b, p, n_dims) float32. One photo is one product of fixed shape, so that the rest of its batch cannot change
    it.
    """
    mean, axes = fitted["mean"], fitted["axes"]
    encoded = [(view(cells(photo, fitted, colour)) - mean) @ axes for photo in photos.pixels]
    n_patches = GRID * GRID if view is surroundings else 1
    return np.stack(encoded) if encoded else np.empty((0, n_patches, axes.shape[1]), dtype=np.float32)
