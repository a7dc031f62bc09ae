"""Names in an .npz that are Python objects, as pandas leaves them: read if they are text or whole numbers.

A pickle can call any function that it names. Here it is given none: what numpy writes around a list of text is read by
stand-ins that keep what they are told and do nothing, and every other name is refused.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

_MOST = 1 << 30
"""Bytes of names that are read into memory."""


def read_names(path: Path) -> np.ndarray:
    """(n,) the array `ids` of an .npz. Raises ValueError where it holds other things than text and whole numbers."""
    with zipfile.ZipFile(path) as archive, archive.open("ids.npy") as member:
        data = member.read(_MOST + 1)
    if len(data) > _MOST:
        raise ValueError(f"its ids have more than {_MOST >> 20:,} MB")
    stream = io.BytesIO(data)
    major, _ = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if not dtype.hasobject:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    names = _unpickled(stream)
    if dtype != np.dtype(object) or shape != (len(names),) or any(type(name) not in (str, int) for name in names):
        raise _refusal()
    found = np.empty(len(names), object)
    found[:] = names
    return found


def _refusal() -> ValueError:
    return ValueError(
        "its ids are objects that are not all text or whole numbers; save them as text, as in ids=np.array(ids, str)"
    )


def _unpickled(stream: io.BytesIO) -> list[Any]:
    """The items of a pickled array of objects. Raises ValueError."""
    kept = _Kept()
    try:
        array = _Reader(stream, kept).load()
    except Exception:  # noqa: BLE001  (broken pickles raise errors of every kind)
        raise _refusal() from None
    state = kept.states.get(id(array))
    # numpy: version, shape, type, order of columns, items
    items = state[-1] if isinstance(state, tuple) and len(state) == 5 else None
    if not isinstance(items, list):
        raise _refusal()
    return items


class _Kept:
    """Stand-ins of one reading, so that no pickle changes those of the next. states: of each array, by its identity."""

    def __init__(self) -> None:
        states: dict[int, Any] = {}
        self.states = states

        class Array:
            def __setstate__(self, state: Any) -> None:
                states[id(self)] = state

        class Type:
            def __init__(self, *_: Any) -> None:
                pass

            def __setstate__(self, state: Any) -> None:
                pass

        def array(*_: Any) -> Array:
            return Array()

        def nothing(*_: Any) -> bytes:
            return b""

        self.known = {"_reconstruct": array, "ndarray": Array, "dtype": Type, "encode": nothing}


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, kept: _Kept):
        super().__init__(stream)
        self._kept = kept

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _NUMPY:
            return self._kept.known[name]
        raise pickle.UnpicklingError(f"{module}.{name} is refused")


_NUMPY = frozenset(
    {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
    }
)
"""What numpy names when it writes an array of objects, in all its versions; `encode` makes bytes in old pickles."""
