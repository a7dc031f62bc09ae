"""What a derivation is: how a selection was made of other selections, or of what people said, and not by one method.

Its fields are what decides it. They stand in the manifest where those of a method would, so that a selection that was
derived is listed, verified, run again, compared and exported like any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasel_core.base.declare import Declared
from datasel_core.base.registry import declares, every
from datasel_core.errors import BadInput, BadParameter

derivation = declares("derivation")


class Derivation(Declared):
    """Subclasses implement `again`, and `parts` where they build on other selections."""

    def what(self) -> dict[str, Any]:
        """As a manifest says it; fields may be called otherwise there."""
        return {"id": self.id, "version": self.version, "params": self.model_dump(mode="json", by_alias=True)}

    def again(self, tables: Mapping[str, pa.Table]) -> list[str]:
        """The ids in pick order, made anew. tables: what lies beside the manifest, by name without `.parquet`.
        Raises KeyError or ArrowException where they do not hold what they must.
        """
        raise TypeError(f"{type(self).__name__} must implement again.")

    def parts(self) -> Sequence[Mapping[str, Any]]:
        """The selections that it builds on: each has `ids_sha256`. Nothing of them is deleted while it is there."""
        return ()

    def called(self, budget: int | str) -> str:
        """What a selection made so is called by default."""
        return f"{self.title}, {budget}"

    def words(self) -> str:
        """What it was made of, for people: `union of 300 by CLIPScore and 200 by random`."""
        return self.title


def is_derived(method: Mapping[str, Any]) -> bool:
    """method: as a manifest has it."""
    return method["id"] in every("derivation")


def derivation_of(method: Mapping[str, Any]) -> Derivation | None:
    """How a selection was derived; None where a method chose it. method: as a manifest has it. Raises BadInput where
    its parameters are not those of the derivation.
    """
    cls = every("derivation").get(method["id"])
    if cls is None:
        return None
    try:
        return cls(**method["params"])
    except BadParameter as error:
        raise BadInput(f"The manifest's {method['id']} is damaged: {error}") from None
