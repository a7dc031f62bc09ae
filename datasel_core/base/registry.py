"""Finds declared things by walking one package per kind, so that adding one edits no other file."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeVar

from datasel_core.base.declare import Declared
from datasel_core.errors import UnknownName

PACKAGES = {
    "method": "datasel_core.methods",
    "feature": "datasel_core.features.encoders",
    "metric": "datasel_core.analysis.metrics",
    "probe": "datasel_core.probes",
    "pool kind": "datasel_core.pools.kinds",
    "export format": "datasel_core.exports",
    "appraisal": "datasel_core.evidence.appraisals",
    "derivation": "datasel_core.runs.derivations",
    "task": "datasel_core.actions",
}

D = TypeVar("D", bound=type[Declared])
_declared: dict[str, dict[str, type[Declared]]] = {kind: {} for kind in PACKAGES}


def declares(kind: str) -> Callable[..., Callable[[D], D]]:
    """The decorator of one kind: `method = declares("method")`, then `@method("k_center", version=1, title="k-center
    greedy")`.
    """

    def decorator(id: str, *, version: int, title: str) -> Callable[[D], D]:
        def declare(cls: D) -> D:
            other = _declared[kind].get(id)
            if other is not None and other.__qualname__ != cls.__qualname__:
                raise TypeError(f"The {kind} {id} is declared twice: {other.__module__} and {cls.__module__}.")
            cls.id, cls.version, cls.title = id, version, title
            _declared[kind][id] = cls
            return cls

        return declare

    return decorator


@functools.cache
def _walk(kind: str) -> None:
    package = importlib.import_module(PACKAGES[kind])
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{PACKAGES[kind]}.{module.name}")


def every(kind: str) -> dict[str, type[Declared]]:
    """All declared things of a kind, by id, in alphabetical order."""
    _walk(kind)
    return dict(sorted(_declared[kind].items()))


def find(kind: str, id: str) -> type[Declared]:
    """The declared thing with this id. Raises UnknownName, naming the nearest."""
    known = every(kind)
    if id not in known:
        raise UnknownName(kind, id, known)
    return known[id]
