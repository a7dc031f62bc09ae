"""Which files of a folder hold a variable, of which run each is, and what is in it."""

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.pools.readers.climate.grid import AREAS
from datasel_core.pools.readers.walk import walk
from datasel_core.workspace.layout import Workspace

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = (".nc", ".nc4", ".netcdf", ".cdf")
STORE = ".zarr"
_MEMBER = re.compile(r"r\d+i\d+p\d+(f\d+)?")
_TROUBLE = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, ArithmeticError)
_MEMBERS = ("member", "member_id", "realization", "ensemble", "number", "ens")
"""What a dimension may be called along which one file holds several members."""


@dataclass(frozen=True)
class Name:
    """Of which run a file is: by its attributes, else by its name. member: empty where neither says it."""

    model: str
    scenario: str
    member: str
    parent: tuple[str, str] | None = None
    said: str = ""
    """Where name and attributes say otherwise, in words."""

    @property
    def run(self) -> str:
        return f"{self.scenario}/{self.member}"


def is_climate(path: Path) -> bool:
    """Whether its name is that of a NetCDF file or a Zarr store."""
    return path.suffix.lower() in SUFFIXES or path.suffix.lower() == STORE


def sources(source: Path, workspace: Workspace) -> list[tuple[str, Path]]:
    """(name, path) of all files and stores of a source, in order. Raises BadInput where there is none."""
    if not source.exists():
        raise BadInput(f"There is no file or folder {source}.")
    if source.is_file() or _is_store(source):
        return [(source.name, source)]
    found: dict[str, Path] = {}
    for name in walk(source, workspace).names:
        parts = Path(name).parts
        store = next((at for at, part in enumerate(parts) if part.lower().endswith(STORE)), None)
        if store is not None:
            inside = Path(*parts[: store + 1])
            found[inside.as_posix()] = source / inside
        elif name.lower().endswith(SUFFIXES):
            path = source / name
            workspace.allowed(path)
            found[name] = path
    if not found:
        raise BadInput(f"{source} holds no NetCDF files ({', '.join(SUFFIXES)}) and no {STORE} store.")
    return sorted(found.items())


@contextlib.contextmanager
def opened(path: Path, name: str) -> Iterator["xr.Dataset"]:
    """A file or store, its time in its own calendar, gaps as NaN. Raises BadInput where xarray cannot open it."""
    import xarray as xr

    coder = xr.coders.CFDatetimeCoder(use_cftime=True)
    is_store = path.is_dir()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # two fill values, a store without its index: what is read is the same
            data = xr.open_dataset(path, engine="zarr" if is_store else "netcdf4", decode_times=coder, chunks=None)
    except _TROUBLE as error:  # of netCDF4, HDF5, zarr and cftime
        what = "a Zarr store" if is_store else "a NetCDF file"
        raise BadInput(f"{name} is not {what} that can be read ({_first_line(error, path)}).") from None
    with data:
        yield data


def name_of(file: str, attributes: Mapping[Any, Any]) -> Name:
    """Raises BadInput where nothing says which scenario it is."""
    by_name = _by_name(file)
    said = {
        "model": _text(attributes, "source_id", "model_id"),
        "scenario": _text(attributes, "experiment_id"),
        "member": _text(attributes, "variant_label", "member_id"),
    }
    apart = [
        f"{file} is called {by_name[part]}, but its attributes say {told}, which is taken"
        for part, told in said.items()
        if told and by_name.get(part) and told != by_name[part]
    ]
    found = {part: told or by_name.get(part, "") for part, told in said.items()}
    if not found["scenario"]:
        raise BadInput(
            f"{file}: neither its attributes (experiment_id) nor its name say which scenario it is; call it like "
            "tas_ann_MODEL_ssp585_r1i1p1f1.nc."
        )
    clean = {part: told.replace("/", "-") for part, told in found.items()}
    parent = _text(attributes, "parent_experiment_id"), _text(attributes, "parent_variant_label")
    return Name(**clean, parent=parent if all(parent) else None, said="; ".join(apart))


def members_of(data: "xr.Dataset", variable: str, name: Name, file: str) -> list[tuple[str, "xr.DataArray"]]:
    """(member, its fields): one, or several where a dimension holds them. Raises BadInput where nobody can say which
    member it is.
    """
    field = data[variable]
    dim = next((str(one) for one in field.dims if str(one).lower() in _MEMBERS), None)
    if dim is None:
        if not name.member:
            raise BadInput(
                f"{file}: neither its attributes (variant_label) nor its name say which member it is; call it like "
                "tas_ann_MODEL_ssp585_r1i1p1f1.nc."
            )
        return [(name.member, field)]
    labels = [str(one) for one in (np.asarray(data[dim]) if dim in data.variables else np.arange(field.sizes[dim]))]
    if len(set(labels)) < len(labels):
        raise BadInput(f"{file}: two members along {dim} have one name; each needs a name of its own.")
    if len(labels) == 1 and name.member:
        labels = [name.member]
    return [(label.replace("/", "-"), field.isel({dim: at})) for at, label in enumerate(labels)]


def _by_name(file: str) -> dict[str, str]:
    """Model, scenario and member by the name of a file of CMIP or of the cmip6-ng archive: both begin alike."""
    parts = Path(file).stem.split("_")
    if len(parts) < 5 or not _MEMBER.fullmatch(parts[4]):
        return {}
    return {"variable": parts[0], "model": parts[2], "scenario": parts[3], "member": parts[4]}


def other_variable(file: str, variable: str) -> str | None:
    """Which variable a file holds by its name, where that is another one; None where the file has to be opened."""
    named = _by_name(file).get("variable", variable)
    return None if named in (variable, *AREAS) else named


def _text(attributes: Mapping[Any, Any], *names: str) -> str:
    """The first of these attributes that says something; `none` and `no parent` say nothing."""
    for name in names:
        told = str(attributes.get(name, "")).strip()
        if told and told.lower() not in ("none", "no parent", "n/a"):
            return told
    return ""


def _is_store(path: Path) -> bool:
    return path.is_dir() and (
        path.suffix.lower() == STORE or any((path / one).is_file() for one in (".zgroup", "zarr.json"))
    )


def _first_line(error: Exception, path: Path) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.replace(str(path), path.name)[:160].rstrip(".")
