"""The target of a selection: a pool of examples of what we want to be good at, seen through the same encoders as the
candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.ragged import Ragged
from datasel_core.base.role import find_role
from datasel_core.errors import BadRequest, MissingFeature, UnknownName
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.space import are_unlike, encoder_of
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.methods.method import Method
from datasel_core.pools.holdout import HOLDOUT, Aside
from datasel_core.pools.persistence import load_pool, pool_names, read_about
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.grid import GRID, Grid
from datasel_core.runs.candidates import find_aside, find_earlier
from datasel_core.runs.catalog import lists
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace

PART_OF = "part_of"
"""Among the facts of a feature whose rows were taken from another: the key of that one."""


@dataclass(frozen=True)
class Target:
    """A pool and, for each role that the method needs of it, the feature that fills it. notes: what is taken on trust,
    each a sentence. aside: its held-out set, where it has one: no method sees it, so it tests what was chosen.
    """

    pool: Pool
    roles: Roles
    needs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aside: Aside | None = None

    @property
    def rows(self) -> np.ndarray:
        """Rows of the target pool that a method sees: not held out, and with a value in every role needed."""
        return np.setdiff1d(self._readable, self._unseen)

    @property
    def held_out(self) -> np.ndarray:
        """Rows of its held-out set that have a value in every role needed; none where nothing is held out."""
        return np.intersect1d(self._readable, self._unseen)

    @property
    def _readable(self) -> np.ndarray:
        return np.setdiff1d(np.arange(self.pool.n), self.roles.missing_rows(self.needs))

    @property
    def _unseen(self) -> np.ndarray:
        return np.empty(0, np.int64) if self.aside is None else self.aside.rows(self.pool)

    def arrays(self) -> dict[str, np.ndarray | Ragged]:
        """Role -> values of `rows`."""
        rows = self.rows
        return {role: self.roles.array(role, rows) for role in self.needs}

    def what(self) -> dict[str, Any]:
        """All of the target that decides an answer."""
        held_out = {} if self.aside is None else self.aside.what()
        return {"pool": self.pool.fingerprint, "features": self.roles.keys(self.needs), **held_out}

    def about(self) -> dict[str, Any]:
        """What the manifest says of it."""
        pool = self.pool
        return {
            "name": pool.name,
            "kind": pool.kind,
            "n": pool.n,
            "fingerprint": pool.fingerprint,
            "features": self.roles.about(self.needs),
            "unreadable": pool.unreadable + self.roles.unreadable(self.needs),
            **({} if self.aside is None else self.aside.said(pool)),
        }


def spared(workspace: Workspace, spec: Spec) -> Spec:
    """The same question, where the target was made of samples of the pool that a model fails on: they are labelled
    already, and lie nearest to themselves, so `within` leaves them out. Raises BadRequest as `find_earlier`.
    """
    known = [] if spec.target is None else pool_names(workspace)
    if spec.target not in known or spec.pool not in known:
        return spec
    theirs, ours = (read_about(workspace.pool(name)) or {} for name in (spec.target, spec.pool))
    of = theirs.get("part_of", {})
    if not of.get("spared") or of["fingerprint"] != ours.get("fingerprint"):
        return spec
    if spec.within is None:
        return spec.model_copy(update={"within": of["others"]})
    pool, failed = load_pool(workspace, spec.pool), set(load_pool(workspace, spec.target).ids.tolist())
    inside = find_earlier(workspace, pool, spec.within, "within").ids
    rest = [id for id in inside if id not in failed]
    if len(rest) == len(inside):
        return spec
    kept = lists.keep(workspace, pool, pool.rows(rest), f"{len(rest):,} of these that do not fail")
    return spec.model_copy(update={"within": kept.value})


def find_target(
    workspace: Workspace,
    method: Method,
    roles: Roles,
    name: str | None,
    use: Mapping[str, str],
    holdout: str | None = None,
) -> Target | None:
    """The target that a method asks for. roles: those of the candidates; the target's features must come from the same
    encoders.

    use: role -> feature id or key of the target; the newest that fits where a role is not named. holdout: as of
    `find_aside`, of the target.
    Raises BadRequest when a target is missing or of no use, MissingFeature when its features are not there yet.
    """
    if not method.needs_target:
        if name is not None:
            raise BadRequest(f"{method.id} takes no target; leave out --target, or choose a method that does.")
        return None
    if name is None:
        raise BadRequest(f"{method.id} chooses towards a target; name a pool of examples with --target POOL.")
    pool = load_pool(workspace, name)
    kept = kept_features(workspace, pool.fingerprint)
    chosen = {}
    for role in method.needs_target:
        ours = roles.features.get(role)
        its = role if ours is None else ours.role
        if its != role and find_role(its).shape != "vector":  # losses of two models, say, may be as many numbers
            said = f"{its} fills the role {role} of {roles.pool.name}"
            raise BadRequest(f"{said}; that cannot be compared with a target: --use {role}=FEATURE names another.")
        theirs = [one for one in kept if one.role == its]
        if role in use:
            theirs = [one for one in theirs if use[role] in (one.key, one.id)]
            if not theirs:
                raise UnknownName(
                    f"feature for the role {role} of the target {name}",
                    use[role],
                    {one.id for one in kept if one.role == its},
                )
        chosen[role] = _matching(pool, role, ours, theirs)
    notes = [_on_trust(pool, roles, role, one) for role, one in chosen.items()] + [_shared(pool, roles.pool)]
    aside = _held_out(find_aside(workspace, pool, holdout))
    target = Target(pool, Roles(pool, chosen, None), method.needs_target, tuple(filter(None, notes)), aside)
    if not len(target.rows):
        seen = "" if aside is None else " that is not held out"
        raise BadRequest(f"No sample of the target {name}{seen} has a value in {', '.join(method.needs_target)}.")
    return target


def _held_out(aside: Aside | None) -> Aside | None:
    """The held-out set alone: labellers are checked on the samples of a gold set, which say what is wanted all the
    same.
    """
    return None if aside is None or HOLDOUT not in aside.sets else Aside({HOLDOUT: aside.sets[HOLDOUT]})


def _shared(target: Pool, pool: Pool) -> str | None:
    """What is to be known where the target's own samples may be chosen: then it tests nothing that is chosen for it."""
    spared = target.about.get("part_of", {})
    if spared.get("spared") and spared["fingerprint"] == pool.fingerprint:
        return None
    if target.fingerprint == pool.fingerprint or not target.is_like(pool):
        return None
    import pyarrow.compute as pc  # takes long to load, and most commands need none

    n = pc.sum(pc.is_in(target.table["content"], value_set=pool.table["content"].combine_chunks())).as_py() or 0
    return n and (
        f"{n:,} of the {target.n:,} samples of the target {target.name} are in {pool.name} too, to the letter or byte; "
        f"these list them and what is nearly the same: python -m datasel_core leaks {pool.name} --against {target.name}"
    )


def same_encoder(ours: StoredFeature) -> tuple[str, dict[str, Any]]:
    """The id and parameters of the feature to compute for a target, so that it lies in the same space as this one of
    the candidates.
    """
    learned = {"like": ours.key} if "space" in ours.meta.get("facts", {}) else {}
    return ours.id, {**ours.meta["params"], **learned}


def _on_trust(pool: Pool, roles: Roles, role: str, theirs: StoredFeature) -> str | None:
    """What is to be known where vectors were brought and nobody said what made them."""
    sides = {roles.pool.name: roles.features.get(role), pool.name: theirs}
    if any(one is None or one.id != "imported" for one in sides.values()):
        return None
    if theirs.meta.get("facts", {}).get(PART_OF) == sides[roles.pool.name].key:  # they are the pool's own
        return None
    silent = [name for name, one in sides.items() if encoder_of(one) is None]
    if not silent:
        return None
    return (
        f"{role}: nobody said which encoder made the vectors of {' and '.join(silent)}; give --encoder when they are "
        "imported."
    )


def _encoder(kept: StoredFeature) -> tuple[Any, ...]:
    """What made the values; weights and what was learned by their hash, for a file may be replaced by another of the
    same name.
    """
    facts, params = (
        kept.meta.get("facts", {}),
        {name: value for name, value in kept.meta["params"].items() if name != "like"},
    )
    return kept.id, kept.meta["version"], params, facts.get("weights_sha256"), facts.get("space")


def _compute(pool: Pool, ours: StoredFeature) -> str:
    id, params = same_encoder(ours)
    return (
        f"python -m datasel_core feature compute {pool.name} {id} "
        f"{' '.join(f'--set {name}={value}' for name, value in params.items())}"
    ).rstrip()


def _matching(pool: Pool, role: str, ours: StoredFeature | None, theirs: Sequence[StoredFeature]) -> StoredFeature:
    """The target's newest feature that lives in the same space as the candidates'."""
    if not theirs and ours is not None and "space" in ours.meta.get("facts", {}):
        raise MissingFeature(
            f"The target {pool.name} has no feature for the role {role} yet. Compute one in the space of the pool: "
            f"{_compute(pool, ours)}"
        )
    if not theirs and ours is not None and ours.role != role:
        raise MissingFeature(
            f"The target {pool.name} has no {ours.role}, which fills the role {role} of the pool; compute the same: "
            f"{_compute(pool, ours)}"
        )
    if not theirs:
        raise MissingFeature(f"The target {pool.name} has no feature for the role {role} yet. {how_to_get(pool, role)}")
    if ours is None:
        return theirs[-1]
    theirs = _of_like_encoders(pool, role, ours, theirs)
    same = [one for one in theirs if _encoder(one) == _encoder(ours)]
    # Where vectors were brought from elsewhere on both sides, and nobody named encoders, the width has to do.
    same = same or [one for one in theirs if one.id == ours.id == "imported"]
    if not same and ours.id == "imported":
        raise MissingFeature(
            f"The pool's {role} was imported, the target's computed by {theirs[-1].id}; import both, or compute both "
            "with the same encoder."
        )
    if not same:
        raise MissingFeature(
            f"The target {pool.name} has {role} from another encoder ({theirs[-1].id}), or from other weights; "
            "compute the same: "
            f"{_compute(pool, ours)}"
        )
    fitting = [one for one in same if one.meta["values"][1:] == ours.meta["values"][1:]]
    if not fitting:
        raise BadRequest(
            f"The role {role} has {same[-1].meta['values'][-1]} numbers per sample in the target {pool.name}, but "
            f"{ours.meta['values'][-1]} in the pool; "
            "both must come from the same encoder."
        )
    grids = [Grid.of(found) for one in (ours, fitting[-1]) if (found := one.meta.get("facts", {}).get(GRID))]
    if len(grids) == 2 and not grids[0].is_like(grids[1]):
        raise BadRequest(
            f"The fields of the target {pool.name} lie on another grid than the pool's; remap them to one."
        )
    return fitting[-1]


def _of_like_encoders(
    pool: Pool, role: str, ours: StoredFeature, theirs: Sequence[StoredFeature]
) -> list[StoredFeature]:
    """Those that nobody said to be of another encoder than ours; those of the same name, where there are any. Raises
    BadRequest when all are of others.
    """
    like = [one for one in theirs if not are_unlike(ours, one)]
    if not like:
        raise BadRequest(
            f"The {role} of {pool.name} was made by {encoder_of(theirs[-1])}, the pool's by {encoder_of(ours)}; "
            "vectors of unlike encoders cannot be compared: import both from one, with --encoder."
        )
    return [one for one in like if encoder_of(ours) is not None and encoder_of(one) is not None] or like
