"""Parts of a feature that were damaged before it was finished are made again, and that is said; nothing else is."""

from typing import ClassVar

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import Failed, Stopped
from datasel_core.features import chunks, computation
from datasel_core.features.chunks import Chunks
from datasel_core.features.feature import Block, Feature
from datasel_core.workspace.arrays import read_arrays

SIZE = 3


class Means(Feature):
    """The mean of each photo and what was learned; notes what it looks at. It stops after so many photos."""

    id = "means"
    version = 1
    title = "Means"
    role = "things"
    seen: ClassVar[list] = []
    fits: ClassVar[list] = []
    patience: ClassVar[list] = [10**9]

    def fit(self, source, progress):
        self.fits.append(1)
        return {"shift": np.arange(3.0)}

    def blocks(self, source, rows, fitted):
        for row in rows.tolist():
            if len(self.seen) == self.patience[0]:
                raise Stopped("stopped")
            self.seen.append(row)
            colour = np.asarray(source.image(row), np.float32).mean(axis=(0, 1)) + fitted["shift"].astype(np.float32)
            yield Block(np.array([row]), colour[None])


@pytest.fixture
def pool(workspace, photos):
    return add_pool(workspace, "p", str(photos), "images")


@pytest.fixture
def half(workspace, pool, monkeypatch):
    """The folder of a feature of which nine photos of twelve were kept, in three chunks; and its right values."""
    monkeypatch.setattr(chunks, "CHUNK", SIZE)
    for name in ("seen", "fits"):
        monkeypatch.setattr(Means, name, [])
    monkeypatch.setattr(Means, "patience", [9])
    with pytest.raises(Stopped):
        computation.compute_feature(workspace, pool, Means())
    folder = workspace.feature(computation.feature_key(workspace, pool, Means()))
    assert [path.name for path in sorted((folder / "chunks").iterdir())] == [f"{at:09d}.npz" for at in (0, 3, 6)]
    Means.patience[0] = 10**9
    Means.seen.clear()
    Means.fits.clear()
    right = [np.asarray(pool.open(row), np.float32).mean(axis=(0, 1)) + np.arange(3.0) for row in range(pool.n)]
    return folder, np.array(right, np.float32)


def finish(workspace, pool):
    """The values, and what was said of how far it is."""
    labels = []
    kept = computation.compute_feature(workspace, pool, Means(), Progress(lambda step: labels.append(step.label)))
    return np.asarray(kept.values()), list(dict.fromkeys(labels))


def harmed(path, how):
    whole = bytearray(path.read_bytes())
    if how == "a byte":
        whole[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no zip"}.get(how, whole))


DAMAGES = ["a byte", "cut", "empty", "text"]


def test_what_is_whole_is_not_made_again(workspace, pool, half):
    values, labels = finish(workspace, pool)
    np.testing.assert_array_equal(values, half[1])
    assert (Means.seen, Means.fits, labels) == ([9, 10, 11], [], ["computing means"])


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_chunk_is_made_again(workspace, pool, half, how):
    folder, right = half
    harmed(folder / "chunks" / "000000003.npz", how)
    values, labels = finish(workspace, pool)
    np.testing.assert_array_equal(values, right)
    assert (Means.seen, Means.fits) == ([3, 4, 5, 9, 10, 11], [])
    assert labels == ["computing means (damaged parts made again: 1)"]


@pytest.mark.parametrize("how", DAMAGES)
def test_with_what_was_learned_all_that_was_made_with_it_goes(workspace, pool, half, how):
    folder, right = half
    harmed(folder / "fitted.npz", how)
    values, labels = finish(workspace, pool)
    np.testing.assert_array_equal(values, right)
    assert (Means.seen, Means.fits) == (list(range(12)), [1])
    assert labels == ["computing means (damaged parts made again: 4)"]


@pytest.mark.parametrize("name", ["000000000.npz", "000000009.npz"])
def test_a_chunk_that_is_damaged_while_the_feature_is_made_is_one_line(workspace, pool, half, monkeypatch, name):
    folder, right = half
    real = Chunks.finish

    def finish_late(self, *given):
        harmed(folder / "chunks" / name, "cut")
        return real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Chunks, "finish", finish_late)
        with pytest.raises(Failed) as caught:
            computation.compute_feature(workspace, pool, Means())
    said = str(caught.value)
    assert said == (
        f"{folder / 'chunks' / name} is damaged: it holds no arrays that can be read. Compute the feature again: "
        "what is whole is kept, the rest is made anew."
    )
    values, _ = finish(workspace, pool)
    np.testing.assert_array_equal(values, right)


def test_every_bit_of_an_array_is_guarded(tmp_path, half):
    """The checksum of each: a changed number is never read, be it where it may."""
    folder, _ = half
    path = folder / "chunks" / "000000003.npz"
    good = path.read_bytes()
    values = read_arrays(path)
    at = good.index(values["values"].tobytes())
    for place in range(at, at + values["values"].nbytes, 5):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        assert Chunks(folder, 12).missing().tolist() == [3, 4, 5, 9, 10, 11]
    path.write_bytes(good)
    assert Chunks(folder, 12).missing().tolist() == [9, 10, 11]
