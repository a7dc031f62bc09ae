"""What is asked of a pool: which curves can be drawn, and where their answer lies. What is wrong is said here, before
anything is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.base.registry import find
from datasel_core.base.role import EMBEDDING, GROUP, IMAGE
from datasel_core.costs.enough import labels as labelled
from datasel_core.costs.enough.choices import Choice, NotRun, choices, finished, how
from datasel_core.costs.enough.coverage import Ground
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.evidence.measures import Distance, HeldOut
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.pools.holdout import HOLDOUT, Aside
from datasel_core.pools.pool import Pool
from datasel_core.probes.probe import Probe
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

SHARES = tuple(tenth / 10 for tenth in range(1, 10))
"""Of full labelling, that are always answered."""
MOST = 2_000
"""Samples that coverage is measured on; of more, so many are drawn once."""
PROBE = "linear"


@dataclass(frozen=True)
class Asked:
    """ground, choices: of coverage; none where no method was run. column: of the labels, None where nothing is learned.
    roles: with it as the group. notes: what is left out, and why.
    """

    pool: Pool
    aside: Aside | None
    roles: Roles
    ground: Ground
    choices: Sequence[Choice]
    column: str | None
    probe: Probe
    shares: Sequence[float]
    notes: Sequence[str]

    @property
    def folder(self) -> Path:
        """Where the answer lies: another one whenever something that decides it is."""
        what = {
            "enough": 1,
            "table": self.pool.table_sha256,
            "holdout": self.aside.what() if self.aside else None,
            "features": self.roles.keys((self.ground.measure.role,)),
            "runs": [one.run.manifest["sha256"] for one in self.choices],
            "labels": self.column,
            "probe": self.probe.what() if self.column else None,
            "shares": list(self.shares),
        }
        return self.pool.workspace.task(key_of(what))


def ask(
    workspace: Workspace,
    pool: Pool,
    methods: Sequence[str] = (),
    labels: str | None = None,
    probe: str = PROBE,
    share: float | None = None,
    found: Sequence[Run] | None = None,
) -> Asked:
    """methods: all that were run where none are named. labels: a column; where none is named, what labellers said, else
    the groups, if there are enough. share: of full labelling, one more that is answered. found: finished selections,
    where they were read already. Raises BadRequest, UnknownName.
    """
    aside, learner = holdout.of(pool), _probe(probe)
    column, note = _column(Roles.of(workspace, pool), labels)
    roles = Roles.of(workspace, pool, {} if column is None else {GROUP.name: column})
    ground = _ground(roles, aside)
    mine = choices(pool, aside, finished(workspace, pool) if found is None else found, methods)
    notes = [note] if note else []
    if column is not None:
        missing = roles.missing_rows(learner.needs)
        try:
            roles = Roles.of(workspace, pool, {GROUP.name: column}, needs=learner.needs)
            labelled.check(pool, column, roles.groups, np.setdiff1d(labelled.free_rows(pool, aside), missing))
        except BadRequest as error:
            if labels is not None:
                raise
            column, notes = None, [str(error)]
    if not mine and column is None:
        raise NotRun(f"No method was run on {pool.name} yet, so there is no curve. {how(pool)}")
    if not mine:
        notes.append(f"No method was run on {pool.name} yet, so there is no curve of coverage. {how(pool)}")
    shares = sorted({*SHARES, *([] if share is None else [share])})
    return Asked(pool, aside, roles, ground, mine, column, learner, shares, notes)


def part(text: str | float, name: str) -> float:
    """`0.9` or `90%` as a share. name: what it is of, as a person typed it. Raises BadParameter."""
    said = str(text).strip()
    try:
        value = float(said.rstrip("% ")) / 100 if said.endswith("%") else float(said)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise BadParameter(f"{name} is {said!r}; it must be above 0 and at most 100 %, such as 0.9 or 90%.")
    return value


def _probe(id: str) -> Probe:
    """Raises BadRequest for one that names no groups by vectors."""
    found = find("probe", id)()
    if set(found.needs) != {EMBEDDING.name, GROUP.name} or not found.each_is:
        raise BadRequest(f"The probe {id} names no labels of single samples; take linear or nearest.")
    return found


def _column(roles: Roles, labels: str | None) -> tuple[str | None, str]:
    """The column of the labels, None where there is none; and what is to be said of that."""
    try:
        return labelled.column(roles, labels), ""
    except BadRequest as error:
        if labels is not None:
            raise
        return None, str(error)


def _ground(roles: Roles, aside: Aside | None) -> Ground:
    """Held-out samples where there are any; else candidates. Raises MissingFeature where there are no vectors."""
    pool, held = roles.pool, None if aside is None else aside.sets.get(HOLDOUT)
    if not {EMBEDDING.name, IMAGE.name} & roles.features.keys():
        Roles.of(pool.workspace, pool, needs=(EMBEDDING.name,))
    missing = roles.missing_rows((Distance(roles, None).role,))
    rows = np.setdiff1d(labelled.free_rows(pool, aside), missing)
    found = None if held is None else HeldOut.among(pool, held, missing, MOST)
    if found is not None and len(found.rows):
        return Ground(Distance(roles, found), rows, True)
    on = rows if len(rows) <= MOST else np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    return Ground(Distance(roles, HeldOut(on, on, len(rows))), rows, False)
