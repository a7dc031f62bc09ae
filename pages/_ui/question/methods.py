"""The left side of the select page: method cards, parameters, roles, where to choose from."""

from collections.abc import Mapping, Sequence

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import GROUP, PICTURE, find_role
from datasel_core.errors import DataselError
from datasel_core.features.description import described, told_apart
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.charts import maps
from pages._ui.kit import disk, forms, keys, look, markdown
from pages._ui.question import advice, answers, earlier, encoders, targets, where

_FIRST = ("freesel", "s2l", "k_center", "facility_location", "random")


def settings(pool: Pool) -> Question | None:
    """Draws everything but the budget; None, with the reason on the screen, while it does not fit together."""
    ready, waiting = _sorted(pool)
    if not ready:
        return None
    found = advice.recommended(pool)
    if keys.get("method") not in ready:
        keys.put("method", found.method if found.method in ready else next(iter(ready)))
    if found.method in ready:
        advice.card(pool, found, keys.get("method"))
    for one in ready.values():
        card(one, one.id == keys.get("method"), "method")
    if waiting:
        with st.expander(
            f"{len(waiting)} more {'method needs' if len(waiting) == 1 else 'methods need'} something first"
        ):
            for one, lacks in waiting:
                st.button(one.title, key=f"method-{one.id}", disabled=True, width="stretch")
                st.caption(f"{_sentence(one.summary())} {lacks}")
            st.page_link("pages/data.py", label="Compute or import features", icon=":material/arrow_forward:")
    cls = ready[keys.get("method")]
    look.section("Parameters", cls.title)
    options = {"role": roles_of_shape(pool, cls.needs_one_of)} if cls.needs_one_of else {}
    params, error = forms.form(cls, f"method.{cls.id}", columns=1, options=options)
    said = "Start of the random numbers: the same seed gives the same selection."
    seed = int(keys.bound(st.number_input, "Seed", "select.seed", 0, min_value=0, step=1, help=said))
    use = roles(pool, cls, () if error else cls(**params).roles())
    towards = targets.choose(pool, cls, use=use) if cls.needs_target else None
    within, already, condition = _from(pool)
    if error is not None or not where.can_be_asked(pool):
        return None
    try:
        part = {"within": within, "already": already, "where": condition}
        asked = answers.ask(pool, cls(**params), use, seed=seed, target=towards, **part)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None
    targets.on_trust(asked.target)
    encoders.warn(asked)
    return asked


def ready(pool: Pool) -> dict[str, type[Method]]:
    """Methods that can be used now, by id, the most asked for first."""
    return _sorted(pool)[0]


def _sorted(pool: Pool) -> tuple[dict[str, type[Method]], list[tuple[type[Method], str]]]:
    """Methods that can be used now, the most asked for first; the others with what they lack."""
    ready, waiting = [], []
    for one in registry.every("method").values():
        lacks = [
            role for role in one.needs if not (maps.group_columns(pool) if role == GROUP.name else fillers(pool, role))
        ]
        if one.needs_one_of and not roles_of_shape(pool, one.needs_one_of):
            waiting.append((one, f"It needs one {one.needs_one_of} per sample, which this pool does not have yet."))
        elif lacks:
            waiting.append((one, f"It needs {' and '.join(_role(role) for role in lacks)}."))
        elif one.needs_target and not targets.possible(pool, one):
            waiting.append(
                (
                    one,
                    "It needs a target: another pool, of examples of what you want to be good at, with "
                    f"{' and '.join(one.needs_target)}.",
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
        else f"the feature {role}, which this pool does not have yet"
    )


def card(cls: type[Method], chosen: bool, kept_as: str) -> None:
    """One method; a click puts its id under `kept_as`."""
    with st.container(border=chosen, key=f"card-{'chosen' if chosen else 'other'}-{cls.id}", gap=None):
        st.button(
            cls.title,
            key=f"method-{cls.id}",
            type="primary" if chosen else "tertiary",
            width="stretch" if chosen else "content",
            on_click=keys.put,
            args=(kept_as, cls.id),
        )
        if not chosen:
            st.caption(_sentence(cls.summary()))
            return
        st.markdown(f":small[{cls.summary()}]")
        one_of = [f"one {cls.needs_one_of} per sample"] if cls.needs_one_of else []
        needs = (", ".join([*cls.needs, *one_of]) or "nothing") + (
            f"; of a target {', '.join(cls.needs_target)}" if cls.needs_target else ""
        )
        said = [
            f"**Needs** {needs}",
            f"**Cost** {cls.cost}" if cls.cost else "",
            f"**Not** {cls.avoid[:1].lower() + cls.avoid[1:]}" if cls.avoid else "",
        ]
        st.caption("  \n".join(part for part in said if part) + (f"  \n[Paper]({cls.paper})" if cls.paper else ""))


def _sentence(text: str) -> str:
    """The first sentence, or the part before its colon where that is long."""
    first = text.split(". ")[0].rstrip(".")
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
            columns = maps.group_columns(pool)
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


def fillers(pool: Pool, role: str) -> list[StoredFeature]:
    """Features that can fill a role, the newest of its own first; loss trajectories are vectors, too."""
    found = list(reversed(disk.features(pool)))
    also = [one for one in found if find_role(role).any_vectors and find_role(one.role).shape == "series"]
    return [one for one in found if one.role == role] + also


def _from(pool: Pool) -> tuple[str | None, str | None, str | None]:
    inside, before = earlier.choices(pool, "within"), earlier.choices(pool, "already")
    with st.expander("Choose from a part, or a second batch"):
        within = already = ""
        if len(inside) > 1:
            within = keys.bound(
                st.selectbox, "Only from", "select.within", "", options=list(inside), format_func=inside.get
            )
        if len(before) > 1:
            already = keys.bound(
                st.selectbox,
                "Count as chosen already",
                "already",
                "",
                options=list(before),
                format_func=before.get,
                help="Never chosen again, but what they cover is covered. A second batch brings the first along.",
            )
        else:
            st.caption("Earlier selections can be narrowed or added to, once there is one.")
            keys.put("already", None)  # the address never says what is not counted
        condition = where.field(pool)
    return within or None, already or None, condition
