"""The scripts that go with an exported emulator: they need numpy and xarray, and nothing of this program."""

PREDICT = '''"""Mean fields of emulator.nc: python use_emulator.py driver.csv fields.nc

driver.csv has a line a year and in it a number for each driver, in the order and units of `driver` in emulator.nc.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

emulator = xr.open_dataset(Path(__file__).with_name("emulator.nc"))
driver = np.loadtxt(sys.argv[1], delimiter=",", ndmin=2)
field = emulator.intercept.values + driver @ emulator.slope.values
unit = {"units": emulator.intercept.units}
xr.Dataset({"field": (("year", "cell"), field, unit)}, emulator[["lat", "lon"]].coords).to_netcdf(sys.argv[2])
'''
DRAW = '''"""Years that could have been, of emulator.nc: python draw_members.py driver.csv members.nc MEMBERS SEED

driver.csv has a line a year: the forced global mean in K. What follows after a comma is not read.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr


def process(noise, intercept, coefficients, spin_up):
    """An autoregression that starts at 0, without the years in which it settles."""
    x = intercept + noise
    for t in range(1, len(x)):
        for lag, coefficient in enumerate(coefficients[:t], 1):
            x[t] += coefficient * x[t - lag]
    return x[spin_up:]


e = xr.open_dataset(Path(__file__).with_name("emulator.nc"))
forced = np.loadtxt(sys.argv[1], delimiter=",", ndmin=2)[:, 0]
rng, cells = np.random.default_rng(int(sys.argv[4])), e.covariance_cell.values
root = np.linalg.cholesky(e.noise_covariance.values)
field = np.full((int(sys.argv[3]), len(forced), e.sizes["cell"]), np.nan)
for member in field:
    spin_up = e.attrs["global_spin_up_years"]
    noise = np.sqrt(e.global_variance.values) * rng.standard_normal(spin_up + len(forced))
    globe = process(noise, e.global_intercept.values, e.global_coefficient.values, spin_up)
    spin_up = e.attrs["local_spin_up_years"]
    noise = rng.standard_normal((spin_up + len(forced), len(cells))) @ root.T
    left = process(noise, e.local_intercept.values[cells], [e.local_coefficient.values[cells]], spin_up)
    member[:] = e.intercept.values + np.column_stack([forced, globe]) @ e.slope.values
    member[:, cells] += left
unit = {"units": e.intercept.units}
xr.Dataset({"field": (("member", "year", "cell"), field, unit)}, e[["lat", "lon"]].coords).to_netcdf(sys.argv[2])
'''
