"""A run in stages, resolved: everything that can be wrong is said in one line before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadParameter, BadRequest, UnknownName
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.text_overlap import text_overlap
from datasel_core.evidence.tables.judges import contents
from datasel_core.features.encoders.influence import Influence
from datasel_core.features.encoders.influence_probe import InfluenceProbe
from datasel_core.features.roles import how_to_get
from datasel_core.features.stored import kept_features
from datasel_core.methods.selection import granted
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.stages.asked import ARMS, JUDGE, OTHER, REFERENCE, Asked, Judge
from datasel_core.workspace.layout import Workspace

MATES = "mates"
_PROBE, _MODEL = "probe.", "influence."
_OURS = {"references": "--reference", "n_probes": "--probes", "seed": "--seeds"}
MOST = 1000
"""Samples of each judge that are measured; where there are more, so many are drawn once."""


def ask(
    workspace: Workspace,
    pool: str,
    judges: Mapping[str, str | None],
    stages: int,
    warm_up: str,
    share: str,
    probes: int,
    passes: int,
    decay: float,
    epochs: int,
    seeds: int,
    arms: Sequence[str],
    params: Mapping[str, Any],
) -> Asked:
    """judges: what each is (REFERENCE, JUDGE, OTHER) -> its pool. warm_up, share: of the pool, as budgets; of each
    stage. decay: share of the last stage. params: of the method; `probe.NAME`, `influence.NAME` of the others. Raises
    BadRequest.
    """
    chosen_from = load_pool(workspace, pool)
    named = {what: load_pool(workspace, name) for what, name in judges.items() if name}
    _check_pools(chosen_from, named)
    for name in arms:
        if name not in ARMS:
            raise UnknownName("arm", name, list(ARMS))
    probe, model, mates = _parts(workspace, chosen_from, named[REFERENCE], probes, params)
    n = holdout.n_candidates(chosen_from)
    begun = Asked(
        workspace, chosen_from, (), stages, 0, granted(share, n), passes, 0, epochs, seeds, (), probe, model, mates
    )
    warm = _warm_up(warm_up, n, begun.is_begun)
    _check_enough(chosen_from.name, n, warm, begun.chosen, stages, epochs)
    found, notes = _judges(chosen_from, named, probe.overlap == "allow")
    return Asked(
        workspace,
        chosen_from,
        tuple(found),
        stages,
        warm,
        begun.chosen,
        passes,
        min(begun.chosen - 1, round(decay * begun.chosen)),
        epochs,
        seeds,
        tuple(name for name in ARMS if name in arms),
        probe,
        model,
        mates,
        tuple(notes),
    )


def _check_pools(pool: Pool, named: Mapping[str, Pool]) -> None:
    for one in (pool, *named.values()):
        if "turns" not in one.opens:
            raise BadRequest(f"A language model learns texts; the pool {one.name} (of kind {one.kind}) has none.")
    for what, one in named.items():
        if one.fingerprint == pool.fingerprint:
            raise BadRequest(f"The {what} {one.name} is the pool itself; name samples that are not chosen from.")
    seen: dict[str, str] = {}
    for what, one in named.items():
        if (before := seen.setdefault(one.fingerprint, what)) != what:
            said = f"The {what} {one.name} is the {before} itself"
            why = "what influence is measured on proves nothing" if before == REFERENCE else "each is to say its own"
            raise BadRequest(f"{said}: {why}; name a pool of other samples with --{what}.")


def _parts(
    workspace: Workspace, pool: Pool, reference: Pool, probes: int, params: Mapping[str, Any]
) -> tuple[InfluenceProbe, Influence, dict[str, Any]]:
    """What measures, what predicts, and the parameters of what chooses."""
    of = {
        start: {name[len(start) :]: params[name] for name in params if name.startswith(start)}
        for start in (_PROBE, _MODEL)
    }
    for name, option in _OURS.items():
        if name in of[_PROBE]:
            raise BadParameter(f"probe.{name} is said by {option}; leave out --set probe.{name}.")
    probe = InfluenceProbe.of({**of[_PROBE], "references": reference.name, "n_probes": probes})
    for file in probe.files():
        workspace.allowed(file)
    if of[_MODEL].keys() & {"measured", "seed"}:
        raise BadParameter("What influence is learned from, and its seed, are those of each stage; leave them out.")
    model = Influence.of(of[_MODEL])
    if model.reads_too():
        model = Influence(**{**model.model_dump(), "by": _newest(workspace, pool, model.by)})
    own = {name: value for name, value in params.items() if not name.startswith((_PROBE, _MODEL))}
    method = find("method", MATES).of(own)
    return probe, model, {name: getattr(method, name) for name in own}


def _newest(workspace: Workspace, pool: Pool, name: str) -> str:
    """The key of the feature that influence is predicted from: the same to the end, whatever is computed meanwhile."""
    kept = [one for one in kept_features(workspace, pool.fingerprint) if name in (one.key, one.role, one.id)]
    if not kept:
        raise BadRequest(
            f"Influence is predicted from {name}, which {pool.name} does not have yet. {how_to_get(pool, name)} Or "
            "name another with --set influence.by=FEATURE."
        )
    return kept[-1].key


def _warm_up(asked: str, n: int, is_begun: bool) -> int:
    if asked.strip().rstrip("%").strip() not in ("0", "0.0"):
        return granted(asked, n)
    if not is_begun:
        raise BadParameter(
            "Without a warm-up there is no model whose influence means anything; give one with --warm-up 10%, or go on "
            "from a checkpoint with its optimiser (--set probe.model=FOLDER)."
        )
    return 0


def _check_enough(name: str, n: int, warm_up: int, chosen: int, stages: int, epochs: int) -> None:
    """Raises BadRequest where the pool is smaller than the stages need."""
    wanted = warm_up + stages * chosen
    if wanted <= epochs * n:
        return
    need = f"{name} has {n:,} samples to choose from; a warm-up of {warm_up:,} and {stages} stages of {chosen:,} need "
    need += f"{wanted:,}" + (f" in {epochs} epochs" if epochs > 1 else "")
    ways = []
    if most := (epochs * n - warm_up) // chosen:
        ways.append(f"at most {most} stages")
    if each := (epochs * n - warm_up) // stages:
        ways.append(f"at most {each:,} a stage (--share {each})")
    ways.append(f"--epochs {-(-wanted // n)}, which lets samples be used again")
    raise BadRequest(f"{need}: take {', or '.join(ways)}.")


def _judges(pool: Pool, named: Mapping[str, Pool], overlap: bool) -> tuple[list[Judge], list[str]]:
    """Who measures, less what is chosen from to the letter, and what is to be known of it. Raises BadRequest where the
    reference shares samples with the pool or with a judge.
    """
    reference, found, notes = named[REFERENCE], [], []
    for what, one in named.items():
        rows, shared = np.arange(one.n), _shared(one, pool)
        if what == REFERENCE and len(shared):
            _refuse_reference(reference, pool, len(shared), "word for word", overlap)
        if what != REFERENCE and len(same := _shared(reference, one)):
            raise BadRequest(_own_judge(reference, what, one, len(same), "word for word"))
        if len(rows := np.setdiff1d(rows, shared)) < 2:
            raise BadRequest(
                f"Fewer than two samples of the {what} {one.name} are not in {pool.name}, too; name another."
            )
        if len(shared):
            verb = "are" if what != REFERENCE else "are allowed to be"
            notes.append(
                f"{len(shared):,} samples of the {what} {one.name} {verb} in {pool.name}, too; none is measured."
            )
        drawn = np.sort(np.random.default_rng(0).permutation(rows)[:MOST])
        found.append(Judge(what, one, drawn))
    for what in (JUDGE, OTHER):
        if what not in named:
            kind = "the same kind" if what == JUDGE else "another kind"
            notes.append(f"No unused set of {kind} judges; name one with --{what}.")
    return found, notes


def _shared(one: Pool, other: Pool) -> np.ndarray:
    """Rows of one that the other has, too, to the letter."""
    if not one.is_like(other):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.isin(contents(one), contents(other)))


def check_leaks(asked: Asked, progress: Progress) -> list[str]:
    """Nearly the same texts in reference and pool, and in reference and judges; runs of words in common are said only.
    Raises BadRequest, Stopped.
    """
    reference, notes = asked.reference.pool, []
    others = [("pool", asked.pool), *((one.what, one.pool) for one in asked.judges[1:])]
    for what, one in others:
        found = text_overlap(reference, np.arange(reference.n), one, np.arange(one.n), Limits(), progress)
        near = np.union1d(found.same.touched, found.near.touched)
        if len(near) and what == "pool":
            allowed = asked.probe.overlap == "allow"
            _refuse_reference(reference, one, len(near), "nearly word for word", allowed)
        elif len(near):
            raise BadRequest(_own_judge(reference, what, one, len(near), "nearly word for word"))
        if len(more := np.setdiff1d(found.runs.touched, near)):
            words = f"{len(more):,} of the {reference.n:,} samples of the reference {reference.name}"
            notes.append(f"{words} share a run of {Limits().ngram} words with the {what} {one.name}.")
    return notes


def _refuse_reference(reference: Pool, pool: Pool, n: int, how: str, allowed: bool) -> None:
    if not allowed:
        raise BadRequest(
            f"{n:,} of the {reference.n:,} samples of the reference {reference.name} are in {pool.name}, too, {how}: "
            "they would help by being the answer; name another reference, or allow it (--set probe.overlap=allow)."
        )


def _own_judge(reference: Pool, what: str, other: Pool, n: int, how: str) -> str:
    return (
        f"{n:,} of the {reference.n:,} samples of the reference {reference.name} are in the {what} {other.name}, too, "
        f"{how}: it would be its own judge; name a {what} of other samples."
    )
