"""Loss trajectories: a small model learns the pool; samples whose losses fall alike form clusters, and S2L keeps some
of each.
"""

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.errors import DataselError
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.charts import clusters, composition
from pages._ui.kit import disk, drawn, forms, keys, look, markdown, palette, strip, watch
from pages._ui.kit.onward import onward
from pages._ui.question import answers, budget, methods
from pages._ui.question.answers import Answer
from pages._ui.trajectories import members, proxy

_VIEWS = {
    "members": "Samples of a cluster",
    "sources": "What is chosen, by source",
    "map": "Map of trajectories",
    "proxy": "How the proxy learned",
}


def page(pool: Pool) -> None:
    look.title(
        "Trajectories",
        "How the loss of every sample fell while a small model learned. What fell alike teaches alike: keep some of "
        "each.",
    )
    answers.tell_kept(pool)
    if not _is_drawn(pool):  # else the strip keeps what it says until the new sentence is there
        strip.preview("Trajectories", pool, None)


def _is_drawn(pool: Pool) -> bool:
    """Draws what is asked and what follows it; False where something is missing, which it says."""
    found = {one.key: one for one in reversed(disk.features(pool)) if one.role == proxy.FEATURE}
    with st.container(key="proxy-work"):  # a place of its own, so that nothing below moves when work comes and goes
        working = proxy.fitting(pool)
    if not found:
        if not working:
            proxy.card(pool)
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="trajectory-asked"):
        choice = _settings(pool, found)
    if choice is None:
        return False
    with st.container(key="trajectory-work"):
        busy = [watch.at_work(name) for name in ("trajectories", "keep")]
    st.fragment(look.told(_live))(choice, any(busy))
    return True


def _settings(pool: Pool, found: dict[str, StoredFeature]) -> Question | None:
    """A drawer with all that is set rarely, and beside it what the clusters are made from."""
    cls = registry.find("method", "s2l")
    with st.popover("Settings", icon=":material/tune:", key="trajectory-settings"):
        look.section("S2L", "from small to large")
        st.caption(cls.summary() + (f"  \n[Paper]({cls.paper})" if cls.paper else ""))
        params, error = forms.form(cls, "method.s2l", columns=1)
        seed = keys.bound(
            st.number_input,
            "Seed",
            "select.seed",
            0,
            min_value=0,
            step=1,
            help="The same seed gives the same clusters and picks, anywhere.",
        )
        use = methods.roles(pool, cls, () if error else cls(**params).roles())
    used = found.get(use.get(proxy.FEATURE, ""), next(iter(found.values())))
    st.markdown(f":small[:gray[From {markdown.plain(proxy.said(used))}.]]", width="content")
    if error is not None:
        look.empty("The settings do not fit together", f"{error} Mend it in Settings.", key="settings-wrong")
        return None
    try:
        return answers.ask(pool, cls(**params), use, seed=int(seed))
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None


def _live(choice: Question, working: bool) -> None:
    """Everything that follows the budget; only this part runs again while it is dragged."""
    if keys.get("trajectories.started"):
        keys.put("trajectories.started", None)
        drawn.again()
    pool = choice.pool
    controls, actions = st.columns([76, 24], gap="small", vertical_alignment="bottom")
    with controls:
        n = budget.widgets(pool, answers.free(choice))
    answer = answers.answer(choice, n)
    if answer is None and not working and keys.get("trajectories.asked") != str(choice.open()):
        keys.put("trajectories.asked", str(choice.open()))
        _start(choice, n)  # clusters take seconds: nobody should have to ask for them
        drawn.again()
    enough = answer is not None and len(answer.rows) >= n
    same = answers.exact(choice, n)
    active = same is not None and same.key == keys.get("run")
    preview = None
    if answer is not None and not active:
        preview = f"preview: {len(answer.rows):,} of {look.samples(pool)}, not kept", palette.colour_of("s2l")
    strip.preview("Trajectories", pool, preview)
    with actions, st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if not enough and not working:
            st.button(f"Choose {n:,}", key="choose-s2l", type="primary", on_click=_start, args=(choice, n))
        st.button(
            "Kept" if active else "Keep selection",
            key="keep-s2l",
            type="primary" if enough and not active else "secondary",
            icon=":material/check:",
            disabled=not enough or active or working,
            help="Makes this the selection, with a manifest that anyone can verify.",
            on_click=_keep,
            args=(choice, n),
        )
        if active:
            onward("Export", "pages/export.py", key="trajectories")
    if answer is None:
        return
    try:
        of = answer.run.clusters
    except DataselError as trouble:
        markdown.trouble(trouble)
        st.button(
            "Find the clusters again", key="again-s2l", disabled=working, on_click=_start, args=(choice, n)
        )  # a damaged run is made anew
        return
    if of is not None:
        _clusters(choice, answer, of)


def _clusters(choice: Question, answer: Answer, of: np.ndarray) -> None:
    pool, kept, colour = choice.pool, choice.roles.features[proxy.FEATURE], palette.colour_of("s2l")
    found = clusters.clusters(pool, kept, of)
    counts = np.bincount(of[answer.rows], minlength=int(of.max()) + 1)
    whole = sum(counts[one.at] == len(one.rows) for one in found)
    outside = pool.n - sum(len(one.rows) for one in found)
    silent = int((of[choice.roles.missing_rows(choice.method.roles())] < 0).sum())
    left_out = f", {silent:,} have no trajectory" if silent else ""
    left_out += f", {outside - silent:,} cannot be chosen" if outside > silent else ""
    words, sort = st.columns([76, 24], gap="small", vertical_alignment="bottom")
    words.markdown(
        f"**{len(answer.rows):,} of {look.samples(pool)} chosen** ({look.percent(len(answer.rows), pool.n)})"
        f"{left_out}. {look.many(len(found), 'cluster')}; at most {counts.max():,} of each, {whole:,} of them whole."
    )
    with sort:
        by = keys.bound(
            st.selectbox,
            "Order of clusters",
            "trajectories.sort",
            "size",
            options=list(clusters.SORTS),
            format_func=clusters.SORTS.get,
            label_visibility="collapsed",
        )
    ordered = clusters.in_order(found, by)
    known = {one.at: one for one in found}
    asked = str(keys.get("trajectories.cluster", ""))  # of an address it is text
    opened = next((at for at in known if str(at) == asked), ordered[0].at)
    clusters.draw(ordered, counts, kept, key="clusters", opened=opened, colour=colour, on_open=_open)
    views = {name: title for name, title in _VIEWS.items() if name != "proxy" or proxy.log(kept.folder)}
    view = keys.bound(
        st.segmented_control,
        "Show",
        "trajectories.view",
        "members",
        options=list(views),
        format_func=views.get,
        required=True,
        label_visibility="collapsed",
    )
    match view:
        case "members":
            members.members(choice, answer, known[opened], int(counts[opened]))
        case "sources":
            composition.table(pool, answer.rows, choice.method.title, colour)
        case "map":
            members.on_map(choice, answer, kept, of)
        case "proxy":
            proxy.learning(kept.folder)


def _start(choice: Question, n: int) -> None:
    answers.start(choice, answers.longer(choice, n), "trajectories", keep=False)
    keys.put("trajectories.started", True)


def _keep(choice: Question, n: int) -> None:
    answers.keep(choice, n)
    keys.put("trajectories.started", True)


def _open(at: int) -> None:
    keys.put("trajectories.cluster", at)
    keys.put("trajectories.view", "members")


if (pool := keys.pool()) is None:
    look.title("Trajectories")
    look.empty(
        "No pool is open",
        "Open prompts and responses, or try the demo, on the Data page.",
        "Go to Data",
        "pages/data.py",
    )
else:
    page(pool)
