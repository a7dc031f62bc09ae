"""The kept pictures as files of an export: what each is called there, and where its bytes come from."""

import functools
import io
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import UnidentifiedImageError

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import record
from datasel_core.exports.content import Content, Copy, Made
from datasel_core.exports.export import SelectionRecord
from datasel_core.pools.media import formats, photos
from datasel_core.pools.pool import Pool

FOLDER = "images"
"""Where pictures lie that have no path of their own, or one that is taken by the record."""

_ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "HEIF": ".heic"}
_LONGEST = 60
"""Characters of a name that is made from an id: with four bytes each, they fit into every file system."""


@dataclass(frozen=True)
class Pictures:
    """names: of each kept sample, in pick order: paths below the folder to make; samples of one picture share a name.

    contents: name -> what stands there, each once.
    """

    names: list[str]
    contents: dict[str, Content]


def kept_rows(kept: SelectionRecord, progress: Progress) -> tuple[Pool, np.ndarray]:
    """The pool, and the rows of it that were kept, in pick order. Raises BadRequest where the pool is gone or another,
    or a kept photo is.
    """
    if kept.pool is None:
        raise BadRequest(
            f"The pool {kept.manifest['pool']['name']} is no longer in the workspace as it was, so its samples cannot "
            "be found; add it again."
        )
    if (changed := kept.changes(progress)).replaced:
        raise BadRequest(f"The files are not what was chosen: {changed.summary()}, and choose again.")
    return kept.pool, kept.pool.rows(kept.table["id"].to_pylist())


def pictures(
    pool: Pool, rows: np.ndarray, progress: Progress, below: str = "", link: bool = False, stems: bool = False
) -> Pictures:
    """The pictures of these rows. A picture is called as in the pool: its path without what leads out of the folder, or
    its id where it lies inside a Parquet file or a tar shard, whose bytes are written as they are.

    below: a folder to put before every name that does not begin with it, such as `images`. link: files are hard-linked.
    stems: names differ also without their endings, so that a label file beside each is its own. Raises BadRequest.
    """
    keys = list(zip(*(column[rows].tolist() for column in pool.picture_keys()), strict=True))
    first = {key: at for at, key in reversed(list(enumerate(keys)))}
    taken: set[str] = set()
    names: dict[Any, str] = {}
    for key in progress.over(dict.fromkeys(keys), len(first), "finding pictures"):
        names[key] = _free(_name(pool, int(rows[first[key]]), below), taken, stems)
    inside = "path" not in pool.columns
    order = sorted(names) if inside else names  # neighbours in a shard are read together
    contents = {names[key]: _content(pool, int(rows[first[key]]), link) for key in order}
    return Pictures([names[key] for key in keys], contents)


def _name(pool: Pool, row: int, below: str) -> str:
    parts = _inside(pool.value("path", row)) if "path" in pool.columns else [FOLDER, *_of_id(pool, row)]
    if parts[0].lower() == record.FOLDER:  # the record of the export lies there
        parts = [FOLDER, *parts]
    return "/".join([below, *parts] if below and parts[0] != below else parts)


def _inside(path: str) -> list[str]:
    """The parts of a path below the new folder: never above it, whatever the table said."""
    return [part for part in Path(path).parts if part not in ("..", ".", "/", "\\") and not part.endswith(":")]


def _of_id(pool: Pool, row: int) -> list[str]:
    """A path made from an id: characters that some file system does not take are `_`; the ending says the format."""
    id = str(pool.ids[row])
    parts = [re.sub(r'[\x00-\x1f<>:"\\|?*]', "_", part) for part in id.split("/") if part.strip(". ")]
    *folders, last = [part.strip(" ") for part in parts] or ["picture"]
    ending = PurePosixPath(last).suffix
    if ending.lower() not in formats.SUFFIXES:
        ending = _ending(read(pool, row))
    return [*(part[:_LONGEST] for part in folders), last.removesuffix(ending)[:_LONGEST] + ending]


def _ending(data: bytes) -> str:
    try:
        with formats.opened(io.BytesIO(data)) as photo:
            return _ENDINGS.get(photo.format or "", f".{(photo.format or 'jpg').lower()}")
    except (OSError, UnidentifiedImageError):
        return ".jpg"


def _free(name: str, taken: set[str], stems: bool) -> str:
    """The name, or the first of name-2, name-3, ... that no other picture has."""
    path, free, number = PurePosixPath(name), name, 1
    while _mark(free, stems) in taken:
        number += 1
        free = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken.add(_mark(free, stems))
    return free


def _mark(name: str, stems: bool) -> str:
    return str(PurePosixPath(name).with_suffix("")) if stems else name


def _content(pool: Pool, row: int, link: bool) -> Content:
    if "path" in pool.columns:
        return Copy(pool.path(row), link)
    return Made(functools.partial(_write, pool, row))


def _write(pool: Pool, row: int, path: Path) -> None:
    path.write_bytes(read(pool, row))


def read(pool: Pool, row: int) -> bytes:
    """The bytes of one picture, which must still be the same. Raises BadRequest, naming the sample."""
    try:
        return pool.media(row).read()
    except (photos.UnreadablePhoto, OSError) as error:
        raise BadRequest(f"The picture of {pool.ids[row]} cannot be read: {photos.reason(error)}.") from None
