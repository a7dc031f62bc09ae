"""The record that leaves with every export: in the sub-folder `datasel` of a folder, in `FILE.datasel` beside a file.

It holds what `verify` and `reproduce` need: the manifest, all that it closes over, and export.json, which says in which
format what was delivered and closes over the delivered files.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.exports.content import Closing, Contents, Copy
from datasel_core.runs.catalog import label
from datasel_core.version import VERSION
from datasel_core.workspace.files import read_json
from datasel_core.workspace.hashing import hash_file, is_own, own_hash
from datasel_core.workspace.layout import EXPORT_RECORD, RECORD

FOLDER, EXPORT = RECORD, EXPORT_RECORD
SCHEMA = "datasel export 1"
_TABLES = "selection|curve|clusters|within|already|holdout|of-\\d+|list|decisions|refills"
HOLDS = re.compile(rf"(manifest|export|label)\.json|({_TABLES})\.parquet")
"""What the folder of a selection holds: its manifest, what that closes over, what a record says of the export, and
what somebody called it.
"""


def contents(
    folder: Path, said: Mapping[str, Any], how: Mapping[str, Any], prefix: str = "", with_notes: bool = False
) -> dict[str, Any]:
    """What a record holds. folder, said: of the selection, and its manifest. how: id, version and params of the format.

    prefix: of the names, `datasel/` inside an export that is a folder; the files closed over are those without it.
    with_notes: also the name and the note that somebody gave it, where they did.
    """
    names = {**said["files"], "manifest.json": hash_file(folder / "manifest.json")}
    if with_notes and (folder / label.FILE).is_file():
        names[label.FILE] = hash_file(folder / label.FILE)
    record: dict[str, Any] = {prefix + name: Copy(folder / name, sha256=sha256) for name, sha256 in names.items()}
    return record | {prefix + EXPORT: Closing(lambda done: _export(said, how, _apart(done, prefix)))}


def of_file(record: Contents, files: Mapping[str, str]) -> dict[str, Any]:
    """The record of a single file: as `contents` made it, closing over that file and what was written beside it. files:
    name -> SHA-256.
    """
    closing = record[EXPORT]
    assert isinstance(closing, Closing)
    return {**record, EXPORT: closing.make(files)}


def problems(folder: Path) -> list[str]:
    """What of the delivered files is not as it was delivered, a line each. folder: the record, as `place` finds it.

    Nothing where the folder is a selection that was not exported. Raises BadInput when export.json is damaged.
    """
    said = read_json(folder / EXPORT)
    if said is None:
        return []
    if not _is_whole(said):
        return [f"{EXPORT} was changed after it was written."]
    if said["manifest_sha256"] != read_json(folder / "manifest.json", {}).get("sha256"):
        return [f"{EXPORT} belongs to another manifest."]
    return [line for name, sha256 in said["files"].items() if (line := _problem(folder.parent, name, sha256))]


def delivered(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of what was delivered, by the record in a folder; nothing where it has none or a damaged one."""
    with contextlib.suppress(BadInput, OSError):
        said = read_json(folder / EXPORT)
        return dict(said["files"]) if _is_whole(said) else {}
    return {}


def _is_whole(said: Any) -> bool:
    """Whether it is what an export writes, and what it says of itself; strangers may have written it."""
    if not isinstance(said, dict) or said.get("schema") != SCHEMA or not is_own(said):
        return False
    files = said.get("files")
    return "manifest_sha256" in said and isinstance(files, dict) and all(isinstance(one, str) for one in files.values())


def _problem(folder: Path, name: str, sha256: str) -> str:
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute() or not os.path.isfile(path):  # also where it is no name
        return f"{name} is missing."
    return "" if hash_file(path) == sha256 else f"{name} was changed after it was exported."


def _export(said: Mapping[str, Any], how: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    found = {
        "schema": SCHEMA,
        "datasel_version": VERSION,
        "format": how,
        "manifest_sha256": said["sha256"],
        "files": dict(files),
    }
    found["sha256"] = own_hash(found)
    return (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode()


def _apart(done: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name: sha256 for name, sha256 in done.items() if not (prefix and name.startswith(prefix))}
