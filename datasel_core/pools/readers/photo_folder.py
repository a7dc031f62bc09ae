"""A folder of photos: which files they are, what is left out, which are label masks, and what stands in the pool."""

import csv
import difflib
import io
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.media import formats, masks, pictures
from datasel_core.pools.media.looks import look_at_all
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.passed_over import passed_over
from datasel_core.pools.readers.walk import Walk, named, printable, walk
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

HERE = "."
"""How the source itself is called among its sub-folders; `a/.` are the photos in `a`, without those further down."""
_TAKEN = formats.SUFFIXES | {""}
"""A file without an ending is judged by what is in it."""


@dataclass(frozen=True)
class Listing:
    """photos: names of files that are to be looked at, sorted. left_out: those that were to be left out. others: files
    that are no photos.
    """

    walked: Walk
    photos: list[str]
    left_out: list[str]
    others: list[str]


def scan_folder(source: Path, leave_out: str | None, workspace: Workspace, progress: Progress) -> Scan:
    """All photos below a folder in the order of their relative paths. Raises BadInput when there is none."""
    listing = list_photos(source, leave_out, workspace)
    rows, unreadable, none = _rows(source, listing, workspace, progress)
    others = passed_over([*listing.others, *none], formats.REMEDIES)
    if not rows and not unreadable:
        raise BadInput(_nothing(source, listing, others))
    check_some(source, rows, unreadable)
    are_masks = _are_masks(rows)
    notes = _notes(listing, [name for (name, _), is_mask in zip(rows, are_masks, strict=True) if is_mask], len(rows))
    return Scan(
        pa.table(_columns(rows, are_masks)),
        source,
        unreadable,
        [*others, *notes, *listing.walked.notes],
        stamps=stamps([look for _, look in rows]),
    )


def list_photos(source: Path, leave_out: str | None, workspace: Workspace) -> Listing:
    """What is in a folder. Raises BadInput when a folder that is to be left out is not there."""
    walked = walk(source, workspace)
    found = [name for name in walked.names if formats.suffix(name) in _TAKEN]
    unwanted = split_names(leave_out)
    _check_folders(source, unwanted, walked.names)
    left = {name for name in found if unwanted and _lies_in(name, unwanted)}
    kept = [name for name in found if name not in left] if left else found
    chosen = set(found)
    others = [name for name in walked.names if name not in chosen]
    return Listing(walked, kept, sorted(left), others)


def check_some(source: Path, rows: Collection[Any], unreadable: Sequence[dict[str, str]]) -> None:
    """Raises BadInput when no photo can be read."""
    if not rows:
        first = f" ({unreadable[0]['id']}: {unreadable[0]['reason']})" if unreadable else ""
        raise BadInput(f"None of the {len(unreadable)} photos in {source} can be read{first}.")


def stamps(looks: Iterable[Look]) -> np.ndarray:
    """(n, 3) size and times of each file: see `pictures.kept_stamp`."""
    return np.array([look.stamp for look in looks], dtype=np.int64).reshape(-1, 3)


def split_names(text: str | None) -> list[str]:
    """Names of folders with commas between them; one that has a comma itself stands in quotation marks."""
    names = next(csv.reader([text], skipinitialspace=True), []) if text else []
    return list(dict.fromkeys(name.strip().strip("/") for name in names if name.strip().strip("/")))


def join_names(names: Iterable[str]) -> str:
    """The other way round."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _rows(
    source: Path, listing: Listing, workspace: Workspace, progress: Progress
) -> tuple[list[tuple[str, Look]], list[dict[str, str]], list[str]]:
    """Photos that can be read, those that cannot, and files without an ending that are no photos."""
    links, roots, folder = listing.walked.links, workspace.roots(), os.path.join(source, "")

    def look(name: str) -> Look | str | None:
        try:
            name.encode()
        except UnicodeEncodeError:
            return "its file name is not valid UTF-8"
        path: str | Path = folder + name
        if name in links:
            path = pictures.real_path(workspace, source, name, roots)
            if isinstance(path, str):
                return path
        if not formats.suffix(name) and not _is_photo(path):
            return None
        return pictures.look_at(path, limited=False, mask_name=name)

    rows, unreadable, none = [], [], []
    for name, found in look_at_all(look, listing.photos, lambda name: folder + name, progress):
        if found is None:
            none.append(name)
        elif isinstance(found, str):
            unreadable.append({"id": printable(name), "reason": found})
        else:
            rows.append((name, found))
    return rows, unreadable, none


def _is_photo(path: str | Path) -> bool:
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return formats.is_photo(file)
    except OSError:
        return False


def _are_masks(rows: Sequence[tuple[str, Look]]) -> list[bool]:
    if not any(look.sign for _, look in rows):
        return [False] * len(rows)
    return masks.masks_among([masks.Seen(name, look.width, look.height, look.grey, look.sign) for name, look in rows])


def _columns(rows: Sequence[tuple[str, Look]], are_masks: Sequence[bool]) -> dict[str, Any]:
    names = pa.array([name for name, _ in rows], pa.string())
    looks = [look for _, look in rows]
    return {
        "id": names,
        "path": names,
        "group": [name.rpartition("/")[0] for name, _ in rows],
        **({"mask": list(are_masks)} if any(are_masks) else {}),
        "width": [look.width for look in looks],
        "height": [look.height for look in looks],
        "bytes": [look.bytes for look in looks],
        "content": [look.hash for look in looks],
    }


def _notes(listing: Listing, found: Sequence[str], n: int) -> list[str]:
    notes = []
    if listing.left_out:
        notes.append(
            f"{_photos(len(listing.left_out))} in {named(masks.folders_of(listing.left_out))} "
            "were left out, as was asked (leave_out)."
        )
    if found:
        notes.append(
            f"{len(found):,} of {_photos(n)} look like label masks ({named(masks.folders_of(found))}); "
            "leave them out with --where 'not mask'."
        )
    return notes


def _photos(n: int) -> str:
    return f"{n:,} {'photo' if n == 1 else 'photos'}"


def _nothing(source: Path, listing: Listing, others: Sequence[str]) -> str:
    if listing.left_out:
        return f"All {_photos(len(listing.left_out))} in {source} are to be left out; nothing is left to choose from."
    if listing.walked.notes and not listing.walked.names:
        return listing.walked.notes[0]
    return " ".join([f"The folder {source} has no photos.", *others, *listing.walked.notes])


def _lies_in(name: str, folders: Sequence[str]) -> bool:
    folder = name.rpartition("/")[0]
    return any(
        folder == one[:-2] if f"/{one}".endswith("/.") else folder == one or folder.startswith(one + "/")
        for one in folders
    )


def _check_folders(source: Path, folders: Sequence[str], names: Sequence[str]) -> None:
    known = {above.as_posix() for name in names for above in PurePosixPath(name).parents} if folders else set()
    for folder in folders:
        if folder.removesuffix("/.") not in known:
            near = difflib.get_close_matches(folder, sorted(known), n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else f"It has: {named(sorted(known - {HERE})) or 'none'}."
            raise BadInput(f"The folder {source} has no sub-folder called {folder} to leave out. {hint}")
