"""Computing features, once for a pool. Everything here can be stopped, and goes on where it was."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.registry import every, find
from datasel_core.base.trouble import in_words
from datasel_core.errors import BadRequest, Failed, MissingFeature
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import Imported, keep_imported, said_of
from datasel_core.features.feature import OPENED, Feature, Source, Unreadable
from datasel_core.features.flops import counted
from datasel_core.features.order import age
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.space import Learned, check_like, knows_its_space, learn, space_of
from datasel_core.features.stored import StoredFeature, give_up, kept_features, load, renewed
from datasel_core.features.twins import Twins
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

__all__ = ["Imported", "keep_imported"]  # they stand in a module of their own, and are asked for here
LEARNING, COMPUTING = "learning from a part", "computing"
"""The phases of a computation; the first only of features that are fitted."""
_LOOKS = {"image": "looks at photos", "text": "reads texts", "turns": "reads prompts and responses"}


def declared_feature(id: str, words: Mapping[str, str] | None = None, **params: Any) -> Feature:
    """The feature with this id and parameters. Raises UnknownName, BadParameter."""
    return find("feature", id).parse(words or {}, **params)


def feature_key(workspace: Workspace, pool: Pool, feature: Feature) -> str:
    """The key under which this feature of this pool is kept. Raises MissingFeature when it needs a role the pool
    lacks.
    """
    for file in feature.files():
        workspace.allowed(file)
    check_like(workspace, feature)
    needs = {name: one.meta["fingerprint"] for name, one in _read(workspace, pool, feature).items()}
    what = {"feature": feature.what(), "depends": feature.depends(), "pool": pool.fingerprint}
    what["reads"] = needs.pop(feature.reads, None)
    if others := _others(workspace, pool, feature):
        what["pools"] = {name: one.fingerprint for name, one in others.items()}
    if feature.columns and (columns := (roles := Roles.of(workspace, pool)).arrays(feature.columns)):
        what["columns"] = roles.keys(list(columns))
    if feature.reads_too() or feature.opens_too():  # of what reads a single thing the key is what it always was
        what |= {"beside": needs, "extras": _read_role(workspace, pool, feature).extra_hashes(feature.reads_extras)}
    return key_of(what)


def compute_feature(
    workspace: Workspace, pool: Pool, feature: Feature, progress: Progress | None = None
) -> StoredFeature:
    """Computes a feature, or goes on where an earlier attempt was, or returns it when it is there; then what follows
    from it at once.

    Raises MissingFeature, Failed, Stopped.
    """
    progress = progress or Progress()
    kept = _compute(workspace, pool, feature, progress)
    compute_followers(workspace, pool, kept, progress)
    return kept


def compute_followers(workspace: Workspace, pool: Pool, kept: StoredFeature, progress: Progress) -> None:
    """Features that cost nothing once this one is there; not those that read what was kept beside values, where nothing
    was.
    """
    for follower in every("feature").values():
        if follower.at_once and follower.reads == kept.role and set(follower.reads_extras) <= set(kept.extra_names()):
            mine = compute_feature(workspace, pool, follower(), progress)
            if age(mine.meta) < age(kept.meta):  # a trajectory imported again: so is this
                with Lock(mine.folder).hold(progress.check):
                    renewed(load(mine.folder) or mine, mine.meta["params"])


def _compute(workspace: Workspace, pool: Pool, feature: Feature, progress: Progress) -> StoredFeature:
    if closed := [what for what in _opens(feature) if what not in pool.opens]:
        raise BadRequest(f"{feature.id} {_LOOKS[closed[0]]}; the pool {pool.name} (of kind {pool.kind}) has none.")
    key = feature_key(workspace, pool, feature)
    folder = workspace.feature(key)
    with Lock(folder).hold(progress.check):
        chunks = Chunks(folder, pool.n)
        if (done := load(folder)) is not None:
            if not done.is_intact():
                _give_up(feature, chunks, done)
            elif _readable_again(pool, feature, done):
                chunks.reopen(done)
            else:
                chunks.tidy(done)  # a kill right after the last word of an earlier attempt may have left something
                feature.tidy(folder, done.fitted())
                return done
        source, started = _source(workspace, pool, feature, progress.check), time.time()
        fitted = chunks.fitted()
        if fitted is None:
            progress.enter(LEARNING)
            with _of_models(feature, pool):
                fitted = learn(workspace, feature, source, progress)
            chunks.keep_fitted(fitted)
        encoded = len(chunks.missing(feature.measures(fitted)))  # in this attempt: what `seconds` is for
        progress.enter(COMPUTING)
        with _of_models(feature, pool):
            _encode(feature, pool, source, chunks, fitted, progress)
        if (nothing := chunks.nothing_read()) is not None:
            row, reason = nothing
            chunks.clear()  # the next attempt looks again
            raise Failed(f"No sample of {pool.name} could be read: {pool.ids[row]}: {reason}.")
        about = {
            "key": key,
            **feature.what(),
            "role": feature.role,
            "pool": said_of(pool),
            "facts": {**feature.describe(source), **space_of(feature, fitted)},
            "seconds": round(time.time() - started, 1),
            **counted(feature, source, _encoded(feature, pool, chunks), fitted),
            "encoded": encoded,
        }
        kept = chunks.finish(about, pool.ids, "" if feature.measures(fitted) is None else feature.unmeasured)
        feature.tidy(folder, fitted)
        return kept


def _encode(
    feature: Feature,
    pool: Pool,
    source: Source,
    chunks: Chunks,
    fitted: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Encodes the rows that are still open; a stop keeps what was encoded."""
    measured = feature.measures(fitted)
    rows, n = chunks.missing(measured), pool.n if measured is None else len(measured)
    twins = Twins.of(pool.picture_keys()) if feature.reads == "image" else None
    again = f" (damaged parts made again: {chunks.damaged})" if chunks.damaged else ""
    label = f"computing {feature.title[:1].lower()}{feature.title[1:]}{again}"
    track, done = None, n - len(rows)
    progress.check()
    try:
        for block in feature.blocks(source, rows if twins is None else twins.to_encode(rows), fitted):
            done += chunks.add(block if twins is None else twins.spread(block, rows))
            if track is None:  # the model was loaded by now: nobody is told how far it is before it is refused
                track = progress.track(n, label)
                track.start_at(n - len(rows))  # what an earlier attempt did
                track.measure_from(done)
            track.advance(done - track.done)
    finally:
        chunks.flush()
    (track or progress.track(n, label)).finish()


def _encoded(feature: Feature, pool: Pool, chunks: Chunks) -> np.ndarray:
    """Rows that passed the model: those that were read, of a picture that several share one."""
    if not feature.is_forward:
        return np.empty(0, np.int64)
    rows, twins = chunks.read_rows(), Twins.of(pool.picture_keys()) if feature.reads == "image" else None
    return rows if twins is None else twins.to_encode(rows)


def _of_models(feature: Feature, pool: Pool) -> contextlib.AbstractContextManager[None]:
    """Where what timm, torch and their like raise becomes one line."""
    fewer = "Take fewer samples at a time (--set batch=1)" if "batch" in type(feature).model_fields else "Take less"
    return in_words(
        f"{feature.title} could not be computed for {pool.name}",
        "Take another model, other weights or other parameters (--set name=value).",
        f"{fewer}, a smaller model, or close other programs; what was finished is kept.",
    )


def _give_up(feature: Feature, chunks: Chunks, done: StoredFeature) -> None:
    """Prepares to make a damaged feature anew. Chunks made since that was noticed stay, so that a kill costs little."""
    if done.is_given_up:
        return
    chunks.clear()
    if not (isinstance(feature, Learned) and knows_its_space(done)):  # others need more, which is gone
        chunks.forget_fitted()
    give_up(done)


def _readable_again(pool: Pool, feature: Feature, done: StoredFeature) -> bool:
    """Whether a sample that was left out can be opened by now: a disk that was away, a permission that was mended."""
    if feature.reads != "image":
        return False
    for entry in done.unreadable:
        with contextlib.suppress(BadRequest):
            pool.open(entry["row"], at_least=1)
            return True
    return False


def _source(workspace: Workspace, pool: Pool, feature: Feature, check: Callable[[], None] = lambda: None) -> Source:
    read, opened, others = _read(workspace, pool, feature), _opened(pool), _others(workspace, pool, feature)

    def elsewhere(name: str) -> Source:
        return Source(others[name].n, **{what: _opened(others[name])[what] for what in _opens(feature)}, check=check)

    return Source(
        pool.n,
        **{what: opened[what] for what in _opens(feature)},
        roles={name: one.values() for name, one in read.items()} | Roles.of(workspace, pool).arrays(feature.columns),
        extras={name: one.extras() for name, one in read.items()},
        facts={name: one.meta.get("facts", {}) for name, one in read.items()},
        folder=workspace.feature(feature_key(workspace, pool, feature)),
        check=check,
        elsewhere=elsewhere,
    )


def _others(workspace: Workspace, pool: Pool, feature: Feature) -> dict[str, Pool]:
    """The other pools that it looks at, as it names them. Raises UnknownName, BadRequest."""
    found = {name: load_pool(workspace, name) for name in feature.pools()}
    for name, one in found.items():
        if one.fingerprint == pool.fingerprint:
            raise BadRequest(f"{feature.id} looks at {name}, which is the pool itself; name another one.")
        if closed := [what for what in _opens(feature) if what not in one.opens]:
            raise BadRequest(f"{feature.id} {_LOOKS[closed[0]]}; the pool {name} (of kind {one.kind}) has none.")
    return found


def _opens(feature: Feature) -> tuple[str, ...]:
    """What it looks at of the samples themselves."""
    return (*({feature.reads} & OPENED), *feature.opens_too())


def _opened(pool: Pool) -> dict[str, Callable[..., Any]]:
    """What opens a sample, by what there is to see."""

    def image(row: int, at_least: int | None = None) -> Any:
        try:
            return pool.open(row, at_least=at_least)
        except BadRequest as error:  # an unreadable photo, or a link that leads elsewhere by now
            raise Unreadable(str(error)) from None

    def opened(read: Callable[[int], Any]) -> Callable[[int], Any]:
        def one(row: int) -> Any:
            try:
                return read(row)
            except BadRequest as error:
                raise Unreadable(str(error)) from None

        return one

    return {"image": image, "text": opened(pool.text), "turns": opened(pool.turns)}


def _read(workspace: Workspace, pool: Pool, feature: Feature) -> dict[str, StoredFeature]:
    """The features that it reads, as it names them, the newest of each name. Raises MissingFeature."""
    found = {} if feature.reads in OPENED else {feature.reads: _read_role(workspace, pool, feature)}
    for name in feature.reads_too():
        kept = kept_features(workspace, pool.fingerprint)
        named = [one for one in kept if name in (one.key, one.role) or name == one.id != "imported"]
        if not named:
            how = f"Compute it: python -m datasel_core feature compute {pool.name} {name}"
            how = how if name in every("feature") else how_to_get(pool, name)
            raise MissingFeature(f"{feature.id} needs {name}, which {pool.name} does not have yet. {how}")
        found[name] = named[-1]
    return found


def _read_role(workspace: Workspace, pool: Pool, feature: Feature) -> StoredFeature:
    """The feature of the role that this one reads, the newest or the one that it names, with all that it reads beside
    the values.
    """
    kept = [one for one in kept_features(workspace, pool.fingerprint) if one.role == feature.reads]
    if (named := feature.reads_which()) and not (kept := [one for one in kept if one.key == named]):
        raise MissingFeature(
            f"{feature.id} needs the feature {named} of the role {feature.reads}; {pool.name} has none."
        )
    whole = [one for one in kept if set(feature.reads_extras) <= set(one.extra_names())]
    if kept and not whole:
        what, maker = (
            " and ".join(feature.reads_extras),
            next(
                (f"{id} {one.asks}".strip() for id, one in every("feature").items() if one.role == feature.reads),
                feature.reads,
            ),
        )
        raise MissingFeature(
            f"{feature.id} needs what is kept beside {feature.reads} ({what}), and an imported one has none; "
            f"compute one: python -m datasel_core feature compute {pool.name} {maker}"
        )
    if not whole:
        raise MissingFeature(
            f"{feature.id} needs the role {feature.reads}, which {pool.name} does not have yet. "
            f"{how_to_get(pool, feature.reads)}"
        )
    return whole[-1]


def available_features(pool: Pool, roles: set[str]) -> list[type[Feature]]:
    """Features that can be computed for a pool, given the roles it has."""
    return [one for one in every("feature").values() if one.reads in pool.opens | (roles - OPENED)]
