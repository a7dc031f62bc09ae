"""Which run to buy next, with its price: ranked by the patterns of the energy balance demo, a guess about a real model.

`analysis/climate/next_run` says by how much a run is expected to lower the error; here the runs are those of a pool,
and those that could be bought beside them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from datasel_core.analysis.climate import next_run
from datasel_core.analysis.climate.mini_climate import SCENARIOS, MiniClimate
from datasel_core.costs.simulations import document
from datasel_core.costs.simulations.price import Rates, price
from datasel_core.costs.simulations.purchase import bought
from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.errors import BadRequest, UnknownName

GUESS = (
    "Ranked by the patterns and the weather of the synthetic energy balance demo, not by those of this model: a guess, "
    "as good as the demo resembles it."
)
_LAGS = 260
"""Years between which weather of one run may be alike: a past and a future together."""


def ranked(
    owned: Sequence[str],
    offered: Sequence[str],
    target: str,
    reference: str,
    size: int,
    measure: next_run.Measure,
    period: tuple[int, int],
    rates: Rates,
) -> dict[str, Any]:
    """Plain values, the best first. owned, offered: runs as scenario/member, of scenarios that the demo has. target,
    reference: scenarios. Raises BadRequest.
    """
    climate = MiniClimate()
    training, candidates = ([_known(climate, one) for one in names] for names in (owned, offered))
    aims = [_known(climate, f"{one}/judge") for one in (reference, target)]
    noise = climate.autocovariance(_LAGS)
    found = next_run.rank(
        training,
        candidates,
        aims[:1],
        aims[1:],
        climate.weight,
        noise,
        next_run.DEMO_DRIVER,
        n_runs=size,
        measure=measure,
        period=period,
    )
    before = [next_run.expected(training, [one], climate.weight, noise, period) for one in aims]
    known = {one.name: one for one in candidates}
    return {
        "before": dict(zip(("reference", "target"), (one.of(measure) for one in before), strict=True)),
        "ranks": [
            {
                "runs": list(one.runs),
                "gain": one.gain,
                "reference": one.reference.of(measure),
                "target": one.target.of(measure),
                "target_gain": one.target_gain,
                "years": one.years,
                "price": _priced([known[name] for name in one.runs], rates),
                "words": one.words,
            }
            for one in found
        ],
        "driver": next_run.DEMO_DRIVER,
        "guess": GUESS,
    }


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Runs of scenarios that the demo has, and the others."""
    there = [one for one in names if scenario_of(one) in SCENARIOS]
    return there, [one for one in names if one not in there]


def candidates(owned: Sequence[str], pool: Sequence[str], taken: Sequence[str], only: Sequence[str] = ()) -> list[str]:
    """Of each scenario of the demo the first member that is not owned: of those that the pool names, else a new one.

    owned, pool: runs as scenario/member. taken: scenarios that judge. only: scenarios, all by default. Raises
    UnknownName, BadRequest.
    """
    for one in only:
        if one not in SCENARIOS:
            raise UnknownName("scenario", one, SCENARIOS)
        if one in taken:
            raise BadRequest(f"{one} judges what is bought, so it cannot be bought itself; offer other scenarios.")
    members = list(dict.fromkeys(one.rpartition("/")[2] for one in pool))
    new = next(name for at in range(1, len(members) + 2) if (name := f"r{at}i1p1f1") not in members)
    return [
        next(run for member in [*members, new] if (run := f"{scenario}/{member}") not in owned)
        for scenario in (only or SCENARIOS)
        if scenario not in taken
    ]


def _known(climate: MiniClimate, run: str) -> next_run.Known:
    scenario, _, member = run.rpartition("/")
    return replace(next_run.known(climate, scenario, 1), member=member)


def _priced(runs: Sequence[next_run.Known], rates: Rates) -> dict[str, Any]:
    years = [(one.scenario, one.member, year) for one in runs for year in one.year.tolist()]
    found = price(bought(years, "run", {one.name: int(one.year[0]) for one in runs}), rates)
    said = document.plain(found)
    return {name: said[name] for name in ("core_hours", "terabytes", "money", "currency", "rates", "sentence")}
