"""What other libraries raise, in one line of ours: what could not be done, who refused it and why, what to do."""

import contextlib
import sys
import traceback
from collections.abc import Iterator

from datasel_core.errors import DataselError, Failed

_LIBRARIES = frozenset(
    {"timm", "torch", "open_clip", "transformers", "tokenizers", "sentence_transformers", "safetensors"}
    | {"sklearn", "scipy", "duckdb", "pyarrow", "faiss", "umap", "numba"}
)
_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


@contextlib.contextmanager
def in_words(what: str, remedy: str, room: str) -> Iterator[None]:
    """Within, what a library raises becomes Failed; errors of ours, and faults of this program, stay what they are.

    what: as in `Patterns could not be computed`. remedy, room: what to do, and what where memory was short, a sentence
    each.
    """
    try:
        yield
    except DataselError:
        raise
    except Exception as error:
        if _is_of_memory(error):
            raise Failed(f"{what}: there was not enough memory. {room}") from error
        if (library := _library(error)) is None:
            raise
        raise Failed(f"{what}: {library} refused it ({first_line(error)}). {remedy}") from error


def first_line(error: BaseException, longest: int = 200) -> str:
    """What a library said, on one line without its full stop; cut short where it lists every weight."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2]).rstrip(".:") or type(error).__name__
    return text if len(text) <= longest else f"{text[:longest]} ..."


def _is_of_memory(error: Exception) -> bool:
    said = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in said for words in _OF_MEMORY)


def _library(error: Exception) -> str | None:
    """Which library raised it: the one that its type is of, or in which it was raised. Nothing here raises a plain
    RuntimeError, and torch does, from below Python.
    """
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    for name in (type(error).__module__, *frames[-1:]):
        if (root := name.partition(".")[0]) in _LIBRARIES:
            return root
    return "torch" if type(error) is RuntimeError and "torch" in sys.modules else None
