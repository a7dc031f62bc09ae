"""The record of a selection and its reasons: write, read, verify. Readable in ten years without us."""

import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.version import VERSION
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, is_own, own_hash

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
    manifest["sha256"] = own_hash(manifest)
    write_json(folder / "manifest.json", manifest)
    return manifest


def read(folder: Path) -> dict[str, Any]:
    """The manifest in a folder. Raises BadInput when there is none, or it is damaged."""
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
    if not isinstance(manifest["result"], dict):
        raise BadInput(f"{folder / 'manifest.json'} is damaged: its result is none.")
    return manifest


def kept_table(folder: Path) -> pa.Table:
    """selection.parquet: id, rank, score, count, why and the pool's columns, in pick order. Raises BadInput."""
    try:
        return pq.read_table(folder / "selection.parquet")
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{folder / 'selection.parquet'} cannot be read: {str(error).splitlines()[0]}.") from None


def problems(folder: Path) -> list[str]:
    """What is wrong with a selection on disk, a line each; empty when it is intact, to the byte."""
    manifest = read(folder)
    found = [] if _is_as_written(folder, manifest) else ["manifest.json was changed after it was written."]
    files = manifest["files"]
    if not isinstance(files, dict) or "selection.parquet" not in files:
        return [*found, "manifest.json names no selection.parquet among its files."]
    for name, expected in files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            found.append(f"{name} is missing.")
        elif hash_file(path) != expected:
            found.append(f"{name} was changed after it was written.")
    if found:
        return found
    try:
        return list(_contradictions(manifest, kept_table(folder)))
    except (KeyError, TypeError, AttributeError):  # no such column or word, or no number where one must be
        return ["manifest.json and selection.parquet do not say what a selection says."]


def intact(folder: Path, use: str) -> dict[str, Any]:
    """The manifest of a selection that is as it was written. use: what it is wanted for, as in `compared`. Raises
    BadInput, in one line.
    """
    manifest = read(folder)
    if found := problems(folder):
        remedy = "Choose again, or take a whole copy of the folder."
        raise BadInput(f"{folder} is damaged and cannot be {use}: {found[0]} {remedy}")
    return manifest


def signed(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, which is what it says of itself; nothing else is looked at. Raises BadInput."""
    manifest = read(folder)
    if not is_own(manifest):
        raise BadInput(f"{folder / 'manifest.json'} was changed after it was written.")
    return manifest


def _is_as_written(folder: Path, manifest: Mapping[str, Any]) -> bool:
    if not is_own(manifest):
        return False
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return (folder / "manifest.json").read_text(encoding="utf-8") == text


def _contradictions(manifest: Mapping[str, Any], table: pa.Table) -> Iterator[str]:
    """What the table says otherwise than the manifest, where both are whole in themselves."""
    ids, (rows, ranks, counts) = table["id"].to_pylist(), (table[name].to_numpy() for name in ("row", "rank", "count"))
    result, whole, granted = manifest["result"], manifest["pool"]["n"], manifest["budget"]["granted"]
    if (ids_sha256(ids), pick_order_sha256(ids)) != (result["ids_sha256"], result["pick_order_sha256"]):
        yield "The ids in selection.parquet are not those of the manifest."
    if result["n"] != len(ids):
        yield f"manifest.json says {result['n']} samples; selection.parquet has {len(ids)}."
    if len(set(ids)) < len(ids):
        yield "An id stands twice in selection.parquet."
    if len(np.unique(rows)) < len(rows) or not ((rows >= 0) & (rows < whole)).all():
        yield f"selection.parquet names a row twice, or one that a pool of {whole} samples does not have."
    if not np.array_equal(ranks, np.arange(1, len(ids) + 1)):
        yield f"The ranks in selection.parquet are not 1 to {len(ids)}."
    law = manifest["method"]["id"] != "combine"  # there the budget is of samples, however often each counts
    if (counts < 1).any() or (law and counts.sum() != granted):
        yield f"The counts in selection.parquet sum to {counts.sum()}; {granted} were granted."


def is_answer(folder: Path) -> bool:
    """Whether a folder holds a finished selection that is intact; a damaged one is no answer, and is made anew."""
    try:
        return (folder / "manifest.json").exists() and not problems(folder)
    except BadInput:
        return False
