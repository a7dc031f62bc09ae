"""The kept pictures as files of an export: what each is called there, and where its bytes come from."""

import functools
import hashlib
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import record
from datasel_core.exports.content import Content, Copy, Made
from datasel_core.exports.export import SelectionRecord
from datasel_core.pools.media import formats, photos
from datasel_core.pools.pool import Pool

FOLDER = "images"
"""Where pictures lie whose own place is taken by the record."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
"""What file systems do not take in names."""
_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST = 200
"""Bytes of one part of a name; file systems take 255."""


@dataclass(frozen=True)
class Pictures:
    """names: of each kept sample, in pick order: paths below the folder to make; samples of one picture share a name.

    contents: name -> what stands there, each once.
    """

    names: list[str]
    contents: dict[str, Content]


def kept_rows(kept: SelectionRecord, progress: Progress) -> tuple[Pool, np.ndarray]:
    """The pool, and the rows of it that were kept, in pick order. Raises BadRequest where the pool is gone, or a kept
    sample of it is gone or another by now.
    """
    name = kept.manifest["pool"]["name"]
    if kept.pool is None:
        raise BadRequest(f"The pool {name} is no longer in the workspace, so its samples are not found; add it again.")
    if (changed := kept.changes(progress)).replaced:
        raise BadRequest(f"The files are not what was chosen: {changed.summary()}, and choose again.")
    ids = kept.table["id"].to_pylist()
    rows = kept.pool.rows(ids)
    now, then = kept.pool.table["content"].take(pa.array(rows)).to_pylist(), kept.table["content"].to_pylist()
    other = next((id for id, one, two in zip(ids, now, then, strict=True) if one != two), None)
    if other is not None:
        raise BadRequest(
            f"{other} is another sample than the one that was chosen: {name} was added anew; choose again."
        )
    if several := int((kept.table["count"].to_numpy() > 1).sum()) if "count" in kept.table.column_names else 0:
        kept.notes.append(f"Samples that were drawn several times and leave once: {several:,}; the record has counts.")
    return kept.pool, rows


def pictures(
    pool: Pool, rows: np.ndarray, progress: Progress, below: str = "", link: bool = False, stems: bool = False
) -> Pictures:
    """The pictures of these rows. A picture is called as in the pool: its path without what leads out of the folder, or
    its id where it lies inside a Parquet file or a tar shard, with the ending of what it is; these are read here to see
    that, and once more when they are written, as they lie there.

    below: a folder to put before every name that does not begin with it, such as `images`. link: files are hard-linked.
    stems: names differ also without their endings, so that a label file beside each is its own. Raises BadRequest.
    """
    keys = list(zip(*(column[rows].tolist() for column in pool.picture_keys()), strict=True))
    first = {key: int(rows[at]) for at, key in reversed(list(enumerate(keys)))}
    inside = "path" not in pool.columns
    taken: set[str] = set()
    names: dict[Any, str] = {}
    contents: dict[str, Content] = {}
    order = sorted(first) if inside else dict.fromkeys(keys)  # neighbours in a shard are read together
    for key in progress.over(order, len(first), "finding pictures"):
        parts, content = (_extract if inside else _file)(pool, first[key], link)
        names[key] = _free(_placed(parts, below), taken, stems)
        contents[names[key]] = content
    return Pictures([names[key] for key in keys], contents)


def _file(pool: Pool, row: int, link: bool) -> tuple[list[str], Content]:
    return _inside(pool.value("path", row)), Copy(pool.path(row), link)


def _extract(pool: Pool, row: int, link: bool) -> tuple[list[str], Content]:
    data = read(pool, row)
    return _called(str(pool.ids[row]), data), Made(
        functools.partial(_write, pool, row), hashlib.sha256(data).hexdigest()
    )


def _placed(parts: list[str], below: str) -> str:
    if parts[0].lower() == record.FOLDER:  # the record of the export lies there
        parts = [FOLDER, *parts]
    return "/".join([below, *parts] if below and parts[0] != below else parts)


def _inside(path: str) -> list[str]:
    """The parts of a path below the new folder: never above it, whatever the table said."""
    parts = [part for part in Path(path).parts if part not in ("..", ".", "/", "\\")]
    return parts[1:] if len(parts) > 1 and _DRIVE.fullmatch(parts[0]) else parts


def _called(id: str, data: bytes) -> list[str]:
    """The id as the parts of a file's name below a folder. Where it cannot be one as it is, a piece of its hash goes
    along, so that others do not come to have the same.
    """
    endings = _endings(data)
    stem, ending = os.path.splitext(id)
    if ending.lower() not in endings:
        stem, ending = id, endings[0]
    parts = [_UNSAFE.sub("_", part).strip(". ").encode()[:_LONGEST].decode(errors="ignore") for part in stem.split("/")]
    safe = "/".join(part for part in parts if part)
    mark = "" if safe == stem else f"-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
    return (safe + mark + ending).split("/")


def _endings(data: bytes) -> tuple[str, ...]:
    try:
        with formats.opened(io.BytesIO(data)) as photo:
            return formats.endings(photo.format)
    except Exception:  # noqa: BLE001  (it opened when it was added, with whatever was installed then)
        return ("",)


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


def _write(pool: Pool, row: int, path: Path) -> None:
    path.write_bytes(read(pool, row))


def read(pool: Pool, row: int) -> bytes:
    """The bytes of one picture, which must still be the same. Raises BadRequest, naming the sample."""
    try:
        return pool.media(row).read()
    except (photos.UnreadablePhoto, OSError) as error:
        raise BadRequest(f"The picture of {pool.ids[row]} cannot be read: {photos.reason(error)}.") from None
