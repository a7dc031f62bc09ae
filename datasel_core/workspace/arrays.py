"""Arrays on disk: whole, memory-mapped, or written part by part."""

import contextlib
import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.workspace.files import begun, disk_trouble, writing


def _room(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """A writable memory map whose place on disk is taken already: a map without it ends the process when the disk fills
    up.
    """
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate") and path.stat().st_size:
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return mapped


class growing:  # noqa: N801  (used as a with statement)
    """Writable memory maps that become .npy files when all went well."""

    def __init__(self, folder: Path, targets: dict[str, tuple[int, tuple[int, ...], np.dtype]]):
        self.folder, self.targets = folder, targets
        self.parts: dict[str, Path] = {}
        self.held = contextlib.ExitStack()
        self.maps: dict[str, np.ndarray] = {}

    def __enter__(self) -> dict[str, np.ndarray]:
        try:
            for name, (n, shape, dtype) in self.targets.items():
                self.parts[name] = self.held.enter_context(begun(self.folder / name))
                self.maps[name] = _room(self.parts[name], dtype, (n, *shape))
        except OSError as error:
            self._clear()
            raise disk_trouble(error, self.folder) from error
        return self.maps

    def __exit__(self, kind: type | None, *_: object) -> None:
        for name, array in self.maps.items():
            array.flush()
            if kind is None:
                self.parts[name].replace(self.folder / f"{name}.npy")
        self._clear()

    def _clear(self) -> None:
        self.maps = {}
        self.held.close()


class _Into:
    """A file that numpy does not know for one: to those it knows it writes through the C library, which keeps what a
    full disk did not take to itself when it closes them.
    """

    def __init__(self, file: BinaryIO):
        self.write = file.write


def save_array(path: Path, array: np.ndarray) -> None:
    """One array as .npy, all at once. Raises Failed."""
    with writing(path) as temporary, open(temporary, "wb") as file:
        put_array(file, array)


def put_array(file: BinaryIO, array: np.ndarray) -> None:
    """One array as .npy into a file. Raises OSError where it finds no room."""
    np.lib.format.write_array(_Into(file), np.asanyarray(array), allow_pickle=False)


def load_array(path: Path) -> np.ndarray:
    """Memory-mapped and read-only; never unpickles."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise BadInput(f"{path} is not a NumPy array of numbers or text: {error}.") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Several arrays in one .npz, all at once."""
    with writing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz, which says of each a checksum. Raises BadInput when it is damaged."""
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception:  # noqa: BLE001  (a damaged zip raises errors of every kind)
        raise BadInput(f"{path} is damaged: it holds no arrays that can be read.") from None
