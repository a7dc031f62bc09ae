"""A selection made of several methods' shares under quotas."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.runs.derivations.derivation import Derivation, derivation
from datasel_core.runs.mixtures.ledgers import ledger
from datasel_core.runs.mixtures.mixing import Ranked, mixed
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.runs.mixtures.room import Quotas

MIXTURE = "mixture"


@derivation(MIXTURE, version=1, title="Mixed recipe")
class Mixture(Derivation):
    """Shares of several methods, under quotas: these are met first, then the shares, by largest remainder."""

    recipe: dict[str, Any] = Field(description="Shares, minima, caps, weights and units.")
    budget: int = Field(ge=1, description="In what the recipe counts: samples, or units.")
    selections: list[dict[str, Any]] = Field(description="The selections that each share came to.")
    within: dict[str, Any] | None = Field(None, description="An earlier selection that was chosen among.")
    short: dict[str, str] = Field({}, description="Share -> why its method could not bring all that was its own.")
    where: str | None = Field(None, description="The condition on what could be chosen.")

    def again(self, tables: Mapping[str, pa.Table]) -> list[str]:
        """From each share's order of preference, and what there was of each group and bin."""
        recipe = Recipe(**self.recipe)
        cells = {name: tables["cells"][name].to_numpy() for name in ("group", "bin", "size", "there")}
        group, bin, size = (np.repeat(cells[name], cells["there"]) for name in ("group", "bin", "size"))
        least, most = (tables["groups"][name].to_numpy() for name in ("least", "most"))
        quotas = Quotas(least, most, tables["bins"]["cap"].to_numpy())
        names = sorted((name for name in tables if name.startswith("ranked-")), key=lambda name: int(name[7:]))
        orders = [tables[name] for name in names]
        turns = [
            (int(one["share"][0].as_py()) if len(one) else 0,
             Ranked(*(one[name].to_numpy() for name in ("thing", "cell", "size"))))
            for one in orders
        ]  # fmt: skip
        parts = [share.exact for share in recipe.shares]
        taken = mixed(ledger(group, bin, size, quotas, self.budget, recipe.is_purse), parts, turns)
        ids: dict[int, list[str]] = {}
        if recipe.unit is not None:
            for thing, id in zip(*(tables["members"][name].to_pylist() for name in ("thing", "id")), strict=True):
                ids.setdefault(thing, []).append(id)
        else:
            for one in orders:
                ids |= {t: [id] for t, id in zip(one["thing"].to_pylist(), one["id"].to_pylist(), strict=True)}
        return [id for thing, _ in taken for id in ids[thing]]

    def parts(self) -> list[Mapping[str, Any]]:
        return [*self.selections, *([self.within] if self.within else [])]

    def called(self, budget: int | str) -> str:
        names = [str(one["method"]).replace("_", "-") for one in self.recipe["shares"]]
        return f"{' + '.join(dict.fromkeys(names))}, {budget}"

    def words(self) -> str:
        """`70 % Facility location, 30 % TSDS (failures); at least 5 per group`."""
        return Recipe(**self.recipe).words()
