"""Means over the surface of the Earth.

Weights are shares of the area and sum to 1. Public code has averaged cos(lat) of degrees, divided by the number of
cells instead of the sum of weights, and taken weights whose mean is 1 for weights whose sum is; every mean of this
package goes through `area_mean`.
"""

import numpy as np

from datasel_core.errors import BadInput, BadParameter


def latitude_weight(lat: np.ndarray) -> np.ndarray:
    """(cells,) shares of the area, proportional to cos(lat) of each cell's latitude. lat: (cells,) degrees north.

    Right for cells of equal extent in latitude and longitude that are small. Raises BadParameter.
    """
    lat = np.asarray(lat, dtype=np.float64)
    if not (np.isfinite(lat).all() and np.abs(lat).max(initial=0) <= 90):
        raise BadParameter("A latitude is missing or beyond 90; latitudes are degrees north, from -90 to 90.")
    return normalised(np.cos(np.deg2rad(lat)))


def normalised(weight: np.ndarray) -> np.ndarray:
    """(cells,) float64, the same divided by their sum. Raises BadParameter."""
    weight = np.asarray(weight, dtype=np.float64)
    if weight.ndim != 1 or not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise BadParameter("Weights of cells must be one number of at least 0 for each cell, and not all 0.")
    return weight / weight.sum()


def cells_there(fields: np.ndarray) -> np.ndarray:
    """(cells,) bool: which have values. fields: (..., cells).

    A cell that is NaN throughout (land, where a variable is of the ocean) has none. Raises BadInput where a cell has
    gaps at some times only: their means would be of other cells each year.
    """
    known = np.isfinite(fields).reshape(-1, fields.shape[-1])
    always, ever = known.all(axis=0), known.any(axis=0)
    if (holes := int((ever & ~always).sum())) or not ever.any():
        what = f"{holes} of {len(ever)} cells have gaps at some times only" if holes else "No cell has a value"
        raise BadInput(f"{what}; give fields in which a cell is there always or never, and one at least is there.")
    return always


def area_mean(fields: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(...,) float64 means over the cells that are there, with their weights divided by their sum.

    fields: (..., cells). weight: (cells,) at least 0, on any scale. Raises BadInput, BadParameter.
    """
    fields = np.asarray(fields)
    if fields.shape[-1:] != np.shape(weight):
        raise BadInput(f"Fields have {fields.shape[-1]} cells and weights {np.size(weight)}; they must be of one grid.")
    there = cells_there(fields)
    return fields[..., there].astype(np.float64) @ normalised(np.asarray(weight)[there])
