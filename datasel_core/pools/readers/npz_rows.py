"""Rows of an array that lies in many .npz files, read front to back a block at a time: never a whole file in memory."""

import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.errors import BadInput

_BLOCK_BYTES = 32 << 20
_LONGEST = 1 << 16
_STEP = 1 << 12
_TROUBLE = (
    ValueError,
    EOFError,
    OSError,
    KeyError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)


@dataclass(frozen=True)
class Part:
    """One two-dimensional array of one .npz: (n, d) numbers of a type."""

    file: Path
    name: str
    n: int
    d: int
    dtype: np.dtype

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """(rows, d) at a time, the last shorter. Raises BadInput when the file is cut or damaged."""
        at = 0
        try:
            with zipfile.ZipFile(self.file) as archive, archive.open(f"{self.name}.npy") as stream:
                _header(stream)
                while at < self.n:
                    size = min(rows, self.n - at) * self.d * self.dtype.itemsize
                    data = stream.read(size)
                    if len(data) < size:
                        raise EOFError(
                            f"{self.name} is cut off after row {at + len(data) // (self.d * self.dtype.itemsize):,}"
                        )
                    block = np.frombuffer(data, self.dtype).reshape(-1, self.d)
                    at += len(block)
                    yield block
        except _TROUBLE as error:
            raise _damaged(self.file, error) from None


def look(file: Path, wanted: Collection[str]) -> tuple[dict[str, Part], list[str]]:
    """The wanted arrays that a .npz has, by their headers, and the names of all it has; nothing is unpickled. Raises
    BadInput.
    """
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            for name in dict.fromkeys(name for name in names if name in wanted):
                with archive.open(f"{name}.npy") as stream:
                    found[name] = _part(file, name, *_header(stream))
    except BadInput:
        raise
    except _TROUBLE as error:
        raise _damaged(file, error) from None
    return found, names


class Rows:
    """Like an array of n rows, (n, d), as far as slices go; every slice is read from the files when it is asked for.

    Made for walks from front to back, which read each file once. keep: for each part which of its rows count, None for
    all.
    """

    ndim = 2

    def __init__(self, parts: Sequence[Part], keep: Sequence[np.ndarray | None]):
        self.parts, self.keep = parts, keep
        self.dtype = np.result_type(*(part.dtype for part in parts)).newbyteorder("=")
        self.shape = (
            sum(part.n if kept is None else int(kept.sum()) for part, kept in zip(parts, keep, strict=True)),
            parts[0].d,
        )
        self._walk: Iterator[np.ndarray] = iter(())
        self._at = self.shape[0] + 1  # past the end: the first slice begins a walk
        self._left = np.empty((0, self.shape[1]), self.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("Rows can only be taken in order.")
        if start < self._at:
            self._walk, self._at, self._left = self._kept(), 0, self._left[:0]
        while self._at < start:
            self._take(min(start - self._at, _STEP))
        return self._take(max(0, stop - start))

    def _take(self, n: int) -> np.ndarray:
        found, at = np.empty((n, self.shape[1]), self.dtype), 0
        while at < n:
            block = self._left if len(self._left) else next(self._walk)
            part, self._left = block[: n - at], block[n - at :]
            found[at : at + len(part)] = part
            at += len(part)
        self._at += n
        return found

    def _kept(self) -> Iterator[np.ndarray]:
        for part, keep in zip(self.parts, self.keep, strict=True):
            at = 0
            for block in part.blocks(rows_per_block(part)):
                mine = block if keep is None else block[keep[at : at + len(block)]]
                at += len(block)
                yield mine.astype(self.dtype, copy=False)


def rows_per_block(part: Part) -> int:
    return max(1, _BLOCK_BYTES // (part.d * part.dtype.itemsize))


def _header(stream: zipfile.ZipExtFile) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not read")


def _part(file: Path, name: str, shape: tuple[int, ...], by_column: bool, dtype: np.dtype) -> Part:
    called = f"{file.name}: {name}"
    if dtype.hasobject:
        raise BadInput(f"{called} holds Python objects, which are not read; save numbers.")
    if dtype.kind not in "fiu":
        raise BadInput(f"{called} is of type {dtype}; vectors must be numbers.")
    if len(shape) != 2 or not 0 < shape[1] <= _LONGEST:
        raise BadInput(f"{called} has the shape {shape}; it must be samples x numbers, with 1 to {_LONGEST:,} numbers.")
    if by_column and min(shape) > 1:
        raise BadInput(f"{called} is stored column by column (Fortran order); save numpy.ascontiguousarray of it.")
    return Part(file, name, shape[0], shape[1], dtype)


def _damaged(file: Path, error: Exception) -> BadInput:
    if isinstance(error, FileNotFoundError):
        return BadInput(f"There is no file {file}.")
    return BadInput(
        f"{file.name} could not be read: {(str(error).splitlines() or [type(error).__name__])[0].rstrip('.')}."
    )
