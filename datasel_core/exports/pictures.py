"""The pictures of the kept samples as a folder is to hold them: files are copied, and pictures that lie inside another
file, a Parquet file or a tar shard, are taken out as they lie there.
"""

import hashlib
import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import SelectionRecord
from datasel_core.exports.guard import Content, Contents, Copy, Extract
from datasel_core.pools.media import formats, photos

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
"""What file systems do not take in names."""
_LONGEST = 200
"""Bytes of one part of a name; file systems take 255."""


@dataclass(frozen=True)
class Pictures:
    """names: of each kept sample's picture in the folder, in the order of the table. contents: by name, in the order in
    which it costs least to read them.
    """

    names: Sequence[str]
    contents: Contents


def pictures(kept: SelectionRecord, progress: Progress, link: bool = False) -> Pictures:
    """link: hard links instead of copies, where pictures are files.

    A picture inside another file is called by the sample's id, with the ending of what it is; it is read here to see
    that, and again when it is written. Raises BadRequest where samples are no pictures, or are not what was chosen.
    """
    columns = kept.table.column_names
    no_files = BadRequest("The samples of this pool are not files; export ids, csv, jsonl or parquet.")
    if not {"path", "cell", "offset"} & set(columns):
        raise no_files
    if kept.media is None:
        raise BadRequest(
            f"The pool {kept.manifest['pool']['name']} is no longer in the workspace, "
            "so its files cannot be found; add it again."
        )
    if "path" not in columns:
        if kept.picture is None:
            raise no_files
        return _extracts(kept, progress)
    paths = kept.table["path"].to_pylist()
    names = [_inside(path) for path in paths]
    _check_names(names)
    if (changed := kept.changes(progress)).replaced:
        raise BadRequest(f"The files are not what was chosen: {changed.summary()}, and choose again.")
    sources = map(kept.media, progress.over(paths, len(paths), "finding files"))
    return Pictures(names, {name: Copy(source, link) for name, source in zip(names, sources, strict=True)})


def _inside(path: str) -> str:
    """The place below the new folder: never above it, whatever the table said."""
    parts = [part for part in Path(path).parts if part not in ("..", ".", "/", "\\") and not part.endswith(":")]
    return Path(*parts).as_posix()


def _extracts(kept: SelectionRecord, progress: Progress) -> Pictures:
    place = next(name for name in ("cell", "offset") if name in kept.table.column_names)
    order = kept.table.select(["shard", place]).append_column("at", [range(kept.table.num_rows)])
    order = order.sort_by([("shard", "ascending"), (place, "ascending")])["at"].to_pylist()
    names, ids = [""] * len(order), kept.table["id"].to_pylist()
    contents: dict[str, Content] = {}
    for at in progress.over(order, len(order), "finding pictures"):
        read = _reading(kept, at)
        data = read()
        names[at] = _called(ids[at], data)
        contents[names[at]] = Extract(read, hashlib.sha256(data).hexdigest())
    _check_names(names)
    return Pictures(names, contents)


def _reading(kept: SelectionRecord, at: int) -> Callable[[], bytes]:
    def read() -> bytes:
        """Raises BadRequest when it cannot be read, or is another by now."""
        picture = kept.picture(at)
        try:
            return picture.read()
        except OSError as error:
            raise photos.UnreadablePhoto(f"{picture}: {photos.reason(error)}") from None

    return read


def _called(id: str, data: bytes) -> str:
    """The id as the name of a file below a folder. Where it cannot be one as it is, a piece of its hash goes along, so
    that others do not come to have the same.
    """
    endings = _endings(data)
    stem, ending = os.path.splitext(id)
    if ending.lower() not in endings:
        stem, ending = id, endings[0]
    parts = [_UNSAFE.sub("_", part).strip(". ").encode()[:_LONGEST].decode(errors="ignore") for part in stem.split("/")]
    safe = "/".join(part for part in parts if part)
    return safe + ("" if safe == stem else f"-{hashlib.sha256(id.encode()).hexdigest()[:8]}") + ending


def _endings(data: bytes) -> tuple[str, ...]:
    try:
        with formats.opened(io.BytesIO(data)) as photo:
            return formats.endings(photo.format)
    except Exception:  # noqa: BLE001  (it opened when it was added, with whatever was installed then)
        return ("",)


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise BadRequest("Two kept samples have the same file; export a table instead.")
