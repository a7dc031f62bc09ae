"""The covariance of what is left in the cells: estimated, localised, and turned into that of innovations.

Localisation: Gaspari & Cohn 1999, Quarterly Journal of the Royal Meteorological Society 125, 723-757, equation 4.10.
Its radius by cross-validation: Beusch, Gudmundsson & Seneviratne 2020, Earth System Dynamics 11, 139-159, section 3.3.
Innovations: Cressie & Wikle 2011, Statistics for Spatio-Temporal Data, section 6.4; Humphrey & Gudmundsson 2019, Earth
System Science Data 11, 1153-1170.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput, BadParameter, Failed

RADII = tuple(500 * at for at in range(1, 25))
"""km that are tried."""
FOLDS = 30


@dataclass(frozen=True)
class Radius:
    """km: the radius that was found. radii, losses: those that were tried, in order, and the negative log-likelihood
    of what was left out; inf where the covariance had no inverse. at_end: whether it is the first or last on offer, so
    that there may be a better one beyond.
    """

    km: float
    radii: tuple[float, ...]
    losses: tuple[float, ...]
    at_end: bool


def distances(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """(cells, cells) km along the WGS84 ellipsoid. latitude, longitude: (cells,) degrees. Raises BadInput."""
    from pyproj import Geod

    latitude, longitude = np.asarray(latitude, np.float64), np.asarray(longitude, np.float64)
    if latitude.shape != longitude.shape or latitude.ndim != 1 or not (np.abs(latitude) <= 90).all():
        raise BadInput("Latitudes and longitudes must be one each per cell, in degrees, latitudes from -90 to 90.")
    here, there = np.meshgrid(np.arange(len(latitude)), np.arange(len(latitude)))
    metres = Geod(ellps="WGS84").inv(longitude[here], latitude[here], longitude[there], latitude[there])[2]
    return metres / 1000


def gaspari_cohn(r: np.ndarray) -> np.ndarray:
    """The fifth-order piecewise rational function of a distance over the radius: 1 at 0, 0 from 2 on."""
    r = np.abs(np.asarray(r, np.float64))
    near = 1 + r**2 * (-5 / 3 + r * (5 / 8 + r * (1 / 2 - r / 4)))
    far = np.clip(r, 1, 2)
    outer = 4 - 5 * far + 5 / 3 * far**2 + 5 / 8 * far**3 - far**4 / 2 + far**5 / 12 - 2 / (3 * far)
    return np.where(r < 1, near, np.where(r < 2, outer, 0.0))


def covariance(residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(cells, cells) weighted covariance about the mean, unbiased for equal weights. residual: (years, cells). weight:
    (years,); only their ratios count.
    """
    return np.atleast_2d(np.cov(residual, rowvar=False, aweights=weight))


def radius(
    residual: np.ndarray,
    weight: np.ndarray,
    distance: np.ndarray,
    radii: Sequence[float] = RADII,
    folds: int = FOLDS,
) -> Radius:
    """The first radius, from small to large, beyond which years left out become less likely (the last, if none does).
    A fold is every 30th year, from the first, the second, ... on. Raises BadParameter.
    """
    radii = tuple(float(one) for one in radii)
    if not radii or min(radii) <= 0 or any(one >= two for one, two in zip(radii, radii[1:], strict=False)):
        raise BadParameter(f"The radii are {radii}; they must be lengths above 0 in km, from small to large.")
    parts, folds = [], min(folds, len(residual))
    for fold in range(folds):
        out = np.zeros(len(residual), bool)
        out[fold::folds] = True
        parts.append((covariance(residual[~out], weight[~out]), residual[out], weight[out] / weight.mean()))
    losses: list[float] = []
    for one in radii:
        taper = gaspari_cohn(distance / one)
        losses.append(float(sum(_loss(whole * taper, left, shares) for whole, left, shares in parts)))
        if len(losses) > 1 and losses[-1] > losses[-2]:
            break
    at = int(np.argmin(losses))
    if not np.isfinite(losses[at]):
        raise Failed(
            "No radius gives a covariance with an inverse; some cells vary as one, or not at all: leave them out."
        )
    return Radius(radii[at], radii[: len(losses)], tuple(losses), at in (0, len(radii) - 1))


def innovations(whole: np.ndarray, coefficient: np.ndarray) -> np.ndarray:
    """(cells, cells): D S D with D = diag sqrt(1 - phi^2), the covariance of the noise of AR(1)s with the coefficients
    phi (cells,), so that each cell varies as S says: the coefficient is squared, and S itself is not the noise's.

    Drawn with it, cells i and j covary as S_ij sqrt((1 - phi_i^2)(1 - phi_j^2)) / (1 - phi_i phi_j) (`stationary`), S
    where coefficients are equal. (1 - phi_i phi_j) S_ij would give S itself, but need not be a covariance.
    """
    shrink = np.sqrt(1 - np.square(coefficient))
    return shrink[:, None] * whole * shrink


def stationary(noise: np.ndarray, coefficient: np.ndarray) -> np.ndarray:
    """(cells, cells): the covariance of AR(1)s that noise of this covariance drives: Q_ij / (1 - phi_i phi_j)."""
    return noise / (1 - np.outer(coefficient, coefficient))


def root(noise: np.ndarray) -> np.ndarray:
    """(cells, cells) lower triangular R with R R' = the covariance. Raises Failed where it is none."""
    try:
        return np.linalg.cholesky(noise)
    except np.linalg.LinAlgError:
        raise Failed(
            "The localised covariance has no root: some cells vary as one, or not at all; leave them out, or take a "
            "smaller radius."
        ) from None


def _loss(whole: np.ndarray, left: np.ndarray, weight: np.ndarray) -> float:
    """Negative log-likelihood of years (n, cells) under a Gaussian about 0, each times its weight."""
    from scipy.linalg import solve_triangular

    try:
        lower = np.linalg.cholesky(whole)
    except np.linalg.LinAlgError:
        return np.inf
    squares = np.square(solve_triangular(lower, left.T, lower=True)).sum(axis=0)
    level = 2 * np.log(np.diag(lower)).sum() + len(whole) * np.log(2 * np.pi)
    return float(weight @ (squares + level)) / 2
