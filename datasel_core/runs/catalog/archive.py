"""The whole record of a selection in one file: what `verify` and `reproduce` need, and nothing else.

The zip of a record is the same to the byte, whenever and wherever it is made. One that was brought may hold anything:
only files that its manifest names are taken, under the names that records have, and none is trusted before all are
verified.
"""

import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from datasel_core.errors import BadInput, BadRequest, DataselError
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import FILE as LABEL
from datasel_core.workspace.files import writing

_MANIFEST = "manifest.json"
_NAMES = re.compile(r"[a-z]+(-\d+)?\.parquet")
"""What a record's files are called: selection, curve, clusters, within, already, of-1, of-2, ..."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MOST_TEXT, _MOST_BYTES, _MOST_LISTED = 200_000_000, 2_000_000_000, 1_000_000
"""Bytes of a manifest, of a whole record, and of a zip's list of its files: it is read whole."""


def pack(folder: Path, out: Path, with_label: bool = False) -> Path:
    """Writes the record of the selection in `folder` as a zip. with_label: its name and note go along.

    Raises BadRequest when the selection is not intact, Failed when the disk is full.
    """
    if found := manifest.problems(folder):
        raise BadRequest(f"{folder} cannot be taken along: {found[0]}")
    said = manifest.read(folder)
    names = [_MANIFEST, *sorted(said["files"])]
    if with_label and (folder / LABEL).exists():
        names.append(LABEL)
    with writing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(f"datasel-{short_hash(said)}/{name}", _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # as on Unix, wherever it is made
            entry.file_size = (folder / name).stat().st_size
            with open(folder / name, "rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    return out


def short_hash(said: Mapping[str, Any]) -> str:
    """The piece of a selection's hash that stands in file names."""
    return said["result"]["ids_sha256"][:8]


def unpack(file: Path | IO[bytes], folder: Path) -> Path:
    """Puts the record that a zip holds, at any depth and beside anything else, into `folder`. Raises BadInput when
    there is none, or it is not intact.
    """
    try:
        _check_size(file)
        with zipfile.ZipFile(file) as archive:
            _take(archive, folder)
    except BadInput as error:
        raise BadInput(str(error).replace(f"{folder}{os.sep}", "")) from None  # whoever brought it knows no such folder
    except DataselError:
        raise
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(f"The file is no zip that can be read: {' '.join(str(error).split())}.") from None
    if found := manifest.problems(folder):
        raise BadInput(f"The record cannot be trusted: {found[0]}")
    return folder


def _take(archive: zipfile.ZipFile, folder: Path) -> None:
    listed = {entry.filename: entry for entry in archive.infolist()}
    found = [name for name in listed if PurePosixPath(name).name == _MANIFEST]
    if len(found) != 1:
        raise BadInput(f"The zip holds {len(found)} files called {_MANIFEST}; the zip of a record holds one.")
    [name] = found
    _copy(archive, listed[name], folder / _MANIFEST, _MOST_TEXT)
    left = _MOST_BYTES
    for file in manifest.read(folder)["files"]:
        entry = listed.get(name.removesuffix(_MANIFEST) + file)
        if not _NAMES.fullmatch(file):
            raise BadInput(f"The manifest names a file {file!r}, which no record holds.")
        if entry is None:
            raise BadInput(f"The zip holds no {file}, which its manifest names; make it anew from the whole record.")
        _copy(archive, entry, folder / file, left)
        left -= entry.file_size


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> None:
    """Never more bytes than the zip says, and than a record may have."""
    if entry.file_size > most:
        raise BadInput(
            f"The zip unpacks to more than a record may have ({_MOST_BYTES:,} bytes, its manifest {_MOST_TEXT:,})."
        )
    with archive.open(entry) as source, writing(target) as temporary, open(temporary, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _check_size(file: Path | IO[bytes]) -> None:
    """Raises BadInput when its list of files is so long that to read it would fill the memory."""
    tail = 22 + 65_535  # the end of the list, and the longest comment
    if isinstance(file, Path):
        with open(file, "rb") as opened:
            return _check_size(opened)
    size = file.seek(0, 2)
    file.seek(max(0, size - tail))
    last = file.read(tail)
    at = last.rfind(b"PK\5\6")
    if at >= 0 and int.from_bytes(last[at + 12 : at + 16], "little") > _MOST_LISTED:
        raise BadInput("The zip lists more files than a record holds.")
    file.seek(0)
    return None
