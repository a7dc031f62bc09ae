"""From runs to a pool: one sample per scenario, member and year, with its field and its global-mean temperature."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, FIELD, GMST, RUN, YEAR
from datasel_core.errors import BadInput
from datasel_core.pools.readers.climate.anomalies import anomalies, continuity
from datasel_core.pools.readers.climate.grid import GRID
from datasel_core.pools.readers.climate.names import listed, natural
from datasel_core.pools.readers.climate.parts import Asked
from datasel_core.pools.readers.climate.runs import Runs, read_runs
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

TEMPERATURE = "tas"
"""The variable whose mean over the Earth is the global-mean temperature."""


@dataclass(frozen=True)
class _Samples:
    """run: (n,) number of the run, in order. year: (n,). values: (n, cells) anomalies. gmst: (n,) K, or NaN."""

    names: tuple[str, ...]
    run: np.ndarray
    year: np.ndarray
    values: np.ndarray
    gmst: np.ndarray

    def part(self, keep: np.ndarray) -> "_Samples":
        return replace(self, run=self.run[keep], year=self.year[keep], values=self.values[keep], gmst=self.gmst[keep])

    @property
    def ids(self) -> list[str]:
        return [f"{self.names[run]}/{year}" for run, year in zip(self.run.tolist(), self.year.tolist(), strict=True)]


def scan_climate(
    source: Path, asked: Asked, baseline: tuple[int, int], workspace: Workspace, progress: Progress
) -> Scan:
    """Raises BadInput where nothing can be read, or no run has a baseline."""
    read = read_runs(source, asked, workspace, progress)
    found = anomalies(read.runs, baseline)
    if not found.values:
        name, why = next(iter(found.uncovered.items()))
        raise BadInput(f"{name}: {why}.")
    gone = [{"id": name, "reason": why} for name, why in found.uncovered.items()]
    lost = sum(len(read.runs[name].years) for name in found.uncovered)
    gmst, notes = _temperatures(source, asked, baseline, read, found.values, workspace, progress)
    samples = _samples(read, found.values, gmst)
    odd = _odd(samples)
    unreadable = [*read.unreadable, *gone, *odd.values()]
    left_out = len(read.unreadable) + lost + len(odd)
    samples = samples.part(np.setdiff1d(np.arange(len(samples.year)), list(odd)))
    bases = sorted({name for names in found.base.values() for name in names}, key=natural)
    said = (
        f"Anomalies of each member to its mean of {baseline[0]}-{baseline[1]}, from {listed(bases)}; cells weighted "
        f"by {read.grid.by}."
    )
    grid = {
        **read.grid.plain(),
        "variable": asked.variable,
        "units": read.unit,
        "baseline": f"{baseline[0]}-{baseline[1]}",
        "calendar": listed(read.calendars),
        "frequency": asked.frequency,
        "model": read.model,
    }
    lacking = [(int(row), f"no {TEMPERATURE} of this year") for row in np.flatnonzero(np.isnan(samples.gmst))]
    return Scan(
        _table(samples, grid, read.grid.hash()),
        source if source.is_dir() else source.parent,
        unreadable,
        [said, *continuity(read.runs, read.grid), *read.notes, *notes],
        roles=_roles(samples, read.grid.weight),
        left_out=left_out,
        facts={FIELD.name: {GRID: grid}, EMBEDDING.name: {"weights": read.grid.by}},
        missing={GMST.name: lacking} if lacking else {},
    )


def _temperatures(
    source: Path,
    asked: Asked,
    baseline: tuple[int, int],
    read: Runs,
    values: Mapping[str, np.ndarray],
    workspace: Workspace,
    progress: Progress,
) -> tuple[dict[str, dict[int, float]], list[str]]:
    """Run -> year -> global-mean temperature as an anomaly: of another variable's runs from the temperatures that lie
    beside them; and what is to be said where these are missing.
    """
    if asked.variable == TEMPERATURE:
        return {name: _by_year(read.runs[name].years, read.grid.mean(one)) for name, one in values.items()}, []
    try:
        beside = read_runs(
            source, replace(asked, variable=TEMPERATURE, units=None, model=read.model), workspace, progress
        )
    except BadInput as error:
        return {}, [f"No global-mean temperature: {error}"]
    found = anomalies(beside.runs, baseline).values
    there = {name: _by_year(beside.runs[name].years, beside.grid.mean(one)) for name, one in found.items()}
    without = [name for name in values if name not in there]
    return there, [f"No global-mean temperature of {listed(without)}: no {TEMPERATURE} beside."] if without else []


def _by_year(years: np.ndarray, means: np.ndarray) -> dict[int, float]:
    return dict(zip(years.tolist(), means.tolist(), strict=True))


def _samples(read: Runs, values: Mapping[str, np.ndarray], gmst: Mapping[str, Mapping[int, float]]) -> _Samples:
    names = tuple(sorted(values, key=natural))
    lengths = [len(read.runs[name].years) for name in names]
    means = [gmst.get(name, {}).get(year, np.nan) for name in names for year in read.runs[name].years.tolist()]
    return _Samples(
        names,
        np.repeat(np.arange(len(names)), lengths),
        np.concatenate([read.runs[name].years for name in names]),
        np.concatenate([values[name] for name in names]),
        np.array(means, np.float64),
    )


def _odd(samples: _Samples) -> dict[int, dict[str, str]]:
    """Row -> sample whose gaps are not those of most: a field with other cells than the rest cannot stand beside it."""
    gaps = np.isnan(samples.values)
    kinds, which, n = np.unique(gaps, axis=0, return_inverse=True, return_counts=True)
    usual = int(np.argmax(n))
    rows, ids = np.flatnonzero(which.ravel() != usual), samples.ids
    if kinds[usual].all():
        raise BadInput("Most fields have no value at all: they hold nothing but fill values.")
    return {
        int(row): {
            "id": ids[row],
            "reason": f"{int((gaps[row] & ~kinds[usual]).sum())} of its cells have no value that others have, and "
            f"{int((~gaps[row] & kinds[usual]).sum())} have one that others lack",
        }
        for row in rows
    }


def _table(samples: _Samples, grid: Mapping[str, Any], places: str) -> pa.Table:
    scenarios, members = zip(*(name.split("/", 1) for name in samples.names), strict=True)
    about = f"{places} {grid['variable']} {grid['units']} {grid['baseline']}".encode()
    return pa.table(
        {
            "id": samples.ids,
            "scenario": [scenarios[run] for run in samples.run],
            "member": [members[run] for run in samples.run],
            YEAR.name: samples.year,
            GMST.name: pa.array(samples.gmst, from_pandas=True),
            "content": [
                hashlib.blake2b(about + field.tobytes() + one.tobytes(), digest_size=16).hexdigest()
                for field, one in zip(
                    np.ascontiguousarray(samples.values, "<f8"), samples.gmst.astype("<f8"), strict=True
                )
            ],
        }
    )


def _roles(samples: _Samples, weight: np.ndarray) -> dict[str, np.ndarray]:
    """What the pool brings. The embedding is the field times the root of its cells' weights, without cells that are
    always empty: the distance of two is then the root of the mean squared difference over the area.
    """
    there = np.isfinite(samples.values).all(axis=0)
    scale = np.sqrt(weight[there] / weight[there].sum())
    found = {
        EMBEDDING.name: (samples.values[:, there] * scale).astype(np.float32),
        FIELD.name: samples.values.astype(np.float32),
        RUN.name: samples.run.astype(np.float32),
        YEAR.name: samples.year.astype(np.float32),
    }
    known = np.isfinite(samples.gmst)
    return found | ({GMST.name: samples.gmst.astype(np.float32)} if known.any() else {})
