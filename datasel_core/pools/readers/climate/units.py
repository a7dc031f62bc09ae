"""Units of climate variables: which are known, what they are turned into, and whether values fit them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput

_SECONDS = 86400.0


@dataclass(frozen=True)
class Quantity:
    """unit: in which values are kept. spelled: how files write a unit, and what turns it into that one. low, high:
    between which the mean over the Earth must lie, whatever the year. least, most: the same of each cell.
    """

    name: str
    unit: str
    spelled: dict[str, Callable[[np.ndarray], np.ndarray]]
    low: float
    high: float
    least: float
    most: float


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _from_celsius(values: np.ndarray) -> np.ndarray:
    return values + 273.15


def _a_day(values: np.ndarray) -> np.ndarray:
    return values * _SECONDS


_CELSIUS = ("degc", "c", "celsius", "degreesc", "degreec", "degreescelsius", "degreecelsius", "degcelsius")
_TEMPERATURE = Quantity(
    "a temperature",
    "K",
    {"k": _same, "kelvin": _same, "degk": _same, **dict.fromkeys(_CELSIUS, _from_celsius)},
    150.0,
    400.0,
    100.0,
    500.0,
)
_WATER = Quantity(
    "a flux of water",
    "mm day-1",
    {"kgm-2s-1": _a_day, "mms-1": _a_day, "mmday-1": _same, "mmd-1": _same, "kgm-2day-1": _same, "kgm-2d-1": _same},
    -50.0,
    50.0,
    -500.0,
    500.0,
)
_HEAT = Quantity("a flux of heat", "W m-2", {"wm-2": _same}, -1000.0, 1000.0, -990.0, 1500.0)
QUANTITIES = (_TEMPERATURE, _WATER, _HEAT)
_RAIN = (0.3, 30.0)
"""mm a day between which the mean precipitation of the Earth must lie: a wrong unit is off by 86,400."""
_OF = {
    **dict.fromkeys(("tas", "tasmax", "tasmin", "ts", "tos", "ta"), _TEMPERATURE),
    **dict.fromkeys(("pr", "prsn", "prc", "evspsbl", "mrro"), _WATER),
    **dict.fromkeys(("hfds", "hfls", "hfss", "rsdt", "rsut", "rlut", "rsds", "rsus", "rlds", "rlus"), _HEAT),
}


@dataclass(frozen=True)
class Unit:
    """written: as the file has it. unit: in which values are kept. change: turns the one into the other."""

    written: str
    quantity: Quantity
    change: Callable[[np.ndarray], np.ndarray]

    @property
    def unit(self) -> str:
        return self.quantity.unit

    @property
    def is_changed(self) -> bool:
        return self.change is not _same


def unit_of(variable: str, written: str | None, file: str, given: str | None = None) -> Unit:
    """given: what a person says where the file says nothing. Raises BadInput."""
    said = str(written).strip() if written is not None else ""
    said = said or (given or "").strip()
    quantity = _OF.get(variable)
    if not said:
        right = quantity.unit if quantity else "K"
        raise BadInput(f"{file}: {variable} has no units; where they are {right}, say --option units='{right}'.")
    found = next((one for one in QUANTITIES if _plain(said) in one.spelled), None)
    if found is None:
        raise BadInput(f"{file}: the units of {variable} are {said[:40]!r}; known are {_known()}.")
    if quantity is not None and quantity is not found:
        raise BadInput(f"{file}: the units of {variable} are {said!r}, but it is {quantity.name}, in {_of(quantity)}.")
    return Unit(said, found, found.spelled[_plain(said)])


def check_plausible(variable: str, unit: Unit, mean: np.ndarray, file: str) -> None:
    """mean: (years,) over the Earth, in the unit that is kept. Raises BadInput where the file's cannot be right."""
    low, high = _RAIN if variable == "pr" else (unit.quantity.low, unit.quantity.high)
    wrong = mean[np.isfinite(mean) & ((mean < low) | (mean > high))]
    if len(wrong):
        raise BadInput(
            f"{file}: {variable} is said to be in {unit.written}, which makes its mean over the Earth "
            f"{wrong[0]:.4g} {unit.unit}; its units must be others, or these are anomalies already."
        )


def check_cells(variable: str, unit: Unit, values: np.ndarray, written: np.ndarray, file: str) -> None:
    """values: (steps, cells) in the unit that is kept, NaN where a cell has none. written: the same as the file has
    them. Raises BadInput where some are no values but marks of what is missing that nobody declared, such as -9999;
    where most are, it is the unit that is wrong (`check_plausible`).
    """
    quantity = unit.quantity
    wrong = written[(values < quantity.least) | (values > quantity.most)]
    if 0 < len(wrong) < np.isfinite(values).sum() / 2:
        raise BadInput(
            f"{file}: {variable} is {wrong[0]:g} {unit.written} in some cells, which no climate has; where that marks "
            "what is missing, its file must say so (_FillValue)."
        )


def _plain(said: str) -> str:
    """`W/m^2`, `W m**-2` and `W m-2` as one."""
    text = said.lower().replace("°", "deg").replace("**", "").replace("^", "").replace("_", "")
    first, *others = text.split("/")
    below = [one.strip() for one in others]
    tail = "".join(
        one if "-" in one else f"{one[:-1]}-{one[-1]}" if one[-1:].isdigit() else f"{one}-1" for one in below
    )
    return "".join(f"{first}{tail}".replace(".", " ").split())


def _known() -> str:
    return "K and degC, kg m-2 s-1 and mm day-1, W m-2"


def _of(quantity: Quantity) -> str:
    return {"K": "K or degC", "mm day-1": "kg m-2 s-1 or mm day-1"}.get(quantity.unit, quantity.unit)
