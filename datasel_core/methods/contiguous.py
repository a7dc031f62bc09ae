"""Years in a row, as a simulation gives them."""

from typing import ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.errors import BadParameter
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("contiguous", version=1, title="Years in a row")
class Contiguous(Method):
    """The years of a run one after the other, from its first on or from one that is named; then those of the next run.
    The only choice that a simulation can be stopped for; the first years of a run say little of its last.

    Runs follow one another as in the pool, and after the last comes the first. --where narrows the choice to one run,
    as in scenario = 'ssp585'.
    """

    needs: ClassVar = ("run", "year")
    prefix: ClassVar = True
    cost: ClassVar = "Nothing: it sorts the years of each run."
    avoid: ClassVar = "When years of an archive can be bought one by one: years in a row resemble one another."
    because: ClassVar = "the year {year:.0f} comes next in its run"

    first: int | None = Field(
        None,
        ge=0,
        description=(
            "Number of the sample, counted from 0, that the stretch begins with. Move it to buy the end of a run, or "
            "another run, instead. Left empty, it is the first year of the first run."
        ),
        json_schema_extra=spoken({"none": "the first year of the first run"}),
    )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        inputs.progress.check()
        run, year = (np.asarray(inputs.pool[role], dtype=np.float64) for role in ("run", "year"))
        if self.first is not None and self.first >= inputs.n:
            raise BadParameter(f"first is {self.first}; it must be a row from 0 to {inputs.n - 1}.")
        order = np.lexsort((year, run))
        start = 0 if self.first is None else int(np.flatnonzero(order == self.first)[0])
        order = np.roll(order, -start)
        places = order[~np.isin(order, inputs.already)][:budget]
        return Picks(places, why={"year": year[places]})
