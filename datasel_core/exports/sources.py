"""Where nothing is ever exported to: what pools were read from, and what the workspace keeps for itself."""

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadRequest, UnknownName
from datasel_core.pools.kind import PoolKind
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace


def check_apart(workspace: Workspace, place: Path, is_folder: bool) -> None:
    """Raises BadRequest when a file or folder (its real path) is or holds a source of a pool, or is the workspace's."""
    for own in map(real, workspace.own()):
        if own in (place, *place.parents) or (is_folder and place in own.parents):
            raise BadRequest(
                f"{place} is, holds or lies in {own}, which the workspace keeps for itself; name another --out."
            )
    home = real(workspace.path)
    for name, folder, about in _pools(workspace):
        source = real(about["source"])
        around = (
            source in home.parents and home in place.parents
        )  # a source that the workspace lies in: what people put into the workspace is none of it
        if (
            is_folder
            and not around
            and (place in source.parents or (source.is_dir() and source in (place, *place.parents)))
        ):
            raise BadRequest(
                f"{place} is, holds or lies in {source}, the source of the pool {name}; name an --out apart from it."
            )
        if not is_folder and not around and _kind(about["kind"]).reads(source, place):
            raise BadRequest(
                f"{place} is read as a source of the pool {name}, and sources are never replaced; name another --out."
            )
        if os.path.lexists(place):
            _check_listed(name, folder, about, str(place), is_folder)


def real(path: str | os.PathLike) -> Path:
    """The path with all links followed, also where there is nothing."""
    return Path(os.path.realpath(path))


def _pools(workspace: Workspace) -> Iterator[tuple[str, Path, Mapping[str, Any]]]:
    """Name, folder and description of every pool, also where its own hash is another: better guarded than not. Of one
    that cannot be read, or does not say where its source is, nothing is known.
    """
    for folder in workspace.folders("pools"):
        with contextlib.suppress(BadInput, OSError):
            about = read_json(folder / "pool.json")
            if isinstance(about, dict) and all(isinstance(about.get(name), str) for name in ("source", "root", "kind")):
                yield folder.name, folder, about


def _kind(id: str) -> type[PoolKind]:
    try:
        return find("pool kind", id)
    except UnknownName:  # made by a later version
        return PoolKind


def _check_listed(name: str, folder: Path, about: Mapping[str, Any], place: str, is_folder: bool) -> None:
    inside = os.path.join(place, "")
    for file in _files(folder, about):
        if is_folder and file.startswith(inside):
            raise BadRequest(f"{place} holds {file}, a source of the pool {name}; name an --out apart from it.")
        if file == place:
            raise BadRequest(
                f"{place} is read as a source of the pool {name}, and sources are never replaced; name another --out."
            )


def _files(folder: Path, about: Mapping[str, Any]) -> Iterator[str]:
    """Real paths of the files that a pool's table names, read or left out.

    Of a folder without such a table, where the links in it lead: the files themselves are told by where they lie.
    """
    columns, below = _columns(folder / "pool.parquet"), functools.cache(_below)  # there are many files in few folders
    for name in _left_out(about).union(*columns):
        end = name.rfind("/") + 1
        above, links = below(about["root"], name[:end])
        yield os.path.realpath(above + name[end:]) if name[end:] in links else above + name[end:]
    if not columns:
        for above, _, files in os.walk(about["source"]):
            yield from (
                os.path.realpath(path) for path in (os.path.join(above, name) for name in files) if os.path.islink(path)
            )


def _left_out(about: Mapping[str, Any]) -> set[str]:
    """Names of samples that could not be read; a damaged description may hold anything."""
    entries = about.get("unreadable")
    ids = (one.get("id") for one in entries if isinstance(one, dict)) if isinstance(entries, list) else ()
    return {id for id in ids if isinstance(id, str) and "\0" not in id}


def _below(root: str, name: str) -> tuple[str, set[str]]:
    """The real path of a folder, with a separator at its end, and which names in it are links."""
    folder = os.path.join(os.path.realpath(os.path.join(root, name)), "")
    try:
        with os.scandir(folder) as entries:
            return folder, {entry.name for entry in entries if entry.is_symlink()}
    except OSError:  # it is gone
        return folder, set()


def _columns(table: Path) -> list[set[str]]:
    """The columns that name files, each name once; none where the table cannot be read."""
    try:
        schema = pq.read_schema(table)
        named = [
            name for name in ("path", "shard") if name in schema.names and pa.types.is_string(schema.field(name).type)
        ]
        return [set(pq.read_table(table, columns=[name])[name].unique().drop_null().to_pylist()) for name in named]
    except (OSError, pa.ArrowException):
        return []
