"""What the screen remembers: the open pool, the budget, the method, the active run. The only module that knows session
and query keys.

Values live under keys that no widget owns, so a page change does not lose them. LINKED ones are also in the address, as
text: a link, a reload or a restarted server shows the same. The address decides when a session begins; from then on the
session does, because Streamlit clears the address on every page change.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from datasel_core.errors import BadRequest, DataselError
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import markdown

LINKED = ("pool", "budget", "method", "already", "run", "role", "colour")
LINKED += ("map.region", "map.hidden", "map.view", "data.group", "leaks.against", "leaks.by", "plan.share")
LINKED += ("plan.wish", "plan.labels", "plan.class", "plan.least")
SHORT = {
    "data.view": ("data.view", "samples"),
    "select.seed": ("seed", "0"),
    "select.settings": ("settings", ""),
    "select.target": ("target", ""),
    "select.where": ("where", ""),
    "select.within": ("within", ""),
    "select.show": ("view", "kept"),
    "select.rail": ("rail", "map"),
    "select.sample": ("sample", ""),
    "review.look": ("look", "all"),
    "review.rule": ("rule", "latest"),
    "review.share": ("second", "20"),
    "labels.of": ("labels_of", ""),
    "labels.known": ("known", ""),
    "data.kept": ("kept", ""),
    "find.by": ("by", "words"),
    "find.words": ("q", ""),
    "find.like": ("like", ""),
    "find.says": ("says", ""),
    "find.n": ("n", "60"),
    "find.where": ("filter", ""),
    "find.open": ("open", ""),
    "pairs.score": ("score", "clip_score"),
    "pairs.view": ("pairs", "cut"),
    "pairs.within": ("from", ""),
    "pairs.other": ("against", ""),
    "pairs.words": ("words", ""),
    "trajectories.view": ("below", "members"),
    "trajectories.sort": ("order", "size"),
    "trajectories.cluster": ("cluster", ""),
    "trajectories.colour": ("paint", "kept"),
    "form.method.s2l.n_clusters": ("clusters", "100"),
    "form.method.s2l.per_group": ("per_group", "False"),
    "form.method.s2l.n_checkpoints": ("checkpoints", ""),
    "targets.view": ("show", "map"),
    "form.method.tsds.alpha": ("alpha", "0.5"),
    "form.method.tsds.c": ("c", "5.0"),
    "form.method.tsds.sigma": ("sigma", "0.75"),
    "form.method.tsds.sampling": ("sampling", "without_replacement"),
    "form.method.tsds.max_k": ("max_k", "5000"),
    "form.method.tsds.kde_k": ("kde_k", "1000"),
    "form.method.tsds.neighbors": ("neighbors", "exact"),
    "plan.view": ("plan", "cost"),
    "plan.labels_per_item": ("labels", ""),
    "plan.minimum_order": ("minimum", "0"),
    "plan.passes": ("passes", "1"),
    "plan.adjudicated": ("decided", ""),
    "plan.adjudication_seconds": ("decide_seconds", ""),
    "plan.people": ("people", "1"),
    "plan.hours_a_day": ("hours", ""),
    "plan.days_a_week": ("days", "5"),
    "plan.table": ("table", "examples"),
    "plan.enough": ("enough", "curve"),
    "plan.axis": ("axis", "labels"),
    "plan.probe": ("probe", "linear"),
    "rounds.project": ("project", ""),
}
"""More that is in the address -> how it is called there, and the value that need not be said."""
SHORT |= {f"rounds.{part}.{at}": (f"{part}{at}", "") for part in ("percent", "method", "target") for at in (1, 2, 3)}
_PLAN = ("of", "rate", "seconds", "seconds_spread", "labels_spread", "price", "wage", "currency", "gold", "review")
SHORT |= {f"plan.{name}": (name, "") for name in (*_PLAN, "review_seconds", "start", "deadline", "level")}
_ROUNDS = "name rounds seconds wage currency measure gain reach budget least most least_per most_per"
_INFLUENCE = {"view": "loss", "on": "judge", "axis": "tokens", "stage": "0.1", "stages": "3", "seeds": "1"}
_INFLUENCE |= {"share": "20%", "warm_up": "20%", "steps": "500", "probes": "500", "weak": "False"}
_INFLUENCE |= dict.fromkeys(("run", "reference", "judge", "other"), "")
_FACTS = {"view": "capacity", "parameters": "100000", "exposures": "100", "by": "measured", "bits": "0.0"}
_FACTS |= {"layers": "2", "width": "48", "steps": "1500", "seeds": "3", "order": "often", "page": "1"}
_CLIMATE = {"view": "timeline", "draws": "200", "budgets": "5,10,20,40,80,all", "axis": "kept", "purchase": "run"}
_CLIMATE |= {"spin_up": "0", "restarts": "there", "size": "1", "driver": "gmst", "weighting": "years"}
_TYPED = "target reference period hours storage hour_price terabyte_price currency judge owned card kind forcing"
_CLIMATE, _ROUNDS = _CLIMATE | dict.fromkeys(_TYPED.split(), ""), dict.fromkeys(_ROUNDS.split(), "")
for _page, _said in (("rounds", _ROUNDS), ("influence", _INFLUENCE), ("facts", _FACTS), ("climate", _CLIMATE)):
    SHORT |= {f"{_page}.{name}": (f"{_page}_{name}", usual) for name, usual in _said.items()}
_SAID = {name: (name, "") for name in LINKED} | SHORT
_BELONG_TO_POOL = ("run", "already", "role", "colour", "open_row", "trajectories.cluster", "error.rounds")
_PARTS = {"plan": "of rate share wish labels class least", "influence": "run stage reference judge other"}
_PARTS |= {"find": "by words like says n where open encoding", "facts": "bits page counted"}
_PARTS |= {"select": "target where within settings sample", "map": "region hidden view", "leaks": "against by"}
_PARTS |= {"data": "group new kept", "pairs": "within words", "targets": "row target", "labels": "of known"}
_PARTS |= {"rounds": "project budget least_per most_per", "climate": "target reference period judge owned card forcing"}
_BELONG_TO_POOL += tuple(f"{page}.{part}" for page, parts in _PARTS.items() for part in parts.split())


def workspace() -> Workspace:
    """Where everything is kept. What cannot be one is said in place of every page."""
    try:
        return Workspace.at()
    except BadRequest as error:
        markdown.trouble(error)
        st.stop()


def get(name: str, default: Any = None) -> Any:
    """What was kept under this name, on any page. Linked values that came with the address are text."""
    _take()
    value = st.session_state.get(_key(name))
    return default if value is None else value


def put(name: str, value: Any) -> None:
    """Keeps a value under this name; None forgets it. Linked names change the address too."""
    _take()
    st.session_state[_key(name)] = value
    _mirror(name)


def pool() -> Pool | None:
    """The open pool; the only one there is, when none was opened. None, with a line in `notice()`, when it is gone or
    damaged.
    """
    home, name = workspace(), get("pool")
    names = pool_names(home)
    if name is None and len(names) == 1:
        name = names[0]
        put("pool", name)
    if name is None:
        return None
    if name not in names:
        put("pool", None)
        tell(f"The pool {name} is no longer in the workspace.", "warning")
        return None
    try:
        stamp = (home.pool(name) / "pool.json").stat().st_mtime_ns
        return _load(str(home.path), name, stamp)
    except (DataselError, OSError) as error:
        put("pool", None)
        tell(str(error), "error")
        return None


def open_pool(name: str) -> None:
    """From now on this pool is the open one; what belonged to the other is forgotten."""
    if get("pool") != name:
        for belongs in _BELONG_TO_POOL:
            put(belongs, None)
    put("pool", name)


def tell(text: str, kind: Literal["success", "info", "warning", "error"] = "info") -> None:
    """One line that the next page shows once, at the top."""
    put("notice", (text, kind))


def notice() -> tuple[str, str] | None:
    """What `tell` was given and nobody has seen yet."""
    said = get("notice")
    put("notice", None)
    return said


def bound(widget: Callable[..., Any], label: str, name: str, default: Any, **options: Any) -> Any:
    """Draws a widget whose value is kept under `name`. Its own key is `widget_key(name)`; a `put` from anywhere moves
    it.

    What was kept but cannot be shown (another type, no longer an option, out of range) gives way to the default.
    """
    key, also = widget_key(name), options.pop("on_change", None)
    value = _fitting(get(name, default), default, options)

    def take() -> None:
        put(name, st.session_state[key])
        if also is not None:
            also()

    moved(key, value)
    if "format_func" in options and widget.__name__ == "selectbox":
        _relabelled(key, value, [options["format_func"](one) for one in options["options"]])
    answer = widget(label, key=key, on_change=take, **_begun(widget, value, options), **options)
    if get(name) != answer:
        put(name, answer)
    return answer


def moved(key: str, value: Any) -> None:
    """Moves a widget that is on the screen already; one that is not takes its value where it is drawn.

    Only that survives when the page is drawn twice in quick succession: what was set in session_state is sent once, and
    the first drawing may be lost.
    """
    if key in st.session_state and st.session_state[key] != value:
        st.session_state[key] = value


def _relabelled(key: str, value: Any, labels: list[str]) -> None:
    """Moves a list to its own value when the options are called otherwise than before, as after a renaming: the browser
    remembers what was chosen by its label.
    """
    before = st.session_state.get(f"labels.{key}")
    if key in st.session_state and before is not None and before != labels:
        st.session_state[key] = value
    st.session_state[f"labels.{key}"] = labels


def _begun(widget: Callable[..., Any], value: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The value, as this kind of widget takes it."""
    kind = widget.__name__
    if kind in ("selectbox", "radio"):
        return {"index": None if value is None else list(options["options"]).index(value)}
    return {"default": value} if kind in ("segmented_control", "pills", "multiselect") else {"value": value}


def widget_key(name: str) -> str:
    return f"widget.{name}"


def _key(name: str) -> str:
    return f"kept.{name}"


def begin() -> None:
    """A run of a whole page begins: Streamlit cleared the address where the page changed, at the latest when the page
    was found, and it is written anew.
    """
    _take()
    there = st.query_params.to_dict()
    for name in _SAID:
        _mirror(name, there)


def _take() -> None:
    """The first run of a session takes what the address says."""
    if "kept" not in st.session_state:
        st.session_state["kept"] = True
        for name, (said, _) in _SAID.items():
            if said in st.query_params:
                st.session_state[_key(name)] = st.query_params[said]


def _mirror(name: str, there: Mapping[str, str] | None = None) -> None:
    if name not in _SAID:
        return
    (said, usual), value = _SAID[name], st.session_state.get(_key(name))
    there = st.query_params if there is None else there
    if value in (None, "") or str(value) == usual:
        if said in there:
            del st.query_params[said]
    elif there.get(said) != str(value):
        st.query_params[said] = str(value)


def _fitting(value: Any, default: Any, options: dict[str, Any]) -> Any:
    choices: Iterable[Any] | None = options.get("options")
    if choices is not None:
        known = list(choices)
        if options.get("selection_mode") == "multi" or isinstance(default, list):
            return [one for one in value if one in known] if isinstance(value, list | tuple) else default
        return (
            value
            if value in known or value is None
            else next((one for one in known if str(one) == str(value)), default)
        )
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value) == "True"
    if isinstance(default, int | float):
        try:
            number = type(default)(value)
        except (TypeError, ValueError):
            return default
        low, high = options.get("min_value"), options.get("max_value")
        return default if (low is not None and number < low) or (high is not None and number > high) else number
    return value


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(home: str, name: str, stamp: int) -> Pool:
    """stamp: when pool.json was last written; another one reads anew."""
    return load_pool(Workspace(Path(home)), name)
