"""What an emulator is fitted to, checked once: fields, the driver, weights of cells and of years, whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from datasel_core.errors import BadInput, BadParameter, UnknownName

Weighting = Literal["years", "scenarios", "scenario_years"]
WEIGHTINGS = {
    "years": "each year of each member counts once",
    "scenarios": "each scenario counts once, however many years and members it has",
    "scenario_years": "each year of a scenario counts once, however many members it has",
}
"""How scenarios are weighed against one another, in words."""


@dataclass(frozen=True)
class Training:
    """fields: (years, cells) float64, anomalies in the unit of the variable; NaN in cells without data. driver: (years,
    drivers) float64, such as global-mean temperature in K. weight: (cells,) float64, shares of area that add to 1; 0
    where there are no data. known: (cells,) bool. scenario, member: (years,) names. year: (years,) calendar years.
    """

    fields: np.ndarray
    driver: np.ndarray
    weight: np.ndarray
    known: np.ndarray
    scenario: np.ndarray
    member: np.ndarray
    year: np.ndarray

    @classmethod
    def of(
        cls,
        fields: np.ndarray,
        driver: np.ndarray,
        weight: np.ndarray,
        scenario: Sequence[str] | None = None,
        member: Sequence[str] | None = None,
        year: Sequence[int] | None = None,
    ) -> Self:
        """Without names all years are of one run, in order. Raises BadInput."""
        fields = np.asarray(fields, np.float64)
        if fields.ndim != 2 or not fields.size:
            raise BadInput(f"The fields have the shape {fields.shape}; they must be years by cells.")
        years = len(fields)
        weight = np.asarray(weight, np.float64)
        if weight.shape != fields.shape[1:]:
            raise BadInput(
                f"There are {fields.shape[1]:,} cells and weights of shape {weight.shape}; one each is needed."
            )
        known = ~np.isnan(fields).all(axis=0)
        if (partly := int((~np.isfinite(fields[:, known])).any(axis=0).sum())) or not known.any():
            what = f"{partly:,} cells have no number in some years" if known.any() else "No cell has a number"
            raise BadInput(f"{what}; a cell must be finite in every year, or NaN in all of them.")
        if not (np.isfinite(weight[known]).all() and (weight[known] >= 0).all() and weight[known].any()):
            raise BadInput("The weights of cells must be finite areas of at least 0, not all of them 0.")
        shares = np.where(known, weight, 0.0)
        return cls(
            fields=fields,
            driver=columns(driver, years),
            weight=shares / shares.sum(),
            known=known,
            scenario=_names(scenario, years, "scenario"),
            member=_names(member, years, "member"),
            year=np.arange(years) if year is None else _counted(np.asarray(year), years),
        )

    def years_weight(self, how: Weighting = "years") -> np.ndarray:
        """(years,) float64 that add to 1. Raises UnknownName."""
        if how not in WEIGHTINGS:
            raise UnknownName("weighting", how, WEIGHTINGS)
        if how == "years":
            return np.full(len(self.year), 1 / len(self.year))
        keys = [self.scenario] if how == "scenarios" else [self.scenario, self.year.astype(str)]
        _, group, many = np.unique(np.stack(keys), axis=1, return_inverse=True, return_counts=True)
        found = 1 / many[group.ravel()]
        return found / found.sum()

    def filled(self, found: np.ndarray) -> np.ndarray:
        """(..., cells): numbers of the known cells, (..., known), at their places; NaN in the others."""
        whole = np.full((*found.shape[:-1], len(self.known)), np.nan)
        whole[..., self.known] = found
        return whole


def columns(driver: np.ndarray, years: int | None = None, drivers: int | None = None) -> np.ndarray:
    """(years, drivers) float64 of a driver of shape (years,) or (years, drivers). Raises BadInput where it does not fit
    or is not finite.
    """
    found = np.asarray(driver, np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or not found.size or (years is not None and len(found) != years):
        wanted = "years" if years is None else f"{years:,} years"
        raise BadInput(f"The driver has the shape {np.shape(driver)}; it must be {wanted}, or {wanted} by drivers.")
    if drivers is not None and found.shape[1] != drivers:
        raise BadInput(f"The driver has {found.shape[1]} columns; the emulator was fitted to {drivers}.")
    if not np.isfinite(found).all():
        raise BadInput(f"The driver is not finite in {int((~np.isfinite(found)).any(axis=1).sum()):,} years.")
    return found


def slopes(design: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(columns, cells): the weighted least-squares coefficients of `values` (years, cells) on `design` (years,
    columns). Raises BadInput where the columns do not determine them.
    """
    root = np.sqrt(weight / weight.max())[:, None]
    scale = np.abs(design).max(axis=0)
    scaled = design / np.where(scale > 0, scale, 1.0)  # so that the rank does not hang on units
    found, _, rank, _ = np.linalg.lstsq(scaled * root, values * root, rcond=1e-10)
    if rank < design.shape[1]:
        raise BadInput(
            f"{len(design):,} years determine {rank} of {design.shape[1]} coefficients: a driver is constant, follows "
            "from the others, or there are too few years; take other years or fewer drivers."
        )
    return found / scale[:, None]


def check_members(members: int) -> None:
    """Raises BadParameter."""
    if members < 1:
        raise BadParameter(f"members is {members}; it must be at least 1.")


def _names(given: Sequence[str] | None, years: int, what: str) -> np.ndarray:
    found = np.full(years, "") if given is None else np.asarray(given).astype(str)
    if found.shape != (years,):
        raise BadInput(f"There are {years:,} years and a {what} of shape {found.shape}; one each is needed.")
    return found


def _counted(year: np.ndarray, years: int) -> np.ndarray:
    if year.shape != (years,) or year.dtype.kind not in "iu":
        raise BadInput(f"There are {years:,} fields and years of shape {year.shape}; one whole number each is needed.")
    return year.astype(np.int64)
