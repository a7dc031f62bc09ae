"""The files of a kept feature: where they lie, what meta.json says of their bytes, how newer ones take their place.

meta.json has `files`: path in the folder -> SHA-256. The first generation lies in the folder itself, each later one in
a sub-folder of its own, so that nothing is ever written over a file that a standing meta.json names. Features kept
before had no `files`: their names are fixed, and `fingerprint` alone says what is in values.npy and offsets.npy.
"""

import contextlib
import hashlib
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from datasel_core.pools.persistence import adding, described
from datasel_core.workspace.files import disk_trouble
from datasel_core.workspace.layout import Workspace

VALUES, OFFSETS, FITTED = "values.npy", "offsets.npy", "fitted.npz"
FROM_LABELS = "labels"
"""The id of what labels that came back say of each sample."""
_EXTRA, _LATER = "extra-", "generation-"


def extra_file(name: str) -> str:
    return f"{_EXTRA}{name}.npy"


def extra_names(files: Iterable[str]) -> list[str]:
    """What was kept beside the values, by name."""
    return sorted(name.removeprefix(_EXTRA).removesuffix(".npy") for name in files if name.startswith(_EXTRA))


def paths(folder: Path, meta: Mapping[str, Any]) -> dict[str, Path]:
    """Name of each file that belongs to the feature -> where it lies, be it there or not."""
    if (files := meta.get("files")) is not None:
        return {Path(path).name: folder / path for path in files}
    names = [VALUES, *([OFFSETS] if meta["shape"] == "ragged" else [])]
    beside = [path.name for path in (folder / FITTED, *sorted(folder.glob(extra_file("*")))) if path.exists()]
    return {name: folder / name for name in (*names, *beside)}


def said_hash(meta: Mapping[str, Any], name: str) -> str | None:
    """SHA-256 that meta.json gives a file; None where it says nothing, as of extras of older features."""
    return next((hash for path, hash in (meta.get("files") or {}).items() if Path(path).name == name), None)


def fingerprint(hashes: Mapping[str, str]) -> str:
    """Of a feature's values, from the SHA-256 of values.npy and, for ragged ones, offsets.npy; it enters run keys."""
    return hashlib.sha256("".join(hashes[name] for name in (VALUES, OFFSETS) if name in hashes).encode()).hexdigest()


def state(folder: Path, meta: Mapping[str, Any]) -> tuple:
    """Another value whenever a file of the feature is another: sizes, places on the disk and times."""
    return tuple((name, *_stat(path)) for name, path in sorted(paths(folder, meta).items()))


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def room(folder: Path, standing: Mapping[str, Any] | None) -> Path:
    """An empty place for the next generation. standing: the meta.json that is there; its files must not be touched."""
    if standing is None:
        return folder
    numbers = [
        path.parent.name.removeprefix(_LATER) for path in paths(folder, standing).values() if path.parent != folder
    ]
    place = folder / f"{_LATER}{max((int(number) for number in numbers if number.isdecimal()), default=1) + 1}"
    try:
        shutil.rmtree(place, ignore_errors=True)  # what a kill left there was never named
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_trouble(error, place) from error
    return place


def remove_left_over(folder: Path, meta: Mapping[str, Any]) -> None:
    """Removes files that meta.json does not name. Who has one open reads on; a system that forbids it keeps them."""
    named = set(paths(folder, meta).values())
    ours = [folder / name for name in (VALUES, OFFSETS)] + list(folder.glob(extra_file("*")))
    for path in [*ours, *folder.glob(".values*.part"), *folder.glob(f".{_EXTRA}*.part")]:
        if path not in named:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    for place in folder.glob(f"{_LATER}*"):
        if place not in {path.parent for path in named}:
            shutil.rmtree(place, ignore_errors=True)


def remedy(folder: Path, meta: Mapping[str, Any]) -> tuple[str, str]:
    """(what the feature's pool is called here, what to do so that the feature is made once more)."""
    pool, about = _pool_here(Workspace(folder.parent.parent), meta["pool"])
    if meta["id"] == FROM_LABELS:
        return pool, f"make it anew: {_command('labels', 'show', pool)}"
    if meta["id"] != "imported":
        words = (pool, meta["id"], *as_words("--set", meta["params"]))
        return pool, f"compute it again: {_command('feature', 'compute', *words)}"
    file = str(meta["params"].get("file"))
    if Path(about.get("source", "")).name == file:  # it came with the pool
        return pool, f"add the pool again: {adding(pool, about)}"
    said = ["--encoder", meta["params"]["encoder"]] if meta["params"].get("encoder") else []
    return pool, f"import it again: {_command('feature', 'import', pool, meta['role'], file, *said)}"


def as_words(flag: str, params: Mapping[str, Any]) -> list[str]:
    """Parameters as the command line takes them."""
    return [word for name, value in params.items() for word in (flag, f"{name}={'none' if value is None else value}")]


def _command(*words: str) -> str:
    return shlex.join(["python", "-m", "datasel_core", *words])


def _pool_here(workspace: Workspace, said: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Name and pool.json of the pool that the feature is of; by now it may be called otherwise."""
    known, _ = described(workspace)
    found = {name: about for name, about in known.items() if about["fingerprint"] == said.get("fingerprint")}
    name = said.get("name") if said.get("name") in found or not found else next(iter(found))
    return str(name), found.get(name, {})
