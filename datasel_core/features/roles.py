"""Roles, not encoders: which of the pool's features fills each role a method asks for."""

import functools
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.base import registry
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import FACT, GROUP, LABELS, PICTURE, RELATION, find_role
from datasel_core.errors import BadRequest, MissingFeature, UnknownName
from datasel_core.features.feature import OPENED, Feature
from datasel_core.features.space import are_unlike, encoder_of
from datasel_core.features.stored import UNMEASURED, StoredFeature, kept_features
from datasel_core.features.twins import first_of_picture, numbered
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, without_home

_BLOCK = 1 << 16
NAMES = "names"
"""Among the facts of a feature of words: its values are positions in this list."""
_NAMED = (FACT.name, RELATION.name)
"""Roles that the column of their own name fills, where no other is named; they are numbers, equal where it is."""
_COLUMNS = (GROUP.name, PICTURE.name, *_NAMED)
"""Roles that columns of the pool fill, never a feature."""


@dataclass(frozen=True)
class Roles:
    """features: role -> the feature that fills it. group: the column that gives the groups, or None. picture: the
    column of which equal values mean one picture; empty for what the pool itself knows of its pictures. columns: the
    columns that fill `fact` and `relation`, where there are such.
    """

    pool: Pool
    features: Mapping[str, StoredFeature]
    group: str | None
    picture: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, workspace: Workspace, pool: Pool, use: Mapping[str, str] | None = None, needs: Sequence[str] = ()
    ) -> "Roles":
        """use: role -> feature id or key (for `group`, `picture`, `fact` and `relation`: a column). Where a role is not
        named, the newest feature of that role fills it.

        For `embedding`, `use` may also name a feature of another role, by id, key or role, that has one vector per
        sample; for a role with others in `also`, one of those, of which the newest fills it too where it has none.
        Raises MissingFeature when a needed role has none, saying how to get it; UnknownName when `use` names what is
        not there.
        """
        use = dict(use or {})
        kept = kept_features(workspace, pool.fingerprint)
        group = use.pop(GROUP.name, None) or pool.group_column
        picture = use.pop(PICTURE.name, "")
        if picture == ", ".join(pool.picture_columns):
            picture = ""  # as a manifest calls what the pool itself knows
        there = {role: use.pop(role, None) or (role if role in pool.columns else "") for role in _NAMED}
        columns = {role: name for role, name in there.items() if name}
        chosen = {one.role: one for one in kept}
        also = {role: [chosen[one] for one in find_role(role).also if one in chosen] for role in needs}
        chosen = {role: found[0] for role, found in also.items() if found} | chosen
        for role, name in use.items():
            chosen[role] = _named(kept, role, name, pool)
        roles = cls(pool, chosen, group, picture, columns)
        for column in filter(None, (group if group not in roles.words() else None, picture, *columns.values())):
            if column not in pool.columns:
                pool.column(column)  # says which there are
        for role in needs:
            roles._check_there(role)
        roles._check_one_space(needs)
        return roles

    def _check_there(self, role: str) -> None:
        """Raises MissingFeature when nothing fills a role."""
        pool = self.pool
        has = f"(it has: {', '.join(pool.columns)})"
        if role == GROUP.name and self.group is None:
            raise MissingFeature(f"The pool {pool.name} has no column group; name one with --use group=COLUMN {has}.")
        if role == PICTURE.name and not self.picture and not pool.picture_columns:
            raise MissingFeature(
                f"The pool {pool.name} does not say which samples show one picture; name a column that does with "
                f"--use picture=COLUMN {has}."
            )
        if role in _NAMED and role not in self.columns:
            raise MissingFeature(f"The pool {pool.name} has no column {role}; name one with --use {role}=COLUMN {has}.")
        if role not in _COLUMNS and role not in self.features:
            raise MissingFeature(
                f"The pool {pool.name} has no feature for the role {role} yet. {how_to_get(pool, role)}"
            )

    @functools.cached_property
    def pictures(self) -> np.ndarray:
        """(n,) int64: the first row of the pool that shows the same picture as each row."""
        return first_of_picture(self.pool, self.picture)

    def _numbers(self, role: str) -> np.ndarray | None:
        """(n,) int64: for `fact` and `relation`, the place of each sample's value among those that differ, in the order
        in which they come first; a sample without one shares it with none. None where no column fills the role.
        """
        if role in self.columns and role not in self._numbered:
            self._numbered[role] = numbered(self.pool.column(self.columns[role]))
        return self._numbered.get(role)

    @functools.cached_property
    def _numbered(self) -> dict[str, np.ndarray]:
        return {}

    def _check_one_space(self, needs: Sequence[str]) -> None:
        """Raises BadRequest when photos and captions were encoded by different models: cosines would mean nothing.
        Imported vectors of which nobody said what made them are taken on trust.
        """
        towers = {role: self.features[role] for role in needs if find_role(role).space}
        for (role, one), (other, another) in itertools.combinations(towers.items(), 2):
            if are_unlike(one, another):
                raise BadRequest(
                    f"The vectors of {self.pool.name} for {role} were made by {encoder_of(one)}, for {other} by "
                    f"{encoder_of(another)}; unlike encoders cannot be compared: import both from one, with --encoder."
                )
        if len({one.meta["facts"].get("weights_sha256") for one in towers.values()} - {None}) < 2:
            return
        said = " and ".join(
            f"{role} ({one.key}: {' '.join(filter(None, _model_of(one)))})" for role, one in towers.items()
        )
        raise BadRequest(
            f"The vectors of {self.pool.name} for {said} come from different models and cannot be compared; "
            "compute both with one model, or name two that belong together: "
            f"{' '.join(f'--use {role}=KEY' for role in towers)}."
        )

    def array(self, role: str, rows: np.ndarray | None = None) -> np.ndarray | Ragged | None:
        """The array of a role for some rows of the pool (all by default), or None where nothing fills it."""
        if role == GROUP.name:
            if self.group is None:
                return None
            labels = np.array(["" if label is None else str(label) for label in self._of_group().tolist()])
            return labels if rows is None else labels[rows]
        if role == PICTURE.name:
            return self.pictures if rows is None else self.pictures[rows]
        if role in _NAMED:
            values = self._numbers(role)
            return values if rows is None or values is None else values[rows]
        if role == LABELS.name and self.pool.has_labels:
            labels = self.pool.column(role)
            return labels if rows is None else labels[rows]
        if role not in self.features:
            return None
        values = self.features[role].values()
        if role in self.words():
            values = self._words(role, values)
        if rows is None or (len(rows) == len(values) and np.array_equal(rows, np.arange(len(values)))):
            return values
        if isinstance(values, Ragged):
            return values.take(rows)
        parts = [values[rows[start : start + _BLOCK]] for start in range(0, len(rows), _BLOCK)]
        return np.concatenate(parts) if len(rows) else values[:0]

    def arrays(self, roles: Sequence[str]) -> dict[str, np.ndarray]:
        """Of those of these roles that something fills."""
        return {role: self.array(role) for role in roles if self.has(role)}

    @functools.cached_property
    def groups(self) -> np.ndarray:
        """(n,) text: the group of every sample, empty where it has none. A gap in a column of numbers is none, too:
        `array` calls it nan, and selections by group were always made of that.
        """
        gaps = [label != label for label in self._of_group().tolist()]
        return np.where(gaps, "", self.array(GROUP.name))

    def _of_group(self) -> np.ndarray:
        """(n,) what the column of the groups says: one of the pool, else a role of words."""
        by_pool = self.group in self.pool.columns
        return self.pool.column(self.group) if by_pool else self.array(self.group)

    def _words(self, role: str, codes: np.ndarray) -> np.ndarray:
        """(n,) text, None where a sample has none. codes: positions among the names of the feature."""
        names = np.array([*(_names(self.features[role]) or ()), None], dtype=object)
        return names[np.where(np.isnan(codes), -1, codes).astype(np.int64)]

    def numbers(self) -> list[str]:
        """Roles that are one number per sample, whether somebody declared them or brought them."""
        return [role for role, one in self.features.items() if _is_single(one) and _names(one) is None]

    def words(self) -> list[str]:
        """Roles that are one word per sample, such as the label that most labellers gave it."""
        return [role for role, one in self.features.items() if _is_single(one) and _names(one) is not None]

    def missing_rows(self, roles: Sequence[str]) -> np.ndarray:
        """Rows of the pool that have no value in one of these roles."""
        rows = [self.features[role].lacking for role in roles if role in self.features]
        return np.unique(np.concatenate([np.empty(0, np.int64), *rows]))

    def has(self, role: str) -> bool:
        """Whether a feature, or a column of the pool, fills a role."""
        return self.group is not None if role == GROUP.name else role in self.features or role in self.columns

    def unreadable(self, roles: Sequence[str]) -> list[dict[str, str]]:
        entries = [entry for role in roles if role in self.features for entry in self.features[role].unreadable]
        return [
            {"id": id, "reason": reason}
            for id, reason in dict.fromkeys((entry["id"], entry["reason"]) for entry in entries)
        ]

    def facts(self, roles: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What is known of the features that fill these roles, such as how well a model predicts; columns say
        nothing.
        """
        return {role: self.features[role].meta.get("facts", {}) for role in roles if role in self.features}

    def keys(self, roles: Sequence[str]) -> dict[str, str]:
        return {role: self._key(role) for role in roles}

    def _key(self, role: str) -> str:
        if role == GROUP.name:
            by_pool = self.group is None or self.group in self.pool.columns
            return f"column {self.group}" if by_pool else self._key(self.group)
        if role == PICTURE.name:
            return hashlib.sha256(self.pictures.astype("<i8").tobytes()).hexdigest()
        if role in _NAMED:
            return hashlib.sha256(self.array(role).astype("<i8").tobytes()).hexdigest()
        meta, names = self.features[role].meta, _names(self.features[role])
        # of words the files hold positions among these
        return meta["fingerprint"] if names is None else key_of([meta["fingerprint"], names])

    def about(self, roles: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the manifest says of the features that were used."""
        said: dict[str, dict[str, Any]] = {}
        for role in roles:
            if role == GROUP.name:
                said[role] = {"id": "column", "column": self.group}
                said[role] |= {} if self.group in self.pool.columns else {"fingerprint": self._key(role)}
                continue
            if role in _COLUMNS:
                column = self.columns.get(role) or self.picture or ", ".join(self.pool.picture_columns)
                said[role] = {"id": "column", "column": column, "fingerprint": self._key(role)}
                continue
            meta = self.features[role].meta
            said[role] = {name: meta[name] for name in ("id", "version", "params", "key", "fingerprint")}
            said[role]["params"] = without_home(meta["params"])  # where a model's weights lie
            said[role] |= {name: meta[name] for name in (UNMEASURED,) if name in meta}
        return said


def _names(one: StoredFeature) -> list[str] | None:
    """What the values of a feature of words are positions in; None of any other."""
    return one.meta.get("facts", {}).get(NAMES)


def _is_single(one: StoredFeature, axes: int = 1) -> bool:
    return one.meta["shape"] == "rows" and len(one.meta["values"]) == axes


def _named(kept: Sequence[StoredFeature], role: str, name: str, pool: Pool) -> StoredFeature:
    """The newest feature that is meant by a name; one of the role itself comes before others."""
    own = [one for one in kept if one.role == role]
    if found := [one for one in own if name in (one.key, one.id)]:
        return found[-1]
    mine = find_role(role)
    others = [one for one in kept if one.role in mine.also or (mine.any_vectors and one.role != role)]
    # `imported` says nothing of what it is
    others = [one for one in others if name in (one.key, one.role) or (name == one.id != "imported")]
    if found := [one for one in others if one.role in mine.also or _is_single(one, axes=2)]:
        return found[-1]
    if others:
        raise BadRequest(f"{name} cannot fill the role {role} of {pool.name}: it does not have one vector per sample.")
    raise UnknownName(f"feature for the role {role} of {pool.name}", name, {one.id for one in own})


def _model_of(kept: StoredFeature) -> tuple[str, str | None]:
    facts = kept.meta["facts"]
    return facts["model"], facts.get("pretrained")


def how_to_get(pool: Pool, role: str) -> str:
    """One sentence: the command that fills a role."""
    declared = registry.every("feature")
    follows = next((one.reads for one in declared.values() if one.role == role and one.at_once), None)
    if follows is not None:
        return how_to_get(pool, follows)
    makers = [id for id, one in declared.items() if one.role == role and _can_read(pool, one)]
    makers.sort(key=lambda id: (declared[id].downloads, id))
    kept_by = find_role(role).kept_by.replace("POOL", pool.name)
    if makers or kept_by:
        words = kept_by or " ".join(filter(None, ("feature compute", pool.name, makers[0], declared[makers[0]].asks)))
        return f"Compute one: python -m datasel_core {words}"
    if of_others := [one for one in declared.values() if one.role == role and one.reads not in OPENED]:
        then = f"python -m datasel_core feature compute {pool.name} {of_others[0].id}"
        return f"{how_to_get(pool, of_others[0].reads)}; then: {then}"
    return f"Import one: python -m datasel_core feature import {pool.name} {role} FILE.npz"


def _can_read(pool: Pool, feature: type[Feature]) -> bool:
    """Whether it reads the samples themselves, or grids of vectors, which nothing here computes: they are brought."""
    return feature.reads in pool.opens or find_role(feature.reads).shape == "grid"
