"""A price of simulations for scripts and for people: as plain values, and in sentences."""

from typing import Any

from datasel_core.costs.document import in_words
from datasel_core.costs.interval import Interval
from datasel_core.costs.simulations.price import Price
from datasel_core.costs.simulations.purchase import Bought

SLICES = (
    "A slice begins from a state that its run would not have had: it is for models with prescribed oceans, or for a "
    "spin-up that is long enough."
)
ARCHIVE = "The runs have to be there already: from an archive nothing is simulated."
RESTARTS = "The files to restart from at the branch points are taken to be there."
CERTAIN = "No range says how sure these rates are, so low, middle and high are the same."


def plain(found: Price) -> dict[str, Any]:
    """JSON values."""
    bought = found.bought
    return {
        "purchase": bought.purchase,
        "years": {name: getattr(bought, name) for name in ("kept", "simulated", "spin_up", "stored")},
        "core_hours": _numbers(found.core_hours),
        "terabytes": _numbers(found.terabytes),
        "money": _numbers(found.money),
        "currency": found.rates.currency,
        "stretches": [{**vars(one), "years": one.years} for one in bought.stretches],
        "rates": found.rates.plain(),
        "sentence": sentence(found),
        "notes": notes(found),
    }


def sentence(found: Price) -> str:
    """`20 scattered years are bought as 2 whole runs: 251 years are simulated ...; 502,000 core-hours, 251 TB.`"""
    amounts = [_amount(found.core_hours, "core-hours"), _amount(found.terabytes, "TB")]
    if found.money is not None:
        amounts.append(in_words(found.money, found.rates.currency or "in money"))
    return "; ".join(filter(None, [_what(found.bought), ", ".join(filter(None, amounts))])) + "."


def notes(found: Price) -> list[str]:
    """What has to be known in order to believe it."""
    purchase, said = found.bought.purchase, []
    if purchase == "run" and not found.bought.spin_up and not _has_ancestors(found.bought):
        said.append(RESTARTS)
    said += {"time_slice": [SLICES], "archive": [ARCHIVE]}.get(purchase, [])
    rates = [rate for rate in (found.core_hours, found.terabytes, found.money) if rate is not None]
    if rates and all(one.is_point for one in rates):
        said.append(CERTAIN)
    return said


def lines(found: Price) -> list[str]:
    """The sentence, and what is bought, stretch by stretch."""
    return [sentence(found), *(_stretch(one) for one in found.bought.stretches)]


def _what(bought: Bought) -> str:
    kept, spin_up = _years(bought.kept), f", {_years(bought.spin_up)} of them spin-up" if bought.spin_up else ""
    if bought.purchase == "archive":
        return f"{kept} {_is(bought.kept)} taken from an archive, one by one"
    if bought.purchase == "time_slice":
        n = len(bought.stretches)
        slices = "1 slice" if n == 1 else f"{n} slices"
        return f"{kept} in {slices}: {_years(bought.simulated)} {_is(bought.simulated)} simulated{spin_up}"
    runs = "1 whole run" if bought.runs == 1 else f"{bought.runs} whole runs"
    scattered = "scattered " if bought.simulated > bought.kept and bought.kept > 1 else ""
    many = kept.replace(" ", f" {scattered}", 1)
    more = bought.simulated / bought.kept
    times = f", {more:.3g} times as many as are kept" if more > 1 else ", no more than are kept"
    return (
        f"{many} {_is(bought.kept)} priced as {runs}, from the branch point to the last year that is kept: "
        f"{_years(bought.simulated)} {_is(bought.simulated)} simulated{spin_up}{times}"
    )


def _amount(many: Interval[float] | None, unit: str) -> str:
    """Exact amounts as they are: whole ones need no cents."""
    if many is None:
        return ""
    if not many.is_point:
        return in_words(many, unit)
    return f"{many.mid:,.0f} {unit}" if many.mid >= 100 or many.mid == round(many.mid) else f"{many.mid:.3g} {unit}"


def _has_ancestors(bought: Bought) -> bool:
    return any(not one.kept for one in bought.stretches)


def _stretch(one: Any) -> str:
    spin_up = f" after {_years(one.spin_up)} of spin-up" if one.spin_up else ""
    kept = f"{one.kept} of {_years(one.years)} kept" if one.kept else f"{_years(one.years)}, to branch from"
    return f"{one.run} {one.first}-{one.last}{spin_up}: {kept}"


def _years(n: int) -> str:
    return "1 year" if n == 1 else f"{n:,} years"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"


def _numbers(found: Interval | None) -> dict[str, float] | None:
    return None if found is None else found.plain()
