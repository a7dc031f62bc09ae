"""What a table of evidence is asked about: everything that can be wrong is found before anything is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.registry import every, find
from datasel_core.base.role import EMBEDDING, GROUP, IMAGE, PATTERNS
from datasel_core.errors import BadParameter, BadRequest, MissingFeature, UnknownName
from datasel_core.evidence.classes import classes_of
from datasel_core.evidence.measures import OF, Distance, Farthest, HeldOut, Measure, Patterns, Probed
from datasel_core.evidence.tables.choices import RANDOM, Choices, Entry, among, entries
from datasel_core.evidence.tables.judges import listed, references, with_judges
from datasel_core.evidence.tables.shared import same_samples
from datasel_core.evidence.tables.table import Asked
from datasel_core.evidence.tables.target_notes import target_notes
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.selection import granted
from datasel_core.pools import holdout
from datasel_core.pools.holdout import SetAside
from datasel_core.pools.pool import Pool
from datasel_core.probes.evaluate import check_opens, check_shared, shared
from datasel_core.probes.linear import Linear
from datasel_core.probes.probe import Probe
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import ids_sha256, key_of
from datasel_core.workspace.layout import Workspace

NONE = "none"
_PROBE, _TARGET = "probe.", "target."
_COVERAGE: dict[str, type[Measure]] = {one.id: one for one in (Distance, Patterns, Farthest)}
_COUNTS = ("classes", "rare")
_ENOUGH = 5 * OF
"""Held-out samples from which the farthest of ten is measured."""


def ask(
    workspace: Workspace,
    pool: Pool,
    methods: Sequence[str],
    budgets: Sequence[str],
    seeds: int,
    probe: str | None = None,
    measures: Sequence[str] = (),
    use: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    target: str | None = None,
    judges: Sequence[str] = (),
    allow_shared: bool = False,
) -> Asked:
    """probe: the main measure; by default the linear one where there are groups; NONE for no probe. measures: which
    others; all that the pool has where none are named; NONE alone for no others. params: of the methods that have
    them; `probe.NAME` of the probe. judges: other pools to test on, after the same trainings. allow_shared: whether
    what is chosen towards may have samples that are tested on; then it is said. Raises BadRequest.
    """
    use, params = dict(use or {}), dict(params or {})
    aside = _held_out(pool)
    own = {role: name for role, name in use.items() if not role.startswith(_TARGET)}
    of_methods = {name: value for name, value in params.items() if not name.startswith(_PROBE)}
    if not budgets:
        raise BadRequest("Name at least one budget: --budgets 50,10%.")
    sizes = sorted({granted(budget, holdout.n_candidates(pool)) for budget in budgets})
    found = entries(workspace, pool, methods, str(sizes[-1]), of_methods, use, target)
    roles = Roles.of(workspace, pool, own)
    learner = _probe(
        roles, aside, probe, {name[len(_PROBE) :]: params[name] for name in params.keys() - of_methods.keys()}
    )
    wanted = _wanted(roles, measures)
    measured = _measures(roles, aside, learner, wanted)
    towards = references(workspace, found)
    further, of_judges = with_judges(workspace, pool, measured[0], judges, towards)
    measured += further
    out = roles.missing_rows(_roles(measured))
    random = resolve(workspace, Spec(pool=pool.name, method=RANDOM, budget=str(sizes[-1]), use=own), pool)
    rows = np.setdiff1d(random.candidates.free, out)
    asked = [Entry(one.name, among(one.asked, rows)) for one in found]
    counts = classes_of(roles.groups, rows) if roles.group is not None else []
    counts = [one for one in counts if one.name in wanted]
    return Asked(
        pool,
        aside,
        asked,
        among(random, rows),
        sizes,
        seeds,
        measured,
        counts,
        Choices(place(workspace, pool, aside) / ids_sha256(pool.ids[out].tolist())[:16]),
        (
            *_unmeasured(wanted, [*measured, *counts], len(measured[0].held.rows)),
            *_notes(roles, measured, len(out), asked),
            *of_judges,
            *target_notes(asked),
            *same_samples(measured, towards, allow_shared),
        ),
        towards,
        allow_shared,
    )


def place(workspace: Workspace, pool: Pool, aside: SetAside) -> Path:
    """Where everything lies that is measured of a pool on this held-out set."""
    holdout_ids = aside.about["ids_sha256"]
    return workspace.evidence(key_of({"pool": pool.fingerprint, "table": pool.table_sha256, "holdout": holdout_ids}))


def learned(roles: Roles, used: Sequence[str]) -> list[StoredFeature]:
    """Features among those used that learned from the whole pool, held-out samples too."""
    declared, found = every("feature"), [roles.features[role] for role in used if role in roles.features]
    return [
        one for one in found if one.id in declared and declared[one.id].learns and not one.meta["params"].get("like")
    ]


def _held_out(pool: Pool) -> SetAside:
    aside = holdout.held_out(pool)
    if aside is None:
        raise BadRequest(
            f"The pool {pool.name} has no held-out set to measure on. Draw one before anything is chosen: "
            f"python -m datasel_core holdout {pool.name} --share 20%"
        )
    if len(np.unique(aside.parts_of(pool, aside.rows(pool)))) < 2:
        raise BadRequest(
            f"The held-out set of {pool.name} is a single part, which says nothing of others; give it up and draw a "
            f"larger one: python -m datasel_core holdout {pool.name} --remove"
        )
    return aside


def _probe(roles: Roles, aside: SetAside, id: str | None, params: Mapping[str, str]) -> Probe | None:
    """The probe that measures, with these parameters; None where there is none."""
    can = EMBEDDING.name in roles.features and _is_grouped(roles)
    can = can and len(shared(roles.array(GROUP.name), aside.rows(roles.pool))) > 0
    if id == NONE or (id is None and not can):
        if params:
            raise BadParameter("No probe measures here; leave out --set probe.NAME, or name one with --probe.")
        return None
    made = find("probe", id or Linear.id).of(params)
    _check_probe(roles, aside, made)
    return made


def _check_probe(roles: Roles, aside: SetAside, probe: Probe) -> None:
    check_opens(probe, roles.pool)
    for file in probe.files():
        roles.pool.workspace.allowed(file)
    for role in probe.needs:
        if role == GROUP.name and not _is_grouped(roles):
            raise MissingFeature(
                f"The probe {probe.id} needs at least two groups, and {roles.pool.name} has none; name a column with "
                f"--use group=COLUMN (it has: {', '.join(roles.pool.columns)})."
            )
        if role == GROUP.name:
            check_shared(roles.pool, roles.array(GROUP.name), aside.rows(roles.pool))
        elif role not in roles.features:
            raise MissingFeature(f"The probe {probe.id} needs the role {role}. {how_to_get(roles.pool, role)}")


def _is_grouped(roles: Roles) -> bool:
    """Whether its samples belong to at least two groups."""
    return roles.group is not None and len(np.setdiff1d(roles.groups, [""])) > 1


def _wanted(roles: Roles, names: Sequence[str]) -> list[str]:
    """Names of measures; all that the pool has where none are named. Raises BadRequest."""
    vectors, group = {EMBEDDING.name, IMAGE.name} & roles.features.keys(), _is_grouped(roles)
    has = {Distance.id: vectors, Patterns.id: PATTERNS.name in roles.features, Farthest.id: vectors}
    has |= dict.fromkeys(_COUNTS, group)
    if list(names) == [NONE]:
        return []
    if not names:
        return [name for name, can in has.items() if can]
    probes = [id for id, one in every("probe").items() if one.each_is]
    for name in names:
        if name not in has and name not in probes:
            raise UnknownName("measure", name, [*has, *probes])
        if name in has and not has[name]:
            lacks = "groups" if name in _COUNTS else PATTERNS.name if name == Patterns.id else EMBEDDING.name
            how = how_to_get(roles.pool, lacks) if lacks != "groups" else "Name a column with --use group=COLUMN."
            raise MissingFeature(f"{name} needs {lacks}, which {roles.pool.name} does not have yet. {how}")
    return list(dict.fromkeys(names))


def _measures(roles: Roles, aside: SetAside, probe: Probe | None, wanted: Sequence[str]) -> list[Measure]:
    """The main one first: the probe, else distance where there are vectors; all on the same held-out samples."""
    also = [find("probe", name)() for name in wanted if name not in _COVERAGE and name not in _COUNTS]
    probes = ([probe] if probe else []) + [one for one in also if probe is None or one.id != probe.id]
    for one in also:
        _check_probe(roles, aside, one)
    learning = [Probed(roles, None, one) for one in probes]
    covering = [cls(roles, None) for name, cls in _COVERAGE.items() if name in wanted]
    if not learning and not covering and {EMBEDDING.name, IMAGE.name} & roles.features.keys():
        covering = [Distance(roles, None)]
    made = [*learning, *covering] if probe else [*covering, *learning]
    if not made:
        raise BadRequest(
            f"Nothing of {roles.pool.name} can be measured on held-out samples: it has no vectors. "
            f"{how_to_get(roles.pool, EMBEDDING.name)}"
        )
    missing = roles.missing_rows(_roles(made))
    if any(GROUP.name in one.needs for one in probes):
        missing = np.union1d(missing, np.flatnonzero(roles.groups == ""))
    held = HeldOut.among(roles.pool, aside, missing)
    if len(np.unique(held.parts)) < 2:
        raise BadRequest(f"Fewer than two held-out samples of {roles.pool.name} can be measured; draw a larger share.")
    kept = [one for one in made if one.id != Farthest.id or len(held.rows) >= _ENOUGH]
    if not kept:
        raise BadRequest(f"{_lacks(len(held.rows))[Farthest.id]}; draw a larger share, or measure distance.")
    return [replace(one, held=held) for one in kept]


def _unmeasured(wanted: Sequence[str], measured: Sequence[Any], n: int) -> list[str]:
    """Of what was asked for, what is not in the table, and why. n: held-out samples that are measured."""
    there = {one.name for one in measured}
    return [
        f"{why}; it is not in the table." for name, why in _lacks(n).items() if name in wanted and name not in there
    ]


def _lacks(n: int) -> dict[str, str]:
    """Name of a measure -> why it may not be measured although the pool has what it reads."""
    return {
        Farthest.id: f"{Farthest.id} needs at least {_ENOUGH} held-out samples, and {n:,} can be measured",
        "classes": "classes needs at least two classes among what can be chosen",
        "rare": "rare needs classes of which some are rarer than others",
    }


def _roles(measures: Sequence[Measure]) -> list[str]:
    """Roles of which every sample must have a value to be measured."""
    found = [role for one in measures for role in one.reads if role != GROUP.name]
    return list(dict.fromkeys(found))


def _notes(roles: Roles, measures: Sequence[Measure], out: int, asked: Sequence[Entry]) -> list[str]:
    """What is to be known beside the numbers, apart from what they say."""
    held = measures[0].held
    said = (
        [] if len(held.rows) == held.of else [f"Measured on {len(held.rows):,} of {held.of:,} held-out samples, drawn."]
    )
    if out:
        said.append(f"{out:,} samples have no value in what is measured; none of them is chosen or tested here.")
    if not any(isinstance(one, Probed) for one in measures):
        said.append(
            "Measured without labels: how near a choice comes to held-out samples. Whether a model that learns from it "
            "is better stays unknown."
        )
    by = {one.key: one for one in learned(roles, [role for one in measures for role in one.reads])}
    if by:
        said.append(
            f"Measured in {', '.join(one.id for one in by.values())}, which learned from the whole pool, held-out "
            "samples too: the same for all methods."
        )
    by_feature: dict[str, list[str]] = {}
    for one in asked:
        for feature in learned(one.asked.roles, one.asked.method.roles()):
            by_feature.setdefault(feature.id, []).append(one.name)
    for feature, methods in by_feature.items():
        them = "them" if len(methods) > 1 else "it"
        said.append(
            f"{listed(methods)} chose by {feature}, which learned from the whole pool, held-out samples too: what is "
            f"said of {them} may flatter {them}."
        )
    return said
