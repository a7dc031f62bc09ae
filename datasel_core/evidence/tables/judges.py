"""Further pools that judge the choices of a table, after the same trainings: of the same kind as what was chosen
towards, or of another; and what they say of a gain on the reference itself.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.evidence.differences import BETTER, WORSE
from datasel_core.evidence.judged import Judged
from datasel_core.evidence.measures import HeldOut, Measure, Probed
from datasel_core.evidence.tables.choices import Entry
from datasel_core.features.feature import OPENED
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.probes.evaluate import check_opens
from datasel_core.runs.question import Question
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Reference:
    """What methods of a table chose towards. rows: of the pool, that they saw. methods: their names in the table."""

    pool: Pool
    rows: np.ndarray
    methods: tuple[str, ...]


def references(workspace: Workspace, asked: Sequence[Entry]) -> tuple[Reference, ...]:
    """Targets, and pools that features looked at, by which methods choose. A pool that is gone by now is none."""
    pools: dict[str, Pool] = {}
    rows: dict[str, list[np.ndarray]] = {}
    methods: dict[str, list[str]] = {}
    for entry in asked:
        target, seen = entry.asked.target, []
        if target is not None:
            seen.append((target.pool, target.rows))
        for name in looked_at(entry.asked):
            with contextlib.suppress(BadRequest):
                pool = load_pool(workspace, name)
                seen.append((pool, np.arange(pool.n)))
        for pool, some in seen:
            pools[pool.name] = pool
            rows.setdefault(pool.name, []).append(some)
            methods.setdefault(pool.name, []).append(entry.name)
    return tuple(
        Reference(pool, np.unique(np.concatenate(rows[name])), tuple(dict.fromkeys(methods[name])))
        for name, pool in pools.items()
    )


def looked_at(asked: Question) -> list[str]:
    """Names of pools that the features looked at by which a method chooses, or those that these were made from."""
    declared, filled = every("feature"), asked.roles.features
    waiting, found, known = list(asked.method.roles()), [], set()
    while waiting:
        role = waiting.pop()
        if role in known or role not in filled:
            continue
        known.add(role)
        cls = declared.get(filled[role].id)
        if cls is None:
            continue
        with contextlib.suppress(BadRequest):  # parameters of an older version
            made = cls.of(filled[role].meta["params"])
            found += made.pools()
            also = set(made.reads_too())
            waiting += [one for one, kept in filled.items() if also & {one, kept.id, kept.key}]
        waiting += [] if cls.reads in OPENED else [cls.reads]
    return list(dict.fromkeys(found))


def with_judges(
    workspace: Workspace, pool: Pool, main: Measure, names: Sequence[str], towards: Sequence[Reference]
) -> tuple[list[Measure], list[str]]:
    """A measure for each judge, and, where there is one, for each reference, which is shown beside them; what is to be
    known of them. Raises BadRequest.
    """
    if not names:
        return [], []
    if not (isinstance(main, Probed) and main.probe.elsewhere):
        can = ", ".join(id for id, one in every("probe").items() if one.elsewhere)
        raise BadRequest(f"Judges need a probe that tests on other pools: --probe {can}.")
    chosen = {one.pool.name for one in towards}
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(f"{name} stands twice among the judges; each has a column.")
        if name == pool.name:
            raise BadRequest(f"{name} judges already, by its own held-out set; leave it out of --judges.")
        if name in chosen:
            raise BadRequest(
                f"Methods choose towards {name}, so it cannot judge; what they gain on it is shown anyway."
            )
    others = [load_pool(workspace, name) for name in names]
    found = [_judged(main, other, np.arange(other.n), False) for other in others]
    found += [_judged(main, one.pool, one.rows, True) for one in towards if one.pool.fingerprint != pool.fingerprint]
    return [one for one, _ in found], [note for _, note in found if note]


def _judged(main: Probed, other: Pool, rows: np.ndarray, is_reference: bool) -> tuple[Judged, str]:
    """The probe on another pool, less what is in the pool that is chosen from, word for word."""
    check_opens(main.probe, other)
    roles = Roles.of(other.workspace, other, needs=main.probe.needs)
    rows = np.setdiff1d(rows, roles.missing_rows(main.probe.needs))
    new = rows[~np.isin(contents(other, rows), contents(main.roles.pool))]
    if len(new) < 2:
        raise BadRequest(
            f"Fewer than two samples of {other.name} are not in {main.roles.pool.name} too; what is chosen from cannot "
            "judge the choice."
        )
    gone = len(rows) - len(new)
    note = f"{gone:,} samples of {other.name} are in {main.roles.pool.name} too; they do not judge." if gone else ""
    return Judged(main.roles, HeldOut.apart(new), main.probe, roles, is_reference), note


def contents(pool: Pool, rows: np.ndarray | None = None) -> np.ndarray:
    """(n,) text: what tells one sample from another, to the letter or byte."""
    rows = np.arange(pool.n) if rows is None else rows
    return pool.take(rows, ["content"])["content"].to_numpy(zero_copy_only=False).astype(str)


def over_fit(
    cells: Sequence[Mapping[str, object]], measures: Sequence[Measure], towards: Sequence[Reference]
) -> list[str]:
    """A sentence for each method and budget that is better than random on its reference: on which judges it is, too.
    cells: with `method`, `budget`, `measure`, `verdict`, as plain data.
    """
    shown = {(one["method"], one["budget"], one["measure"]): one["verdict"] for one in cells}
    judges = [one for one in measures if isinstance(one, Judged)]
    others = [measures[0], *(one for one in judges if not one.is_reference)]
    said = []
    for of in (one for one in judges if one.is_reference):
        mine = next(one for one in towards if one.pool.name == of.pool.name)
        for method in mine.methods:
            for budget in dict.fromkeys(one["budget"] for one in cells):
                if shown[method, budget, of.name] == BETTER:
                    said.append(_said(method, budget, of, others, shown))
    return said


def _said(
    method: str,
    budget: object,
    reference: Judged,
    others: Sequence[Measure],
    shown: Mapping[tuple[object, object, object], object],
) -> str:
    on: dict[object, list[str]] = {}
    for one in others:
        name = one.pool.name if isinstance(one, Judged) else f"the held-out set of {one.pool.name}"
        on.setdefault(shown[method, budget, one.name], []).append(name)
    better, worse = on.pop(BETTER, []), on.pop(WORSE, [])
    unknown = [name for names in on.values() for name in names]
    said = f"{method} at {budget:,} is better than random on {reference.pool.name}, towards which it chose"
    for where, names in (("also on", better), ("not shown to be on", unknown), ("worse on", worse)):
        said += f"; {where} {listed(names)}" if names else ""
    return f"{said}: it may be over-fit to what it chose towards." if unknown or worse else f"{said}."


def listed(names: Sequence[str]) -> str:
    """`30, 60 and 120`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
