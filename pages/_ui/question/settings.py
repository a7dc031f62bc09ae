"""What is asked, but for the budget: a row of methods, and a drawer for what is set rarely. What differs from the
defaults stands beside it, and in the address.
"""

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from datasel_core.base.role import GROUP, PICTURE
from datasel_core.errors import DataselError
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.charts import maps
from pages._ui.kit import disk, forms, keys, look, markdown
from pages._ui.question import advice, answers, chips, earlier, encoders, methods, targets, where

_USE = "use."
"""Before the name of a role in the address: a parameter may have the same name."""


def ask(pool: Pool) -> Question | None:
    """Draws the row; None, with the reason on the screen, while what is asked does not fit together."""
    ready, waiting = methods.usable(pool)
    if not ready:
        look.empty(
            "No method can be used yet",
            "Compute a feature first.",
            "Go to Data",
            "pages/data.py",
            **{"data.view": "features"},
        )
        return None
    found = advice.recommended(pool)
    if (asked := keys.get("method")) not in ready:
        if asked is not None:
            markdown.say(f"The method {asked} cannot be used on this pool yet; another is shown.", "info")
        if found.method in ready:
            advice.take(found)
        else:
            keys.put("method", next(iter(ready)))
    cls = ready[keys.get("method")]
    _restore(cls)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="chips"):
        chips.row(pool, ready, waiting, found)
        with st.popover("Settings", key="settings", icon=":material/tune:"):
            params, use, asked, error = _drawer(pool, cls)
        if differs := _differs(pool, cls, params, use, asked):
            said = html.escape(" · ".join(differs))
            st.html(f'<span class="ds-differs" title="{said}">{said}</span>', width="content")
    if error is not None:
        look.empty("The settings do not fit together", f"{error} Mend it in Settings.", key="settings-wrong")
        return None
    if not where.can_be_asked(pool):
        where.instead(pool)
        return None
    if cls.needs_target and asked["target"] is None:
        targets.missing(pool, cls, targets.possible(pool, cls, use))
        return None
    return _question(pool, cls(**params), use, asked)


def _question(pool: Pool, method: Method, use: Mapping[str, str], asked: Mapping[str, Any]) -> Question | None:
    try:
        question = answers.ask(pool, method, use, **asked)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None
    targets.on_trust(question.target)
    encoders.warn(question)
    return question


def _drawer(pool: Pool, cls: type[Method]) -> tuple[dict[str, Any], dict[str, str], dict[str, Any], str | None]:
    """Draws the form. Returns the parameters, role -> feature, the other fields of a spec, and what is wrong."""
    look.section("Settings", cls.title)
    options = {"role": methods.roles_of_shape(pool, cls.needs_one_of)} if cls.needs_one_of else {}
    params, error = forms.form(cls, f"method.{cls.id}", columns=1, options=options)
    said = "Start of the random numbers: the same seed gives the same selection."
    seed = int(keys.bound(st.number_input, "Seed", "select.seed", 0, min_value=0, step=1, help=said))
    use = methods.roles(pool, cls, () if error else cls(**params).roles())
    named = keys.get("select.target") in targets.possible(pool, cls, use) if cls.needs_target else False
    towards = targets.choose(pool, cls, use=use) if named else None
    within, already, condition = _from(pool)
    _remember(pool, cls, params, use)
    return (
        params,
        use,
        {"seed": seed, "target": towards, "within": within, "already": already, "where": condition},
        error,
    )


def _from(pool: Pool) -> tuple[str | None, str | None, str | None]:
    inside, before = earlier.choices(pool, "within"), earlier.choices(pool, "already")
    look.section("From where")
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


def _changed(cls: type[Method], params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that are not as they are by default."""
    return {name: value for name, value in params.items() if cls.model_fields[name].default != value}


def _differs(
    pool: Pool, cls: type[Method], params: Mapping[str, Any], use: Mapping[str, str], asked: Mapping[str, Any]
) -> list[str]:
    """What is not as by default, a few words each."""
    said = [": ".join(look.parameter(cls, name, value)) for name, value in _changed(cls, params).items()]
    said += [
        f"{role} {one}" if role in (GROUP.name, PICTURE.name) else f"another {role}"
        for role, one in _other(pool, use).items()
    ]
    said += [f"seed {asked['seed']}"] * bool(asked["seed"]) + [f"towards {asked['target']}"] * bool(asked["target"])
    for flag, before in (("within", "only from"), ("already", "beside")):
        if asked[flag]:
            said.append(f"{before} {earlier.choices(pool, flag).get(asked[flag], 'an earlier selection')}")
    return said + [f"where {asked['where']}"] * bool(asked["where"])


def _other(pool: Pool, use: Mapping[str, str]) -> dict[str, str]:
    """Roles that are filled by something else than where nothing is named."""
    usual = {role: one.key for role, one in disk.roles(pool).features.items()}
    usual |= {PICTURE.name: "id", GROUP.name: next(iter(maps.group_columns(pool)), "")}
    return {role: one for role, one in use.items() if one != usual.get(role)}


def _remember(pool: Pool, cls: type[Method], params: Mapping[str, Any], use: Mapping[str, str]) -> None:
    said = {**_changed(cls, params), **{f"{_USE}{role}": one for role, one in _other(pool, use).items()}}
    keys.put("select.settings", urlencode({name: "none" if value is None else value for name, value in said.items()}))


def _restore(cls: type[Method]) -> None:
    """What the address said when the session began goes into the form, once."""
    if keys.get("settings.read"):
        return
    keys.put("settings.read", True)
    said = dict(parse_qsl(str(keys.get("select.settings") or "")))
    for name in [name for name in said if name.startswith(_USE)]:
        keys.put(f"select.use.{name.removeprefix(_USE)}", said.pop(name))
    for name in said.keys() & cls.model_fields.keys():
        keys.put(f"form.method.{cls.id}.{name}", said[name])
