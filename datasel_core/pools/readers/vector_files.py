"""Arrays in .npy and .npz files: opened without unpickling, quantised values brought back, ids matched."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from datasel_core.base.role import EMBEDDING, find_role
from datasel_core.errors import BadInput
from datasel_core.pools.readers.text_arrays import read_names

BOMB_TIMES = 100
"""How many times its size a file may unpack to: numbers that differ are packed to a tenth at best."""
BOMB_BYTES = 100_000_000
"""So much may be unpacked from the smallest file."""


def open_arrays(path: Path) -> dict[str, np.ndarray]:
    """Name -> array. A .npy is memory-mapped and called `embedding`. Quantised arrays come as real = scale * (q -
    zero), float32.
    """
    if path.exists() and not path.is_file():
        raise BadInput(f"{path} is not a file; give a .npy or .npz file.")
    try:
        if path.suffix.lower() == ".npy":
            return {EMBEDDING.name: np.lib.format.open_memmap(path, mode="r")}
        if path.suffix.lower() != ".npz":
            raise BadInput(f"{path.name} is no file of vectors; give a .npy or .npz file.")
        _check_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "ids"}
            ids = read_names(path) if "ids" in file.files else None
        if ids is not None:
            arrays["ids"] = ids
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        KeyError,
        AttributeError,
        NotImplementedError,
        MemoryError,
    ) as error:
        objects = any(sign in str(error) for sign in ("allow_pickle", "Object arrays", "Python objects"))
        what = (
            "it holds Python objects, which are not read; save numbers"
            if objects
            else str(error) or type(error).__name__
        )
        raise BadInput(f"{path.name} could not be read: {what}.") from None
    for name in [name for name in arrays if f"{name}_scale" in arrays]:
        scale, zero = arrays.pop(f"{name}_scale"), arrays.pop(f"{name}_zero", np.zeros((), np.float32))
        try:
            arrays[name] = (arrays[name].astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
        except ValueError:
            raise BadInput(
                f"{path.name}: {name}_scale {scale.dtype}{scale.shape} and {name}_zero {zero.dtype}{zero.shape} do "
                f"not fit {name}"
                f" {arrays[name].dtype}{arrays[name].shape}; give numbers, one or one per column."
            ) from None
    return arrays


def _check_sizes(path: Path) -> None:
    """A member whose header promises more numbers than the member holds would take memory that is not there; so would
    members that unpack to what no vectors are packed from. Raises ValueError.
    """
    with zipfile.ZipFile(path) as archive:
        check_unpacked(sum(member.file_size for member in archive.infolist()), path.stat().st_size)
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            with archive.open(member) as file:
                major, _ = np.lib.format.read_magic(file)
                header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                shape, _, dtype = header(file)
            if math.prod(shape) * (1 if dtype.hasobject else dtype.itemsize) > member.file_size:
                raise ValueError(f"{member.filename} says it is {shape}, but holds {member.file_size} bytes")


def check_unpacked(unpacked: int, packed: int) -> None:
    """Raises ValueError where a file would unpack to many times its size: equal numbers, which tell nothing apart."""
    if unpacked > max(BOMB_BYTES, BOMB_TIMES * packed):
        raise ValueError(
            f"it would unpack to {unpacked / 1e9:.1f} GB, {unpacked / max(1, packed):,.0f} times its size, so nearly "
            "all its values are equal; save it unpacked (numpy.savez) if it is meant so"
        )


def aligned_arrays(arrays: dict[str, np.ndarray], path: Path) -> tuple[list[str] | None, dict[str, np.ndarray]]:
    """The ids (None where there are none) and the arrays with one row per id. Raises BadInput."""
    ids = read_ids(arrays["ids"], path) if "ids" in arrays else None
    values = {name: array for name, array in arrays.items() if name != "ids"}
    if not values:
        raise BadInput(f"{path.name} holds no array of vectors beside ids.")
    for name, array in values.items():
        check_values(array, f"{path.name}: {name}", name)
        if ids is not None and len(array) != len(ids):
            raise BadInput(
                f"{path.name}: {name} has {len(array)} rows for {len(ids)} ids; it must have one row per id."
            )
    if len({len(array) for array in values.values()}) > 1:
        raise BadInput(
            f"{path.name}: its arrays differ in length ({', '.join(f'{k} {len(v)}' for k, v in values.items())})."
        )
    return ids, values


def read_ids(ids: np.ndarray, path: Path) -> list[str]:
    """(n,) ids as text: text, whole numbers, or bytes of UTF-8. Raises BadInput."""
    if ids.ndim != 1 or ids.dtype.kind not in "USiuO":
        raise BadInput(
            f"{path.name}: ids has the shape {ids.shape} and the type {ids.dtype}; it must be one row of text or "
            "whole numbers."
        )
    try:
        return [id.decode() if isinstance(id, bytes) else str(id) for id in ids.tolist()]
    except UnicodeDecodeError:
        raise BadInput(f"{path.name}: its ids are bytes that are not UTF-8; save them as text.") from None


def finite_rows(values: np.ndarray, block: int = 4096) -> np.ndarray:
    """(n,) bool: rows that are finite as float32, which is how they are kept."""
    if values.dtype.kind != "f":
        return np.ones(len(values), dtype=bool)
    found = np.ones(len(values), dtype=bool)
    with np.errstate(over="ignore"):
        for start in range(0, len(values), block):
            part = values[start : start + block]
            found[start : start + block] = (
                np.isfinite(part.astype(np.float32, copy=False)).reshape(len(part), -1).all(axis=1)
            )
    return found


def check_values(array: np.ndarray, name: str, role: str = "") -> None:
    """Raises BadInput unless these are numbers, one row per sample; for roles that are one vector per sample, (n,
    d).
    """
    if array.dtype.kind not in "fiu":
        raise BadInput(f"{name} is of type {array.dtype}; vectors must be numbers.")
    if array.ndim < 1 or (array.ndim > 1 and 0 in array.shape[1:]):
        raise BadInput(f"{name} has the shape {array.shape}; it must have one row per sample.")
    if find_role(role).shape in ("vector", "series") and array.ndim != 2:
        raise BadInput(f"{name} has the shape {array.shape}; it must be one vector per sample, (n, d).")
