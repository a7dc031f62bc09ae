"""Many photos are looked at: small ones one after the other, large ones several at a time."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.pools.media import pictures
from datasel_core.pools.media.pictures import Look
from datasel_core.workspace.layout import Workspace

A, B = TypeVar("A"), TypeVar("B")
_READERS, _LARGE, _SAMPLED = 4, 256 << 10, 64
"""Threads; and bytes of a photo below which they cost more than they bring: they wait for one another, not for the
disk. So many are looked at to see how large photos are.
"""
_TOGETHER = 16
"""Photos that a thread looks at in one go: to hand over one by one costs as much as to read a small one."""


def look_at_all(
    look: Callable[[A], B],
    items: Sequence[A],
    place: Callable[[A], Path | str | None],
    progress: Progress,
    label: str = "reading photos",
) -> Iterator[tuple[A, B]]:
    """(item, look(item)) in order. place: where the file of an item lies; None where it may not be read."""
    return progress.over(_looks(look, items, place), len(items), label)


def look_at_files(
    workspace: Workspace,
    root: Path,
    paths: Sequence[str],
    progress: Progress,
    label: str = "reading photos",
    limited: bool = True,
) -> Iterator[tuple[str, Look | str]]:
    """(path, what it is, or why it cannot be used) of paths that a table gives, relative to `root`; they must lie under
    an allowed root, links followed. limited: they may have `pictures.MOST_BYTES`.
    """
    roots = workspace.roots()

    def place(path: str) -> Path | None:
        real = pictures.real_path(workspace, root, path, roots)
        return None if isinstance(real, str) else real

    def look(path: str) -> Look | str:
        real = pictures.real_path(workspace, root, path, roots)
        return real if isinstance(real, str) else pictures.look_at(real, limited=limited)

    return look_at_all(look, paths, place, progress, label)


def _looks(
    look: Callable[[A], B], items: Sequence[A], place: Callable[[A], Path | str | None]
) -> Iterator[tuple[A, B]]:
    if not _are_large(map(place, items[:: len(items) // _SAMPLED + 1])):
        for item in items:
            yield item, look(item)
        return
    batches = [items[at : at + _TOGETHER] for at in range(0, len(items), _TOGETHER)]
    for batch, found in in_order(lambda batch: [look(item) for item in batch], batches, _READERS):
        yield from zip(batch, found, strict=True)


def _are_large(places: Iterator[Path | str | None]) -> bool:
    sizes = []
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            sizes += [os.stat(place).st_size] if place is not None else []
    return bool(sizes) and float(np.median(sizes)) > _LARGE
