"""Methods: which can be used on a pool, what the others lack, what each needs and costs; what fills a role."""

from collections.abc import Mapping, Sequence

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import GROUP, PICTURE, find_role
from datasel_core.features.description import described, told_apart
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from pages._ui.charts import maps
from pages._ui.kit import disk, keys, markdown
from pages._ui.question import targets

_FIRST = ("freesel", "s2l", "k_center", "facility_location", "random")


def ready(pool: Pool) -> dict[str, type[Method]]:
    """Methods that can be used now, by id, the most asked for first."""
    return usable(pool)[0]


def usable(pool: Pool) -> tuple[dict[str, type[Method]], list[tuple[type[Method], str]]]:
    """Methods that can be used now, the most asked for first; the others with what they lack."""
    ready, waiting = [], []
    for one in registry.every("method").values():
        lacks = [role for role in one.needs if not _is_there(pool, role)]
        if one.needs_one_of and not roles_of_shape(pool, one.needs_one_of):
            waiting.append((one, f"It needs one {one.needs_one_of} per sample, which this pool does not have yet."))
        elif lacks:
            waiting.append((one, f"It needs {' and '.join(_role(role) for role in lacks)}."))
        elif one.needs_target and not targets.possible(pool, one):
            waiting.append(
                (
                    one,
                    "It needs a target: another pool, of examples of what you want to be good at, with "
                    f"{' and '.join(map(_words, one.needs_target))}.",
                )
            )
        else:
            ready.append(one)
    ready.sort(key=lambda one: _FIRST.index(one.id) if one.id in _FIRST else len(_FIRST))
    return {one.id: one for one in ready}, waiting


def _role(role: str) -> str:
    return (
        "a column that groups the pool"
        if role == GROUP.name
        else f"the feature {_words(role)}, which this pool does not have yet"
    )


def _words(role: str) -> str:
    return role.replace("_", " ")


def terms(cls: type[Method]) -> str:
    """What a method needs, what it costs, when not to use it, and its paper, as Markdown."""
    one_of = [f"one {cls.needs_one_of} per sample"] if cls.needs_one_of else []
    needs = (", ".join([*map(_words, cls.needs), *one_of]) or "nothing") + (
        f"; of a target {', '.join(map(_words, cls.needs_target))}" if cls.needs_target else ""
    )
    said = [
        f"**Needs** {needs}",
        f"**Cost** {cls.cost}" if cls.cost else "",
        f"**Not** {cls.avoid[:1].lower() + cls.avoid[1:]}" if cls.avoid else "",
    ]
    return "  \n".join(part for part in said if part) + (f"  \n[Paper]({cls.paper})" if cls.paper else "")


def sentence(cls: type[Method]) -> str:
    """The first sentence of its summary, or the part before its colon where that is long."""
    first = cls.summary().split(". ")[0].rstrip(".")
    return (first.split(": ")[0] if len(first) > 90 else first) + "."


def roles(pool: Pool, cls: type[Method], used: Sequence[str] = ()) -> dict[str, str]:
    """role -> feature, where several could fill it. used: roles it asks for as its parameters are, where that is more
    than it always needs.
    """
    use: dict[str, str] = {}
    for role in dict.fromkeys((*cls.needs, *used)):
        if role == PICTURE.name:
            if not pool.picture_columns:
                said = "Pairs that agree in it show one picture."
                use[role] = keys.bound(
                    st.selectbox, "Picture column", "select.use.picture", "id", options=pool.columns, help=said
                )
            continue
        if role == GROUP.name:
            columns = maps.groupings(pool)
            if columns and (len(columns) > 1 or columns != [pool.group_column]):
                use[role] = keys.bound(st.selectbox, "Group column", "select.use.group", columns[0], options=columns)
            continue
        found = {one.key: one for one in fillers(pool, role)}
        if len(found) > 1 or any(one.role != role for one in found.values()):
            names = told_apart(list(found.values()))
            names |= {key: f"{one.role} · {names[key]}" for key, one in found.items() if one.role != role}
            use[role] = keys.bound(
                st.selectbox,
                f"Which {markdown.plain(role)}",
                f"select.use.{role}",
                next(iter(found)),
                options=list(found),
                format_func=names.get,
                help=f"The first is taken where none is named; as a command {markdown.code(f'--use {role}=KEY')}.",
            )
            st.caption(markdown.plain(_filler(found, role, use[role])))
    return use


def _filler(found: Mapping[str, StoredFeature], role: str, key: str) -> str:
    """What fills a role, with all that tells it from the others. found: by key, the newest first."""
    one, first = found[key], next(iter(found))
    of = f"{one.role}: " if one.role != role else ""
    return f"{of}{described(one)}; {'the newest' if key == first else 'not the newest'} of {len(found)}."


def roles_of_shape(pool: Pool, shape: str) -> list[str]:
    """Roles that the pool has something for, of this shape."""
    filled = disk.roles(pool)
    return filled.numbers() if shape == "number" else [one for one in filled.features if find_role(one).shape == shape]


def _is_there(pool: Pool, role: str) -> bool:
    """Whether a feature, or a column of the pool, fills a role."""
    return bool(maps.groupings(pool) if role == GROUP.name else fillers(pool, role) or disk.roles(pool).has(role))


def fillers(pool: Pool, role: str) -> list[StoredFeature]:
    """Features that can fill a role, the newest of its own first, then what stands in where it has none; loss
    trajectories are vectors, too, and gradients.
    """
    found, of = list(reversed(disk.features(pool))), find_role(role)
    also = [one for one in found if of.any_vectors and one.role != role and _are_vectors(one.role)]
    return [one for name in (role, *of.also) for one in found if one.role == name] + also


def _are_vectors(role: str) -> bool:
    """Whether it has one vector per sample, and none that is made to be compared with another role alone."""
    of = find_role(role)
    return of.shape in ("vector", "series") and not of.space
