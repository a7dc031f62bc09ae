"""A mixed recipe, as plain values: shares of methods, quotas, and what is bought as one."""

import re
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasel_core.base.registry import every, find
from datasel_core.errors import BadRequest

_PARTS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*=\s*(\w+)((?::[^:=]+=[^:]*)*)\s*")
_PER = re.compile(r"\s*(\S+)\s+per\s+(.+?)\s*")


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Share(_Plain):
    """How much of the budget one method brings, in per cent."""

    percent: float = Field(gt=0, le=100)
    method: str
    params: dict[str, Any] = {}
    target: str | None = None
    use: dict[str, str] = {}

    @property
    def exact(self) -> Fraction:
        """As it was written: 33.3 is 333/10."""
        return Fraction(str(self.percent))

    def words(self) -> str:
        known = every("method").get(self.method)
        by = f"{self.percent:g} % {known.title if known else self.method}"
        return f"{by} ({self.target})" if self.target else by


class Quota(_Plain):
    """So many of each value of a column."""

    n: int = Field(ge=0)
    per: str

    def words(self) -> str:
        return f"{self.n:,} per {self.per}"


class Weights(_Plain):
    """How the budget is dealt among the values of a column: by another column, or as given."""

    per: str
    by: str | None = None
    given: dict[str, float] | None = None


class Recipe(_Plain):
    """shares: in the order in which they choose. unit: a column whose values are bought as a whole; the budget then
    counts their samples, or the units. together: quotas count what was chosen earlier, too.
    """

    shares: list[Share]
    at_least: Quota | None = None
    at_most: Quota | None = None
    weights: Weights | None = None
    unit: str | None = None
    counted: Literal["samples", "units"] = "samples"
    together: bool = False

    @property
    def is_purse(self) -> bool:
        """Whether whole units are bought with a budget in samples."""
        return self.unit is not None and self.counted == "samples"

    def check(self) -> "Recipe":
        """Itself, once it makes sense in itself. Raises BadRequest."""
        if not self.shares:
            raise BadRequest("The recipe has no shares; give at least one, such as --share 100%=facility_location.")
        if (total := sum(share.exact for share in self.shares)) != 100:
            raise BadRequest(
                f"The shares ({' + '.join(f'{share.percent:g}' for share in self.shares)}) sum to {float(total):g} %; "
                "they must sum to 100 %."
            )
        least, most = self.at_least, self.at_most
        if least and most and least.per == most.per and least.n > most.n:
            raise BadRequest(f"At least {least.n} and at most {most.n} per {least.per} cannot both be; swap them.")
        if self.counted == "units" and self.unit is None:
            raise BadRequest("The budget counts units, but none is named; say --unit COLUMN.")
        if self.weights and least and self.weights.per != least.per:
            raise BadRequest(
                f"Weights per {self.weights.per} and at least {least.words()} stand on two columns; use one for both."
            )
        if self.is_purse:
            if self.weights:
                raise BadRequest("Weights need a budget in units; add --counted units.")
            if least and most and least.per != most.per:
                raise BadRequest(
                    f"With a budget in samples of whole units, minima and caps must be per one column, not "
                    f"{least.per} and {most.per}; or add --counted units."
                )
        return self

    def words(self) -> str:
        """`70 % Facility location, 30 % TSDS (failures); at least 5 per group`."""
        quotas = [f"at least {self.at_least.words()}"] if self.at_least else []
        quotas += [f"at most {self.at_most.words()}"] if self.at_most else []
        quotas += [f"weights per {self.weights.per}"] if self.weights else []
        quotas += [f"whole units of {self.unit}"] if self.unit else []
        return "; ".join([", ".join(share.words() for share in self.shares), *quotas])


def parse_recipe(values: Any, where: str = "The recipe") -> Recipe:
    """From plain values, such as a JSON file's. Raises BadRequest in one line."""
    if not isinstance(values, dict):
        raise BadRequest(f"{where} must be an object with shares, not {type(values).__name__}.")
    try:
        return Recipe(**values).check()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        known = f" It has: {', '.join(Recipe.model_fields)}." if first["type"] == "extra_forbidden" else ""
        raise BadRequest(f"{where}: {place} is {first['input']!r}: {first['msg']}.{known}") from None


def parse_share(text: str, target: str | None = None) -> dict[str, Any]:
    """`30%=tsds:alpha=0.5:target=failures` as plain values. target: of methods that need one and name none."""
    if (found := _PARTS.fullmatch(text)) is None:
        raise BadRequest(f"--share {text!r} must look like 70%=facility_location, or 30%=tsds:alpha=0.5.")
    params = dict(part.split("=", 1) for part in found[3].split(":")[1:])
    own = params.pop("target", None) or (target if find("method", found[2]).needs_target else None)
    return {"percent": float(found[1]), "method": found[2], "params": params, "target": own}


def parse_quota(text: str, flag: str) -> dict[str, Any]:
    """`5 per group` as plain values."""
    found = _PER.fullmatch(text)
    if found is None or not found[1].isdigit():
        raise BadRequest(f"--{flag} {text!r} must look like '5 per group': a whole number, then a column.")
    return {"n": int(found[1]), "per": found[2]}


def parse_weights(text: str) -> dict[str, Any]:
    """`priority per group`, or `a=2,b=1 per group`, as plain values."""
    found = _PER.fullmatch(text)
    if found is None:
        raise BadRequest(f"--weights {text!r} must look like 'priority per group', or 'a=2,b=1 per group'.")
    if "=" not in found[1]:
        return {"per": found[2], "by": found[1]}
    pairs = dict(one.rsplit("=", 1) for one in found[1].split(",") if "=" in one)
    try:
        return {"per": found[2], "given": {name: float(value) for name, value in pairs.items()}}
    except ValueError:
        raise BadRequest(f"--weights {text!r}: each weight must be a number, such as a=2,b=1 per group.") from None
