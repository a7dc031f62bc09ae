"""The record of a selection and its reasons: write, read, verify. Readable in ten years without us."""

import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasel_core.errors import BadInput
from datasel_core.version import VERSION
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import canonical, hash_file

SCHEMA_VERSION = 1
_REQUIRED = {
    "schema_version",
    "pool",
    "method",
    "budget",
    "seed",
    "features",
    "within",
    "already",
    "where",
    "result",
    "files",
    "sha256",
}
_LIBRARIES = (
    "numpy",
    "torch",
    "timm",
    "open_clip_torch",
    "faiss-cpu",
    "umap-learn",
    "scikit-learn",
    "duckdb",
    "pyarrow",
    "pillow",
)


class _Part(BaseModel):
    """Of a manifest: what the program reads of it. There may be more, which a later version wrote."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Feature(_Part):
    id: str
    key: str = ""
    column: str = ""
    fingerprint: str = ""
    params: dict[str, Any] = {}


class _Pool(_Part):
    name: str
    kind: str
    n: int = Field(ge=0)
    fingerprint: str


class _Target(_Pool):
    features: dict[str, _Feature]


class _Method(_Part):
    id: str
    version: int
    params: dict[str, Any]


class _Budget(_Part):
    requested: str
    granted: int
    unit: str


class _Earlier(_Part):
    n: int
    ids_sha256: str


class _Unreadable(_Part):
    id: str
    reason: str


class _Result(_Part):
    n: int
    ids_sha256: str
    pick_order_sha256: str
    metrics: dict[str, dict[str, Any]]
    facts: dict[str, Any] = {}


class _Manifest(_Part):
    created_utc: str
    datasel_version: str
    pool: _Pool
    target: _Target | None
    features: dict[str, _Feature]
    method: _Method
    budget: _Budget
    seed: int
    within: _Earlier | None
    already: _Earlier | None
    where: str | None
    unreadable: list[_Unreadable]
    result: _Result
    environment: dict[str, str]
    command: str
    files: dict[str, str]
    sha256: str


def ids_sha256(ids: Iterable[str]) -> str:
    """SHA-256 of the kept ids, sorted (by Unicode code point), joined by newlines."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def pick_order_sha256(ids: Iterable[str]) -> str:
    """The same in pick order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def result(ids: list[str]) -> dict[str, Any]:
    """What a manifest says of the ids, in pick order."""
    return {"n": len(ids), "ids_sha256": ids_sha256(ids), "pick_order_sha256": pick_order_sha256(ids)}


def environment() -> dict[str, str]:
    """Versions of what computed it."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for name in _LIBRARIES:
        try:
            found[name.removesuffix("-cpu").removesuffix("-learn")] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write(folder: Path, table: pa.Table, about: Mapping[str, Any], beside: Iterable[str] = ()) -> dict[str, Any]:
    """Writes selection.parquet, then manifest.json, which closes over its bytes and those of the files named in
    `beside`.

    about: the manifest without what is computed here.
    """
    with writing(folder / "selection.parquet") as temporary:
        pq.write_table(table, temporary, compression="zstd")
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "created_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "datasel_version": VERSION,
        **about,
        "environment": environment(),
        "files": {name: hash_file(folder / name) for name in ("selection.parquet", *beside)},
    }
    manifest["sha256"] = _own_hash(manifest)
    write_json(folder / "manifest.json", manifest)
    return manifest


def read(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, in which everything is of the type that it must be. Raises BadInput when there is none,
    or it is damaged.
    """
    manifest = _whole(folder)
    if wrong := _wrong(manifest):
        raise BadInput(f"{folder / 'manifest.json'} is damaged: {wrong}.")
    return manifest


def _wrong(manifest: Mapping[str, Any]) -> str:
    """The first thing in a manifest that is missing or of another type than it must be; nothing where all is right."""
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place, wrong = ".".join(map(str, first["loc"]))[:100], first["msg"].removeprefix("Input ")
        return f"it has no {place}" if first["type"] == "missing" else f"{place}: it {wrong.replace('should', 'must')}"
    return ""


def _whole(folder: Path) -> dict[str, Any]:
    manifest = read_json(folder / "manifest.json")
    if manifest is None:
        raise BadInput(f"{folder} holds no manifest.json; name the folder of a finished selection.")
    if not isinstance(manifest, dict) or "result" not in manifest:
        raise BadInput(f"{folder / 'manifest.json'} is not a datasel manifest.")
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise BadInput(
            f"{folder / 'manifest.json'} has schema version {manifest.get('schema_version')}; this program reads "
            f"version {SCHEMA_VERSION}."
        )
    if missing := sorted(_REQUIRED - manifest.keys()):
        raise BadInput(f"{folder / 'manifest.json'} is damaged: it has no {missing[0]}.")
    return manifest


def kept_table(folder: Path) -> pa.Table:
    """selection.parquet: id, rank, score, count, why and the pool's columns, in pick order. Raises BadInput."""
    try:
        return pq.read_table(folder / "selection.parquet")
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{folder / 'selection.parquet'} cannot be read: {str(error).splitlines()[0]}.") from None


def problems(folder: Path) -> list[str]:
    """What is wrong with a selection on disk, a line each; empty when it is intact, to the byte."""
    manifest = _whole(folder)
    found = []
    if not _is_own(folder, manifest):
        found.append("manifest.json was changed after it was written.")
    if wrong := _wrong(manifest):
        return [*found, f"manifest.json is damaged: {wrong}."]
    for name, expected in manifest.get("files", {}).items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            found.append(f"{name} is missing.")
        elif hash_file(path) != expected:
            found.append(f"{name} was changed after it was written.")
    if not found:
        ids = kept_table(folder)["id"].to_pylist()
        if (
            ids_sha256(ids) != manifest["result"]["ids_sha256"]
            or pick_order_sha256(ids) != manifest["result"]["pick_order_sha256"]
        ):
            found.append("The ids in selection.parquet are not those of the manifest.")
    return found


def is_answer(folder: Path) -> bool:
    """Whether a folder holds a finished selection that is intact; a damaged one is no answer, and is made anew."""
    try:
        return (folder / "manifest.json").exists() and not problems(folder)
    except BadInput:
        return False


def _is_own(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether the file says what it said when it was written, to the byte."""
    try:
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        same = (folder / "manifest.json").read_text(encoding="utf-8") == text
        return same and manifest.get("sha256") == _own_hash(manifest)
    except ValueError:  # numbers and letters that no JSON of ours has
        return False


def _own_hash(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(
        canonical({name: value for name, value in manifest.items() if name != "sha256"}).encode()
    ).hexdigest()
