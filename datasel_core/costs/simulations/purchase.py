"""What has to be bought so that some simulated years are had: whole runs, slices of them, or years of an archive."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from datasel_core.errors import BadParameter

Purchase = Literal["run", "time_slice", "archive"]
Restarts = Literal["there", "none"]
Year = tuple[str, str, int]
"""Scenario, member and year."""


@dataclass(frozen=True)
class Stretch:
    """Years in a row of one run that are bought together. run: scenario/member. first, last: without the years of
    spin-up, which come before. kept: how many of them are wanted.
    """

    run: str
    first: int
    last: int
    kept: int
    spin_up: int = 0

    @property
    def years(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Bought:
    """What is bought, stretch by stretch. Of an archive nothing is simulated."""

    purchase: Purchase
    stretches: tuple[Stretch, ...]

    @property
    def kept(self) -> int:
        return sum(one.kept for one in self.stretches)

    @property
    def spin_up(self) -> int:
        """Years that are simulated and thrown away."""
        return sum(one.spin_up for one in self.stretches)

    @property
    def stored(self) -> int:
        """Years that are kept on disk: all that are bought, but for spin-up."""
        return sum(one.years for one in self.stretches)

    @property
    def simulated(self) -> int:
        return 0 if self.purchase == "archive" else self.stored + self.spin_up

    @property
    def processed(self) -> int:
        """Years that take core-hours: those that are simulated, or those of an archive that are post-processed."""
        return self.stored if self.purchase == "archive" else self.simulated

    @property
    def runs(self) -> int:
        return len({one.run for one in self.stretches})


def bought(
    kept: Collection[Year],
    purchase: Purchase,
    begins: Mapping[str, int],
    spin_up: int = 0,
    restarts: Restarts = "there",
    parents: Mapping[str, str] | None = None,
) -> Bought:
    """What these years take.

    run: a coupled year alone cannot be had, so each run is simulated from the year in which it branched (`begins`: run
    -> that year) to the last year that is wanted of it. Where the files to restart from at the branch points are not
    there (restarts "none"), the runs that they branch from (`parents`: run -> run) are simulated up to there, too, and
    those without a parent begin with spin_up years. time_slice: each stretch of years is simulated by itself, after
    spin_up years; two are one where the gap is no longer than the spin-up. archive: these years and no others.

    Raises BadParameter.
    """
    if not kept:
        raise BadParameter("No year is to be bought; keep at least one.")
    if spin_up < 0:
        raise BadParameter(f"The spin-up is {spin_up} years; it must be at least 0.")
    wanted: dict[str, set[int]] = defaultdict(set)
    for scenario, member, year in kept:
        wanted[f"{scenario}/{member}"].add(int(year))
    if purchase == "run":
        return Bought(purchase, _whole_runs(wanted, begins, spin_up, restarts, parents or {}))
    bridge = spin_up if purchase == "time_slice" else 0
    slices = [
        Stretch(run, first, last, n, bridge)
        for run, years in sorted(wanted.items())
        for first, last, n in _slices(sorted(years), bridge)
    ]
    return Bought(purchase, tuple(slices))


def _whole_runs(
    wanted: Mapping[str, Collection[int]],
    begins: Mapping[str, int],
    spin_up: int,
    restarts: Restarts,
    parents: Mapping[str, str],
) -> tuple[Stretch, ...]:
    until = {run: max(years) for run, years in wanted.items()}
    if restarts == "none":
        for run in list(until):
            line = [run]
            while (parent := parents.get(line[-1])) is not None and parent not in line:
                until[parent] = max(until.get(parent, -(10**9)), _begin(line[-1], begins) - 1)
                line.append(parent)
    early = next((run for run, years in wanted.items() if min(years) < _begin(run, begins)), None)
    if early is not None:
        raise BadParameter(f"{early} begins in {begins[early]}; the year {min(wanted[early])} is none of its own.")

    def starts(run: str) -> int:
        return spin_up if restarts == "none" and run not in parents else 0

    return tuple(
        Stretch(run, _begin(run, begins), last, len(wanted.get(run, ())), starts(run))
        for run, last in sorted(until.items())
        if last >= _begin(run, begins)
    )


def _begin(run: str, begins: Mapping[str, int]) -> int:
    if run not in begins:
        raise BadParameter(f"Nobody said in which year the run {run} branched.")
    return begins[run]


def _slices(years: list[int], bridge: int) -> list[tuple[int, int, int]]:
    """(first, last, how many are wanted) of stretches between which lie gaps longer than `bridge`."""
    found = [[years[0], years[0], 1]]
    for year in years[1:]:
        if year - found[-1][1] - 1 <= bridge:
            found[-1][1:] = year, found[-1][2] + 1
        else:
            found.append([year, year, 1])
    return [(first, last, n) for first, last, n in found]
