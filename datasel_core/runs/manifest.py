"""The record of a selection and its reasons: write, read, verify. Readable in ten years without us."""

import hashlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.manifest_types import wrong
from datasel_core.errors import BadInput
from datasel_core.runs.derivations.derivation import is_derived
from datasel_core.version import VERSION
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, ids_sha256, is_own, own_hash
from datasel_core.workspace.layout import without_home

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


@dataclass(frozen=True)
class Counts:
    """How many of how many, wherever it is said. new: what a selection kept itself. earlier: kept before it, and
    counted as chosen (`already`). pool: all samples. within: how many it could choose among, where an earlier selection
    said so, or a list (`listed`). aside: how many it could not even see, such as a held-out set; what was chosen before
    it was set aside is among the earlier.
    """

    new: int
    earlier: int
    pool: int
    within: int | None = None
    aside: int = 0
    listed: bool = False

    @property
    def kept(self) -> int:
        return self.new + self.earlier

    @property
    def dropped(self) -> int:
        return self.pool - self.aside - self.kept

    @property
    def parts(self) -> str:
        """`50`, or `50 new + 50 earlier`."""
        return f"{self.new:,} new + {self.earlier:,} earlier" if self.earlier else f"{self.new:,}"

    @property
    def words(self) -> str:
        """`50 of 929`, or `50 new + 50 earlier of 929`."""
        return f"{self.parts} of {self.pool:,}"

    @property
    def among(self) -> str:
        """`chosen among the 50 of an earlier selection`, or `of a list`; empty where every sample could be chosen."""
        of = "a list" if self.listed else "an earlier selection"
        return "" if self.within is None else f"chosen among the {self.within:,} of {of}"

    @property
    def rest(self) -> str:
        """`882 dropped`, or `696 dropped, 186 set aside`."""
        return f"{self.dropped:,} dropped" + (f", {self.aside:,} set aside" if self.aside else "")


def counts(said: Mapping[str, Any]) -> Counts:
    """What a manifest says of how many. The one place that tells new from earlier, and `already` from `within`."""
    within, already = said["within"], said["already"]
    earlier, among = already["n"] if already else 0, within["n"] if within else None
    aside = n_aside(said) - (already.get("aside", 0) if already else 0)
    listed = bool(within) and "method" not in within
    return Counts(said["result"]["n"], earlier, said["pool"]["n"], among, aside, listed)


def n_aside(said: Mapping[str, Any]) -> int:
    """How many samples of the pool no method could see, such as a held-out set."""
    return sum(one["n"] for one in (said.get("holdout") or {}).values())


def pick_order_sha256(ids: Iterable[str]) -> str:
    """SHA-256 of the kept ids in pick order, joined by newlines."""
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
        **_without_home(about),
        "environment": environment(),
        "files": {name: hash_file(folder / name) for name in ("selection.parquet", *beside)},
    }
    manifest["sha256"] = own_hash(manifest)
    write_json(folder / "manifest.json", manifest)
    return manifest


def _without_home(about: Mapping[str, Any]) -> dict[str, Any]:
    """The same, where reasons quote the path of a file without whose folder it is."""
    said = {**about, "unreadable": [_plain(one) for one in about["unreadable"]]}
    if target := about["target"]:
        said["target"] = {**target, "unreadable": [_plain(one) for one in target["unreadable"]]}
    return said


def _plain(one: Mapping[str, str]) -> dict[str, str]:
    return {**one, "reason": without_home(one["reason"])}


def read(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, in which everything is of the type that it must be. Raises BadInput when there is none,
    or it is damaged.
    """
    manifest = whole(folder)
    if damage := wrong(manifest):
        raise BadInput(f"{folder / 'manifest.json'} is damaged: {damage}.")
    return manifest


def whole(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, of which nothing more is known than that it is one. Raises BadInput."""
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


def read_ids(path: Path) -> list[str]:
    """The column `id` of a Parquet file, as `within.parquet` and `already.parquet` have it. Raises BadInput."""
    try:
        return pq.read_table(path, columns=["id"])["id"].cast(pa.string()).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadInput(f"{path} is no Parquet file with a column id: {str(error).splitlines()[0]}") from None


def earlier_ids(folder: Path, said: Mapping[str, Any]) -> list[str]:
    """The ids that counted as chosen before a selection, in their order; empty where none did. Raises BadInput."""
    return read_ids(folder / "already.parquet") if said["already"] else []


def problems(folder: Path) -> list[str]:
    """What is wrong with a selection on disk, a line each; empty when it is intact, to the byte."""
    manifest = whole(folder)
    found = [] if _is_as_written(folder, manifest) else ["manifest.json was changed after it was written."]
    if damage := wrong(manifest):
        return [*found, f"manifest.json is damaged: {damage}."]
    files = manifest["files"]
    if "selection.parquet" not in files:
        return [*found, "manifest.json names no selection.parquet among its files."]
    for name, expected in files.items():
        path = folder / name
        if Path(name).name != name or not os.path.isfile(path):  # a name may be too long to be one
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
    manifest = whole(folder)
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
    try:
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        return is_own(manifest) and (folder / "manifest.json").read_text(encoding="utf-8") == text
    except ValueError:  # numbers and letters that no JSON of ours has
        return False


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
    kept = len(counts) if is_derived(manifest["method"]) else counts.sum()  # derived: of samples, however often each
    if (counts < 1).any() or kept != granted:
        yield f"The counts in selection.parquet sum to {kept}; {granted} were granted."


def is_answer(folder: Path) -> bool:
    """Whether a folder holds a finished selection that is intact; a damaged one is no answer, and is made anew."""
    try:
        return (folder / "manifest.json").exists() and not problems(folder)
    except BadInput:
        return False
