"""What the files of a source are, before their fields are read: of which run, which years, which grid, which unit."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.readers.climate.grid import AREAS, Layout, layout_of
from datasel_core.pools.readers.climate.names import listed
from datasel_core.pools.readers.climate.sources import Name, members_of, name_of, opened, other_variable
from datasel_core.pools.readers.climate.steps import ANNUAL, Steps, steps_of
from datasel_core.pools.readers.climate.units import Unit, unit_of

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Asked:
    """variable: as CMIP calls it. frequency: of which files are read, `ann` or `mon`. model: where there are several.
    units: of files that say none.
    """

    variable: str
    frequency: str = ANNUAL
    model: str | None = None
    units: str | None = None


@dataclass(frozen=True)
class Part:
    """One member of one file, as far as it is known without its fields."""

    file: str
    path: Path
    name: Name
    steps: Steps
    layout: Layout
    unit: Unit


@dataclass
class Found:
    """What the files of a source were found to be."""

    parts: list[Part] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    others: Counter = field(default_factory=Counter)
    areas: list[np.ndarray] = field(default_factory=list)


def looked_at(files: Sequence[tuple[str, Path]], asked: Asked, progress: Progress) -> Found:
    found, alone = Found(), len(files) == 1
    files = sorted(files, key=lambda one: not Path(one[0]).name.startswith(AREAS))  # others may need them
    for file, path in progress.over(files, len(files), "looking at files"):
        if (named := other_variable(file, asked.variable)) is not None and not alone:
            found.others[named] += 1
            continue
        try:
            with opened(path, file) as data:
                _look(data, file, path, asked, found)
        except BadInput as error:
            if alone:
                raise
            found.wrong.append((file, str(error).removeprefix(f"{file}: ").rstrip(".")))
    return found


def _look(data: "xr.Dataset", file: str, path: Path, asked: Asked, found: Found) -> None:
    if asked.variable not in data.data_vars:
        areas = [
            np.asarray(data[name], np.float64) for name in AREAS if name in data.data_vars and data[name].ndim == 2
        ]
        found.areas += areas
        if not areas:
            found.others[", ".join(_fields(data)) or "nothing"] += 1
        return
    if data[asked.variable].dtype.kind not in "iuf":
        raise BadInput(f"{file}: {asked.variable} holds no numbers but {data[asked.variable].dtype}; give its fields.")
    name = name_of(file, data.attrs)
    steps = steps_of(data, asked.variable, file)
    unit = unit_of(asked.variable, data[asked.variable].attrs.get("units"), file, asked.units)
    area = next((one for one in found.areas if one.shape == data[asked.variable].shape[-2:]), None)
    layout = layout_of(data, asked.variable, file, area)
    for member, values in members_of(data, asked.variable, name, file):
        too_many = {str(dim): n for dim, n in values.sizes.items() if dim not in (steps.dim, *layout.dims) and n > 1}
        if too_many:
            dim, n = next(iter(too_many.items()))
            raise BadInput(
                f"{file}: {asked.variable} has {n} values along {dim} in each cell; write one of them to a file."
            )
        found.parts.append(Part(file, path, dataclasses.replace(name, member=member), steps, layout, unit))


def _fields(data: "xr.Dataset") -> list[str]:
    """Variables with fields, leaving out bounds and flags."""
    return [
        str(name)
        for name, one in data.data_vars.items()
        if one.ndim >= 2 and not str(name).endswith(("_bnds", "_bounds"))
    ]


def nothing(source: Path, asked: Asked, found: Found, n: int) -> str:
    if found.wrong:
        return f"Nothing of {asked.variable} in {source.name} can be read; {found.wrong[0][0]}: {found.wrong[0][1]}."
    there = listed(sorted(found.others)) or "no variable"
    return f"{source.name} has no {asked.variable} in its {n:,} files; there is {there} (--option variable=NAME)."
