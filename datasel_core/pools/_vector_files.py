"""Arrays in .npy and .npz files: opened without unpickling, quantised values brought back, ids matched."""

import zipfile
from pathlib import Path

import numpy as np

from datasel_core.errors import BadInput


def open_arrays(path: Path) -> dict[str, np.ndarray]:
    """Name -> array. A .npy is memory-mapped and called `embedding`. Quantised arrays come as real = scale * (q - zero), float32."""
    try:
        if path.suffix.lower() == ".npy":
            return {"embedding": np.load(path, mmap_mode="r", allow_pickle=False)}
        if path.suffix.lower() != ".npz":
            raise BadInput(f"{path.name} is no file of vectors; give a .npy or .npz file.")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (ValueError, EOFError, zipfile.BadZipFile, OSError, KeyError) as error:
        what = "it holds Python objects, which are not read; save numbers" if "allow_pickle" in str(error) or "Object arrays" in str(error) else str(error)
        raise BadInput(f"{path.name} could not be read: {what}.") from None
    for name in [name for name in arrays if f"{name}_scale" in arrays]:
        scale, zero = arrays.pop(f"{name}_scale"), arrays.pop(f"{name}_zero", np.zeros((), np.float32))
        arrays[name] = (arrays[name].astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
    return arrays


def aligned_arrays(arrays: dict[str, np.ndarray], path: Path) -> tuple[list[str] | None, dict[str, np.ndarray]]:
    """The ids (None where there are none) and the arrays with one row per id. Raises BadInput."""
    ids = arrays.get("ids")
    values = {name: array for name, array in arrays.items() if name != "ids"}
    if not values:
        raise BadInput(f"{path.name} holds no array of vectors beside ids.")
    for name, array in values.items():
        check_values(array, f"{path.name}: {name}")
        if ids is not None and len(array) != len(ids):
            raise BadInput(f"{path.name}: {name} has {len(array)} rows for {len(ids)} ids; it must have one row per id.")
    if len({len(array) for array in values.values()}) > 1:
        raise BadInput(f"{path.name}: its arrays differ in length ({', '.join(f'{k} {len(v)}' for k, v in values.items())}).")
    return (None if ids is None else [str(id) for id in ids.tolist()]), values


def check_values(array: np.ndarray, name: str) -> None:
    if array.dtype.kind not in "fiu":
        raise BadInput(f"{name} is of type {array.dtype}; vectors must be numbers.")
    if array.ndim < 1 or (array.ndim > 1 and 0 in array.shape[1:]):
        raise BadInput(f"{name} has the shape {array.shape}; it must have one row per sample.")
