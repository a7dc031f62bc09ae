"""Opening the real CMIP6 files (588 years) and files of full resolution as a pool; leave-one-out influence beside
fitting anew for every year; a step of training the network beside one that enlarges, pads and convolves.

Seconds of the processor say what it would take on a machine that nobody else uses.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis.climate.emulators import cnn
from datasel_core.base.progress import Progress
from datasel_core.methods.algorithms.leave_one_out import influence
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, size, stopwatch, table
from tests.conftest import real_data
from tests.pools.simulations import attributes, put

ROWS, COLUMNS = 143, 144


def write(folder: Path, years: int) -> None:
    """Two monthly runs on the grid of a model: 143 x 144 cells."""
    import cftime
    import xarray as xr

    rng = np.random.default_rng(0)
    for member in ("r1i1p1f1", "r2i1p1f1"):
        months = [cftime.DatetimeNoLeap(1850 + at // 12, at % 12 + 1, 15) for at in range(12 * years)]
        values = (288 + rng.standard_normal((len(months), ROWS, COLUMNS))).astype(np.float32)
        lat, lon = np.linspace(-90, 90, ROWS), np.arange(COLUMNS) * 360 / COLUMNS
        data = xr.Dataset(
            {"tas": (("time", "lat", "lon"), values, {"units": "K"})},
            {"time": months, "lat": lat, "lon": lon},
            attributes("historical", member),
        )
        data.lat.attrs["units"], data.lon.attrs["units"] = "degrees_north", "degrees_east"
        put(folder, data, "historical", member)


def adding(folder: Path, source: Path) -> dict[str, float]:
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "workspace"), str(source)
    start = time.process_time()
    with stopwatch() as taken:
        pool = add_pool(Workspace.at(), "c", str(source), "climate", {"baseline": "1850-1859"})
    return {"s": taken[0], "processor s": time.process_time() - start, "years": pool.n}


def one_by_one(gmst: np.ndarray, field: np.ndarray, there: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The definition: a fit for every year."""

    def error(rows: np.ndarray) -> float:
        design = np.stack([np.ones(len(rows)), gmst[rows]], axis=1)
        found = np.linalg.lstsq(design, field[rows], rcond=None)[0]
        return ((reference - np.stack([np.ones(len(there)), there], axis=1) @ found) ** 2).mean()

    rows = np.arange(len(gmst))
    whole = error(rows)
    return np.array([error(rows[rows != row]) - whole for row in rows])


def step_of_training(layer: Callable[[Any, tuple[int, int]], Any], years: int, n: int) -> float:
    """Milliseconds of the processor. layer: given a layer of the network and what it draws, what stands for it."""
    import torch

    torch.set_num_threads(1)
    shape, half = (20, 20), (10, 10)
    network = cnn._decoder(1, shape)
    drawing = [one for one in network if hasattr(one, "convolution")]
    parts = [layer(one, (half, shape)[drawing.index(one)]) if one in drawing else one for one in network]
    driver = torch.randn(years, 1)

    def step() -> None:
        field = driver
        for part in parts:
            field = part(field)
        field.square().mean().backward()

    step()
    start = time.process_time()
    for _ in range(n):
        step()
    return (time.process_time() - start) / n * 1000


def in_three_steps(layer: Any, large: tuple[int, int]) -> Callable[[Any], Any]:
    from torch.nn.functional import interpolate, pad

    return lambda field: layer.convolution(
        pad(pad(interpolate(field, size=large), (1, 1, 0, 0), mode="circular"), (0, 0, 1, 1), mode="replicate")
    )


def main() -> None:
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder / "full", size(100))
        sources = {f"{size(100)} years x 2, monthly, {ROWS} x {COLUMNS} cells": folder / "full"}
        if (real := real_data()) is not None:
            sources = {"CMIP6 files, 20 x 20 cells": real / "climate" / "cmip6", **sources}
        for at, (name, source) in enumerate(sources.items()):
            found = apart(adding, folder / str(at), source)
            lines.append({"source": name, **found["result"], "peak GB": found["peak_gb"]})
    table(lines)
    rng, n, cells = np.random.default_rng(0), size(600), 400
    gmst, there = rng.normal(1, 1, n), rng.normal(2, 1, 86)
    field, reference = (one[:, None] + rng.standard_normal((len(one), cells)) for one in (gmst, there))
    with stopwatch() as fast:
        found = influence(gmst, field, there, reference, np.ones(cells), Progress())
    with stopwatch() as slow:
        expected = one_by_one(gmst, field, there, reference)
    apart_by = np.abs(found - expected).max()
    print(f"influence of {n} years: {fast[0]:.3f} s, one by one {slow[0]:.2f} s, {apart_by:.1e} apart at most")
    years, n = size(500), size(20)
    fast, slow = (step_of_training(one, years, n) for one in (lambda layer, _: layer, in_three_steps))
    print(f"a step of training on {years} years: {fast:.0f} ms, in three steps {slow:.0f} ms")
