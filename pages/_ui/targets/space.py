"""A pool and its target in one space: what is missing, and one click that computes it."""

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import DataselError
from datasel_core.features import computation
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.target import same_encoder
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.question import methods, targets

_FIRST = ("tfidf_svd", "dictionary_embedding")


def choose(pool: Pool) -> str | None:
    """Draws the choice among the other pools, those that fit first; None, and nothing is drawn, while none is named."""
    about, names = _others(pool)
    named = keys.get("select.target")
    if named not in about:
        return None
    sizes = {one: f"Towards {one} · {n:,}" for one, n in about.items()}
    return keys.bound(
        st.selectbox,
        "Target",
        "select.target",
        named,
        options=names,
        format_func=sizes.get,
        on_change=lambda: keys.put("targets.target", None),
        label_visibility="collapsed",
        width=340,
        help="Another pool: examples of what you want to be good at.",
    )


def is_ready(pool: Pool, name: str | None) -> bool:
    """Whether both sides have vectors in one space; where not, what to do is drawn."""
    ours = _embedding(pool)
    if ours is None:
        _no_embedding(pool)
    elif name is None:
        _no_target(pool)
    elif name not in _fitting(pool):
        _no_vectors(pool, ours, name)
    else:
        return True
    return False


def _others(pool: Pool) -> tuple[dict[str, int], list[str]]:
    """Name -> size of the other pools; their names, those that fit first."""
    about = {one["name"]: one["n"] for one in disk.pools(disk.home(pool)) if one.get("name") not in (None, pool.name)}
    fitting = _fitting(pool)
    return about, sorted(about, key=lambda name: (name not in fitting, name))


def _no_target(pool: Pool) -> None:
    text = "A target is another pool: some examples of what you want to be good at. Fifty are enough to begin with."
    if (gone := keys.get("select.target")) is not None:
        markdown.say(f"There is no pool {gone} any more.", "info")
    _, names = _others(pool)
    fitting = _fitting(pool)
    others = [name for name in names if name not in fitting and _alike(pool, name)]
    if fitting or others:
        targets.ask(pool, text, fitting, others)
        return
    to = {"data.view": "pools"}
    look.empty("No target yet", text, "Open one on the Data page", "pages/data.py", key="no-target-pool", **to)


def _alike(pool: Pool, name: str) -> bool:
    """Whether its samples can be looked at as those of the pool; of vectors alone nobody can tell."""
    try:
        theirs = set(load_pool(disk.home(pool), name).opens)
    except DataselError:
        return False
    return not theirs or not pool.opens or bool(theirs & set(pool.opens))


def _fitting(pool: Pool) -> list[str]:
    """Pools with vectors in the space of the embedding that is chosen."""
    ours = _embedding(pool)
    return [] if ours is None else targets.possible(pool, registry.find("method", "tsds"), {EMBEDDING.name: ours.key})


def _embedding(pool: Pool) -> StoredFeature | None:
    chosen = keys.get("select.use.embedding")
    found = {one.key: one for one in methods.fillers(pool, EMBEDDING.name) if one.role == EMBEDDING.name}
    return found.get(chosen, next(iter(found.values()), None))


def _no_embedding(pool: Pool) -> None:
    makers = [
        one
        for one in computation.available_features(pool, {one.role for one in disk.features(pool)})
        if one.role == EMBEDDING.name
    ]
    makers.sort(key=lambda one: (_FIRST.index(one.id) if one.id in _FIRST else len(_FIRST), one.id))
    if not makers:
        look.empty(
            "Embeddings come first",
            "Import a vector for every sample on the Data page.",
            "Go to Data",
            "pages/data.py",
            key="no-embedding",
            **{"data.view": "features"},
        )
        return
    name = f"feature.{pool.name}.{makers[0].id}"
    if watch.at_work(name):
        return
    text = (
        f"Distances to the target need one vector per sample. The first to try: {makers[0].title}; others can be "
        "computed or imported on the Data page."
    )
    if look.empty("Embeddings come first", text, look.computing(pool, makers[0]()), key="embedding-first"):
        watch.start(name, "feature", pool=pool.name, feature=makers[0].id, params={})
        st.rerun()


def _no_vectors(pool: Pool, ours: StoredFeature, name: str) -> None:
    """The target lacks vectors in the pool's space."""
    if ours.id == "imported":
        text = (
            f"The vectors of {pool.name} were imported; import those of {name} from the same encoder: open {name} on "
            "the Data page."
        )
        to = {"data.view": "pools"}
        look.empty(
            f"{name} has no vectors in this space", text, "Go to Data", "pages/data.py", key="target-import", **to
        )
        return
    there = load_pool(disk.home(pool), name)
    id, params = same_encoder(ours)
    reads = registry.find("feature", id).reads
    if reads not in there.opens and reads not in {
        one.role for one in kept_features(disk.home(pool), there.fingerprint)
    }:
        look.empty(
            f"{name} cannot be compared",
            f"Its samples are of another kind than those of {pool.name}. Choose another target.",
            key="target-other",
        )
        return
    key = f"feature.{name}.{id}"
    if watch.at_work(key):
        return
    text = (
        f"Candidates and target must lie in one space: compute the same embedding for {name}, as it was learned from "
        f"{pool.name}."
    )
    if look.empty(
        f"{name} has no vectors in this space yet",
        text,
        f"Compute for {there.n:,} samples of {name}",
        key="target-vectors",
    ):
        watch.start(key, "feature", pool=name, feature=id, params=params)
        st.rerun()
