"""What a reliability card is asked about: three roles kept apart, the years that are trained on, the reference towards
which they were chosen, and the target that judges. Everything that can be wrong is found before anything is fitted.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.analysis.climate import forcing
from datasel_core.analysis.climate.emulators.driver import FORCING, TRUE, Years
from datasel_core.analysis.climate.emulators.kinds import Kind, kind
from datasel_core.analysis.climate.emulators.training import Weighting
from datasel_core.analysis.climate.forcing import Forcing
from datasel_core.analysis.climate.regions import regions_cached
from datasel_core.analysis.climate.scores.errors import PERIOD, within
from datasel_core.base.role import FIELD, GMST
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.evidence.emulators import origin
from datasel_core.evidence.emulators.years import reference, rows_of, simulated
from datasel_core.features.fields.grid import FieldGrid, grid_of
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.names import listed, natural
from datasel_core.pools.readers.climate.scan import TEMPERATURE
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import name_of
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.files import read_text
from datasel_core.workspace.hashing import ids_sha256, known_hash
from datasel_core.workspace.layout import Workspace

AR6 = "ar6"
"""Said instead of a file of regions."""


@dataclass(frozen=True)
class Wanted:
    """As it was asked, in words. of: a selection, or a pool, of which all years of the training scenarios count.
    target: SCENARIO or SCENARIO/MEMBER. training: the same with commas between; None for all that are neither target
    nor reference. regions: a path, or AR6; forcing: a path. period: first and last year.
    """

    of: str
    target: str
    reference: str | None = None
    training: str | None = None
    kind: str = "pattern_scaling"
    driver: str = TRUE
    forcing: str | None = None
    weighting: Weighting = "years"
    period: tuple[int, int] = PERIOD
    seeds: int = 1
    seed: int = 0
    members: int = 50
    regions: str | None = None


@dataclass(frozen=True)
class Asked:
    """every: all years of the pool. kept: rows that are trained on; could: all rows of the training scenarios. target:
    the run that maps and series are of; judges: runs of its scenario that have the period, the target first. reference:
    years towards which was chosen, of this pool or of the target pool of a selection. run: name and hash of the
    selection. files: name -> SHA-256 of what the card rests on. notes: what is to be said of all of it.
    """

    wanted: Wanted
    pool: Pool
    grid: FieldGrid
    every: Years
    kept: np.ndarray
    could: np.ndarray
    target: str
    judges: tuple[str, ...]
    reference: Years | None
    run: Mapping[str, str] | None
    forcing: Forcing | None
    regions: Path | None
    files: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> Kind:
        return kind(self.wanted.kind)

    @property
    def title(self) -> str:
        """What the emulator is called: pattern scaling that is not the baseline of that name is called otherwise."""
        said = " on forcing" if self.wanted.driver == FORCING else ""
        weighed = self.kind.weighs and self.wanted.weighting != "years"
        return f"{self.kind.title}{said}{', scenarios weighed' if weighed else ''}"

    @property
    def scenario(self) -> str:
        return self.target.split("/", 1)[0]

    @property
    def training(self) -> Years:
        return self.every.part(self.kept)

    def of_run(self, name: str) -> Years:
        """In the order of its years."""
        rows = np.flatnonzero(self.every.run == name)
        return self.every.part(rows[np.argsort(self.every.year[rows], kind="stable")])

    def what(self) -> dict[str, Any]:
        """All that decides the card."""
        return {**self.question(), "rests_on": dict(self.files)}

    def question(self) -> dict[str, Any]:
        """The same without the files that may change under it: other variables that lie beside those of the pool."""
        files = {"forcing": self.wanted.forcing, "regions": self.wanted.regions}
        said = {name: value for name, value in vars(self.wanted).items() if name not in ("of", *files)}
        hashes = {
            name: path if path in (None, AR6) else known_hash(Path(path).expanduser()) for name, path in files.items()
        }
        reference = None if self.reference is None else self.reference.run.tolist()
        kept = ids_sha256(self.pool.ids[self.kept].tolist())
        return {
            **said,
            **hashes,
            "period": list(self.wanted.period),
            "pool": self.pool.fingerprint,
            "kept": kept,
            "run": self.run and {name: value for name, value in self.run.items() if name != "name"},  # it may change
            "reference_runs": None if reference is None else sorted(set(reference)),
        }


def ask(workspace: Workspace, wanted: Wanted) -> Asked:
    """Raises BadRequest."""
    run, pool, kept = _found(workspace, wanted.of)
    roles = Roles.of(workspace, pool, needs=(FIELD.name, GMST.name))
    grid, every = grid_of(pool), simulated(pool, roles, grid_of(pool))
    runs = every.run
    target, judges, notes = _target(every, runs, wanted)
    scenario = target.split("/", 1)[0]
    towards, named = reference(workspace, wanted.reference, every, run, grid)
    if scenario in named:
        raise BadRequest(
            f"{scenario} is target and reference at once; what was chosen towards it cannot judge: name another."
        )
    apart = {scenario, *named}
    known = np.setdiff1d(np.arange(pool.n), roles.missing_rows((FIELD.name, GMST.name)))
    could = _training(every, runs, wanted.training, apart)
    if kept is None:
        kept = could
    else:
        kept, more = _of_these(every, kept, could, wanted.training, apart)
        notes += more
    kept, could, every_kept = np.intersect1d(kept, known), np.intersect1d(could, known), len(kept)
    if gone := every_kept - len(kept):
        notes.append(f"{gone} years are not trained on, as their field or global-mean temperature is not known.")
    if len(np.unique(every.gmst[kept])) < 2:
        raise BadRequest(f"{len(kept)} years are left to train on; an emulator needs two that differ at least.")
    table = None if wanted.forcing is None else forcing.read(read_text(workspace.allowed(wanted.forcing)))
    if wanted.driver != TRUE and table is None:
        raise BadRequest(
            f"The driver {wanted.driver} needs a table of forcing; name one with --forcing: {forcing.HOW_TO_BRING}."
        )
    if wanted.driver == FORCING and kind(wanted.kind).runs:
        raise BadRequest(f"{kind(wanted.kind).title} goes by the global mean; take --driver gmst or emulated.")
    if wanted.regions == AR6:
        regions_cached()  # says how to bring them
    regions = None if wanted.regions in (None, AR6) else workspace.allowed(wanted.regions)
    files = origin.files(pool, grid.variable, kind(wanted.kind).runs and table is None)
    return Asked(
        wanted, pool, grid, every, kept, could, target, judges, towards, run, table, regions, files, tuple(notes)
    )


def _found(workspace: Workspace, of: str) -> tuple[dict[str, str] | None, Pool, np.ndarray | None]:
    """A pool by its name, else a selection: its name and hash, its pool, and the rows that it kept."""
    if of in pool_names(workspace):
        return None, load_pool(workspace, of), None
    folder = find_folder(workspace, of)
    if not folder.exists():
        raise UnknownName("pool or selection", of, pool_names(workspace))
    said = manifest.intact(folder, "used")
    pool = load_pool(workspace, said["pool"]["name"])
    if said["pool"]["fingerprint"] != pool.fingerprint:
        raise BadRequest(f"{of} was chosen from {pool.name} as it was once; choose anew from what it is now.")
    ids = [*manifest.kept_table(folder)["id"].to_pylist(), *manifest.earlier_ids(folder, said)]
    chose = said.get("target") or {}
    towards = {"target": chose.get("name", ""), "target_fingerprint": chose.get("fingerprint", "")}
    return (
        {"key": folder.name, "name": name_of(folder, said), "sha256": said["sha256"], **towards},
        pool,
        np.unique(pool.rows(ids)),
    )


def _target(every: Years, runs: np.ndarray, wanted: Wanted) -> tuple[str, tuple[str, ...], list[str]]:
    """The run that judges, all runs of its scenario that have the period, and what is to be said of others."""
    mine = rows_of(every, runs, wanted.target)
    scenario = every.scenario[mine[0]]
    names = sorted(set(runs[every.scenario == scenario].tolist()), key=natural)
    whole = []
    for name in names:
        with contextlib.suppress(BadRequest):
            within(every.year[runs == name], wanted.period)
            whole.append(name)
    gone = [name for name in names if name not in whole]
    unknown = [name for name in whole if not np.isfinite(every.gmst[runs == name]).all()]
    asked = sorted(set(runs[mine].tolist()), key=natural)
    first = next((name for name in asked if name in whole and name not in unknown), asked[0])
    within(every.year[runs == first], wanted.period)
    if first in unknown:
        raise BadRequest(f"No global-mean temperature of {first}: put its {TEMPERATURE} beside, or judge by another.")
    first_year, last_year = wanted.period
    notes = [f"{listed(gone)}: no judge, years of {first_year}-{last_year} are missing."] if gone else []
    notes += [f"{listed(unknown)}: no judge, the global-mean temperature is not known."] if unknown else []
    return first, (first, *(name for name in whole if name != first and name not in unknown)), notes


def _training(every: Years, runs: np.ndarray, said: str | None, apart: set[str]) -> np.ndarray:
    if said is None:
        found = np.flatnonzero(~np.isin(every.scenario, list(apart)))
        if not len(found):
            raise BadRequest(f"Nothing is left to train on beside {' and '.join(sorted(apart))}; add other scenarios.")
        return found
    names = [one.strip() for one in said.split(",") if one.strip()]
    rows = [rows_of(every, runs, name) for name in names]
    if not rows:
        raise BadRequest("No scenario is named to train on: --training historical,ssp585.")
    found = np.unique(np.concatenate(rows))
    _check_apart(every.scenario[found], apart, "name others with --training")
    return found


def _of_these(
    every: Years, kept: np.ndarray, could: np.ndarray, said: str | None, apart: set[str]
) -> tuple[np.ndarray, list[str]]:
    """Of what a selection kept, what is trained on; all of it, unless scenarios to train on were named."""
    if said is None:
        hint = 'choose among the others (select --where "scenario <> ..."), or name those to train on with --training'
        _check_apart(every.scenario[kept], apart, hint)
        return kept, []
    found = np.intersect1d(kept, could)
    gone = len(kept) - len(found)
    return found, [f"{gone} of the years that were kept are of other runs, and are not trained on."] if gone else []


def _check_apart(scenarios: Sequence[str] | np.ndarray, apart: set[str], remedy: str) -> None:
    both = sorted(apart & set(np.asarray(scenarios).tolist()))
    if both:
        n = int(np.isin(scenarios, both).sum())
        raise BadRequest(
            f"{n:,} years to train on are of {' and '.join(both)}, which is target or reference: nothing that was "
            f"trained on can judge; {remedy}."
        )
