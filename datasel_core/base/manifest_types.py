"""What every part of a manifest must be; a manifest that came from elsewhere may hold anything."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    """Of a manifest: what the program reads of it. There may be more, which a later version wrote."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Feature(_Part):
    id: str
    key: str = ""
    column: str = ""
    fingerprint: str = ""
    params: dict[str, Any] = {}


class _Pool(_Part):
    name: str
    kind: str
    n: int = Field(ge=0)
    fingerprint: str


class _SetAside(_Part):
    n: int
    ids_sha256: str


class _Target(_Pool):
    features: dict[str, _Feature]
    holdout: _SetAside | None = None


class _Method(_Part):
    id: str
    version: int
    params: dict[str, Any]


class _Budget(_Part):
    requested: str
    granted: int
    unit: str


class _Earlier(_Part):
    n: int
    ids_sha256: str
    aside: int = 0


class _Unreadable(_Part):
    id: str
    reason: str


class _Result(_Part):
    n: int
    ids_sha256: str
    pick_order_sha256: str
    metrics: dict[str, dict[str, Any]]
    facts: dict[str, Any] = {}


class _Manifest(_Part):
    created_utc: str
    datasel_version: str
    pool: _Pool
    target: _Target | None
    features: dict[str, _Feature]
    method: _Method
    budget: _Budget
    seed: int
    within: _Earlier | None
    already: _Earlier | None
    where: str | None
    holdout: dict[str, _SetAside] | None = None
    unreadable: list[_Unreadable]
    result: _Result
    environment: dict[str, str]
    command: str
    files: dict[str, str]
    sha256: str


def wrong(manifest: Mapping[str, Any]) -> str:
    """The first thing in a manifest that is missing or of another type than it must be; nothing where all is right."""
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place, wrong = ".".join(map(str, first["loc"]))[:100], first["msg"].removeprefix("Input ")
        return f"it has no {place}" if first["type"] == "missing" else f"{place}: it {wrong.replace('should', 'must')}"
    return ""
