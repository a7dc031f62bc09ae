"""What is enough, in sentences with one number each."""

from collections.abc import Mapping
from typing import Any

from datasel_core.costs.enough import classes, extrapolation
from datasel_core.costs.enough.answer import reach_of
from datasel_core.costs.enough.classes import Class
from datasel_core.errors import UnknownName


def percent(share: float) -> str:
    """`78 %`."""
    return f"{100 * share:.0f} %"


def random_share(reach: Mapping[str, Any], of: int) -> str:
    """`a random 400 (43 %)`."""
    return f"a random {reach['random']:,} ({percent(reach['random'] / of)})"


def interval(low: float | None, high: float | None, most: float) -> str:
    """`95 to 140`; beyond what was looked at: `more than 150`."""
    if low is None:
        return f"more than {most:,.0f}"
    return f"{low:,.0f} to {f'more than {most:,.0f}' if high is None else f'{high:,.0f}'}"


def of_method(method: Mapping[str, Any], share: float, of: int) -> str:
    """One line for a method at a share of full labelling."""
    reach, title, knee = reach_of(method, share), method["title"], method.get("knee")
    bent = "no knee: its curve is nearly a straight line" if knee is None else f"its knee is at {knee:,}"
    if reach is None:
        return f"{title}: none of its picks can be measured."
    if reach["n"] is None:
        return (
            f"{title}: its {method['picks']:,} picks do not cover what {random_share(reach, of)} would; choose more to "
            f"see how many do; {bent}."
        )
    between = interval(reach["low"], reach["high"], method["picks"])
    return f"{title}: {reach['n']:,} ({between}) cover what {random_share(reach, of)} would; {bent}."


def learned(said: Mapping[str, Any], ones: str = "samples") -> str:
    """What was measured with the labels that are there."""
    share, n = said["measured"]["mid"][-1], said["labels"]
    return (
        f"With {n:,} labels the {said['probe']} probe names {percent(share)} of {said['held']:,} held-out {ones} "
        f"rightly (of others {percent(max(0, share - said['other_held']))} to "
        f"{percent(min(1, share + said['other_held']))})."
    )


def further(said: Mapping[str, Any], n: int) -> str:
    """What an extrapolation says of n labels."""
    if n <= said["labels"]:
        return f"All {n:,} that can be labelled are: the rest is an extrapolation to more than there are."
    if not said["rises"]:
        least, most = said["measured"]["n"][0], said["labels"]
        return f"More labels do not help by this probe: from {least:,} to {most:,} labels it does not get better."
    times, most = n / said["labels"], said["n"][-1]
    if n > most:
        return (
            f"{n:,} labels are {times:.0f} times those there are; an extrapolation reaches {said['reach']} times, to "
            f"{most:,}."
        )
    low, mid, high = extrapolation.at(said["n"], said["low"], said["mid"], said["high"], n)
    return (
        f"An extrapolation to {n:,} labels, {times:.1f} times as many: {percent(mid)} ({percent(low)} to "
        f"{percent(high)})."
    )


def wished(said: Mapping[str, Any], wish: float) -> str:
    """How many labels a wished share takes."""
    share = said["measured"]["mid"][-1]
    if share >= wish:
        return f"{percent(wish)} is reached already: with {said['labels']:,} labels it is {percent(share)}."
    if not said["rises"]:
        return f"{percent(wish)} is not in reach: more labels do not help by this probe."
    low, mid, high = extrapolation.needed(said["n"], said["low"], said["mid"], said["high"], wish)
    most = said["n"][-1]
    if low is None:
        return f"{percent(wish)} is not in reach: an extrapolation to {most:,} labels ends below it."
    whole = f"more than {most:,}" if mid is None else f"about {mid:,.0f}"
    return f"{percent(wish)} takes {whole} labels ({interval(low, high, most)}), by extrapolation."


def class_of(said: Mapping[str, Any], name: str | None) -> Class:
    """The class with this name, the rarest where none is named. Raises UnknownName."""
    counts = said["counts"]
    if name is not None and name not in counts:
        raise UnknownName(f"class of the column {said['column']}", name, counts)
    name = next(iter(counts)) if name is None else name
    return Class(name, counts[name], said["labelled"], said["of"])


def of_class(of: Class, wanted: int, sure: float = classes.CHANCE) -> str:
    """How many must be drawn at random for at least so many of a class."""
    n = classes.smallest(of, wanted, sure)
    there = (
        f"{of.seen:,} of {of.of:,} are {of.name}"
        if of.is_known
        else f"{of.seen:,} of {of.labelled:,} labelled are {of.name}, and count"
    )
    if n is None:
        most = percent(float(classes.chance(of, wanted, of.most)))
        return (
            f"At least {wanted:,} of {of.name}: not to be had with this chance; all {of.most:,} give {most} ({there})."
        )
    return f"At least {wanted:,} of {of.name}: {percent(sure)} sure from {n:,} drawn at random ({there}; {of.law})."


def in_selection(selection: Mapping[str, Any], name: str) -> str:
    """What a kept selection has of a class."""
    unknown = selection["picks"] - selection["labelled"]
    rest = f", and {unknown:,} without a label" if unknown else ""
    return (
        f"The {selection['picks']:,} of {selection['title']} have {selection['counts'].get(name, 0):,} of {name}{rest}."
    )
