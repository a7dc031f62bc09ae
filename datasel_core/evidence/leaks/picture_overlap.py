"""Pictures of one pool that another pool has too: the same pixels, or nearly the same picture: another size, another
encoder, the next frame of a video. What was cropped, turned or mirrored is another picture here; an embedding may see
that it is the same.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.evidence.leaks.pairs import Collected, Pairs
from datasel_core.features.twins import Twins
from datasel_core.pools.pool import Pool
from datasel_core.vectors.alike import alike

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 32
_FLAT = 1.0
"""Standard deviation, of 255, below which a picture is of one colour: such pictures are compared by their pixels."""
_ASPECT = 0.04
"""By how much the shapes of two pictures may differ: a small copy has whole pixels too."""


@dataclass(frozen=True)
class PictureOverlap:
    """A pair stands under the first that is true of it. unread: (id, reason) of pictures on either side that could not
    be opened. some: whether any could, on either side.
    """

    same: Pairs
    near: Pairs
    unread: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
    some: tuple[bool, bool]


def picture_overlap(
    one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, least: float, progress: Progress
) -> PictureOverlap:
    """least: correlation of two pictures, squashed to 32 x 32 pixels in colour, from which on they are nearly the same.

    Different photos stayed below .952 on 929 photos of clothes, below .75 on cells and on scenes of COCO; copies at 160
    pixels, of JPEG quality 30, or made larger without smoothing, above .977.
    """
    mine, theirs = _Squashed.of(one, rows, progress), _Squashed.of(other, other_rows, progress)
    found = alike(mine.vectors, theirs.vectors, least, progress, "comparing pictures")
    pairs = [_of_one_shape(mine, theirs, *block) for block in found]
    at, which, like = (
        np.concatenate([np.empty(0), *side]) for side in (zip(*pairs, strict=True) if pairs else [()] * 3)
    )
    at, which = at.astype(np.int64), which.astype(np.int64)
    hashes = mine.hashes(at, progress), theirs.hashes(which, progress)
    is_same = np.fromiter(map(_are_equal(*hashes), at.tolist(), which.tolist()), bool, len(at))
    same, near = Collected(len(rows), len(other_rows)), Collected(len(rows), len(other_rows))
    same.add_equal(*(side.of_samples(found) for side, found in zip((mine, theirs), hashes, strict=True)))
    near.add(*_of_samples(mine, theirs, at[~is_same], which[~is_same], like[~is_same]))
    some = (bool((mine.shows >= 0).any()), bool((theirs.shows >= 0).any()))
    return PictureOverlap(same.pairs(), near.pairs(), (mine.unread, theirs.unread), some)


def _are_equal(hashes: dict[int, bytes], other_hashes: dict[int, bytes]) -> Callable[[int, int], bool]:
    return lambda a, b: a in hashes and hashes[a] == other_hashes.get(b)


def _of_one_shape(
    mine: "_Squashed", theirs: "_Squashed", at: np.ndarray, which: np.ndarray, like: np.ndarray
) -> tuple[np.ndarray, ...]:
    fits = np.abs(np.log(mine.aspects[at] / theirs.aspects[which])) < _ASPECT
    return at[fits], which[fits], like[fits]


def _of_samples(
    mine: "_Squashed", theirs: "_Squashed", at: np.ndarray, which: np.ndarray, like: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Pairs of pictures as pairs of samples, several of which may show one picture."""
    rows, others, likes = [], [], []
    held, other_held = mine.samples(), theirs.samples()
    for a, b, value in zip(at.tolist(), which.tolist(), like.tolist(), strict=True):
        ours, partners = held[a], other_held[b]
        rows.append(np.repeat(ours, len(partners)))
        others.append(np.tile(partners, len(ours)))
        likes.append(np.full(len(rows[-1]), value))
    none = np.empty(0, np.int64)
    return np.concatenate([none, *rows]), np.concatenate([none, *others]), np.concatenate([np.empty(0), *likes])


@dataclass(frozen=True)
class _Squashed:
    """The pictures of some samples; one that several share is opened once. shows: (b,) which picture each sample shows,
    -1 where it could not be opened. vectors: (k, d) float16 about their mean, zero where a picture is of one colour.
    aspects: (k,) width by height. rows: (k,) a row of the pool that shows each. flat: (k,) whether it is of one colour.
    """

    pool: Pool
    rows: np.ndarray
    shows: np.ndarray
    vectors: np.ndarray
    aspects: np.ndarray
    flat: np.ndarray
    unread: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pool: Pool, rows: np.ndarray, progress: Progress) -> "_Squashed":
        twins = Twins.of(pool.picture_keys())
        first = rows if twins is None else twins.first[rows]
        shown, shows = np.unique(first, return_inverse=True)
        vectors, aspects = np.zeros((len(shown), 3 * _SIDE**2), np.float16), np.ones(len(shown))
        flat, unread = np.zeros(len(shown), bool), {}
        opened = _opened(pool, shown, _squash, 2 * _SIDE)
        for at, found in enumerate(progress.over(opened, len(shown), f"looking at photos of {pool.name}")):
            if isinstance(found, str):
                unread[at] = found
                continue
            vectors[at], aspects[at], flat[at] = found
        shows = np.where(np.isin(shows, list(unread)), -1, shows)
        said = tuple((str(pool.ids[shown[at]]), reason) for at, reason in unread.items())
        return cls(pool, shown, shows, vectors, aspects, flat, said)

    def samples(self) -> list[np.ndarray]:
        """Of each picture, positions of the samples that show it."""
        order = np.argsort(self.shows, kind="stable")
        return np.split(order, np.searchsorted(self.shows[order], np.arange(len(self.rows) + 1)))[1:]

    def hashes(self, pictures: np.ndarray, progress: Progress) -> dict[int, bytes]:
        """Of all pixels of these, and of those that are of one colour; not of what cannot be opened by now."""
        asked = np.union1d(pictures, np.flatnonzero(self.flat))
        opened = _opened(self.pool, self.rows[asked], _hash, None)
        found = progress.over(opened, len(asked), f"looking closer at photos of {self.pool.name}")
        return {at: one for at, one in zip(asked.tolist(), found, strict=True) if isinstance(one, bytes)}

    def of_samples(self, hashes: dict[int, bytes]) -> list[bytes | None]:
        return [hashes.get(picture) for picture in self.shows.tolist()]


def _opened(pool: Pool, rows: np.ndarray, look: Callable[["Image"], object], at_least: int | None) -> Iterator[object]:
    """look(photo) of each, in order; why it could not be opened, in its place."""

    def opened(row: int) -> object:
        try:
            return look(pool.open(row) if at_least is None else pool.open(row, at_least=at_least))
        except (DataselError, OSError) as error:
            return str(error).splitlines()[0]

    return (found for _, found in in_order(opened, rows.tolist()))


def _squash(photo: "Image") -> tuple[np.ndarray, float, bool]:
    from PIL import Image

    small = photo.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32).ravel()
    flat = bool(pixels.reshape(-1, 3).std(axis=0).max() < _FLAT)
    return np.zeros_like(pixels) if flat else pixels - pixels.mean(), photo.width / photo.height, flat


def _hash(photo: "Image") -> bytes:
    digest = hashlib.blake2b(f"{photo.width} x {photo.height}".encode(), digest_size=16)
    digest.update(photo.tobytes())
    return digest.digest()


def unread_words(pool: Pool, unread: Sequence[tuple[str, str]]) -> list[str]:
    """What was not compared, a line; none where all was."""
    if not unread:
        return []
    id, reason = unread[0]
    many, were = ("1 photo", "was") if len(unread) == 1 else (f"{len(unread):,} photos", "were")
    return [f"{many} of {pool.name} could not be opened now and {were} not compared ({id}: {reason})."]
