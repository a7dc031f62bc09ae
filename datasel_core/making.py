"""Making what selections are chosen from: pools, features, maps. Everything here can be stopped, and goes on where it was."""

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from datasel_core import importing, store
from datasel_core.errors import BadRequest, Failed, MissingFeature
from datasel_core.features._feature import OPENED, Feature, Source, Unreadable
from datasel_core.features._kept import Chunks, Kept, give_up, kept_features, load, renewed
from datasel_core.features._learned import Learned, check_like, knows_its_space, learn, space_of
from datasel_core.features._twins import Twins
from datasel_core.importing import Imported, keep_imported, said_of
from datasel_core.pools._pool import Pool, load_pool, save_pool
from datasel_core.progress import Progress
from datasel_core.registry import every, find
from datasel_core.roles import how_to_get

__all__ = ["Imported", "keep_imported"]  # they stand in a module of their own, and are asked for here


def add_pool(workspace: store.Workspace, name: str, source: str, kind: str, options: Mapping[str, str] | None = None, progress: Progress | None = None) -> Pool:
    """Reads a source and keeps it as a pool; arrays it brought become features. The same source may be added again: it is read anew.

    Raises BadRequest, when another source has the name already, too; then nothing is written.
    """
    progress = progress or Progress()
    store.checked_name("pool", name)
    declared = find("pool kind", kind).parse(options or {})
    path = workspace.allowed(source)
    _check_free(workspace, name, str(path), kind)
    scan = declared.scan(path, workspace, progress)
    try:
        with store.Lock(workspace.pool(name)).hold(progress.check):
            _check_free(workspace, name, str(path), kind)  # reading may take long, and somebody else may have taken the name
            pool = save_pool(workspace, name, declared, path, scan)
    finally:
        scan.close()
    for role, array in scan.roles.items():
        _at_once(workspace, pool, keep_imported(workspace, pool, role, array, np.arange(pool.n), [], path.name, progress), progress)
    return pool


def _check_free(workspace: store.Workspace, name: str, source: str, kind: str) -> None:
    about = store.read_json(workspace.pool(name) / "pool.json")
    if about is not None and (about["source"], about["kind"]) != (source, kind):
        raise BadRequest(f"There is a pool called {name} already, from {about['source']}; choose another name, or remove that one first.")


def import_feature(workspace: store.Workspace, pool: Pool, role: str, file: str, progress: Progress | None = None) -> Imported:
    """Vectors computed elsewhere, and what follows from them at once. Raises BadInput when nothing matches."""
    progress = progress or Progress()
    found = importing.import_feature(workspace, pool, role, file, progress)
    _at_once(workspace, pool, found.kept, progress)
    return found


def remove_pool(workspace: store.Workspace, name: str) -> None:
    """Forgets a pool. Its photos, features and runs stay where they are. Raises UnknownName."""
    load_pool(workspace, name)
    folder = workspace.pool(name)
    (folder / "pool.json").unlink()
    shutil.rmtree(folder, ignore_errors=True)


def declared_feature(id: str, words: Mapping[str, str] | None = None, **params: Any) -> Feature:
    """The feature with this id and parameters. Raises UnknownName, BadParameter."""
    return find("feature", id).parse(words or {}, **params)


def feature_key(workspace: store.Workspace, pool: Pool, feature: Feature) -> str:
    """The key under which this feature of this pool is kept. Raises MissingFeature when it needs a role the pool lacks."""
    for file in feature.files():
        workspace.allowed(file)
    check_like(workspace, feature)
    needs = None if feature.reads in OPENED else _read_role(workspace, pool, feature).meta["fingerprint"]
    return store.key_of({"feature": feature.what(), "depends": feature.depends(), "pool": pool.fingerprint, "reads": needs})


def compute_feature(workspace: store.Workspace, pool: Pool, feature: Feature, progress: Progress | None = None) -> Kept:
    """Computes a feature, or goes on where an earlier attempt was, or returns it when it is there; then what follows from it at once.

    Raises MissingFeature, Failed, Stopped.
    """
    progress = progress or Progress()
    kept = _compute(workspace, pool, feature, progress)
    _at_once(workspace, pool, kept, progress)
    return kept


def _at_once(workspace: store.Workspace, pool: Pool, kept: Kept, progress: Progress) -> None:
    """Features that cost nothing once this one is there; not those that read what was kept beside values, where nothing was."""
    for follower in every("feature").values():
        if follower.at_once and follower.reads == kept.role and set(follower.reads_extras) <= set(kept.extra_names()):
            mine = compute_feature(workspace, pool, follower(), progress)
            if mine.meta["created"] < kept.meta["created"]:  # a trajectory imported again: so is this
                with store.Lock(mine.folder).hold(progress.check):
                    renewed(load(mine.folder) or mine, mine.meta["params"])


def _compute(workspace: store.Workspace, pool: Pool, feature: Feature, progress: Progress) -> Kept:
    if feature.reads in OPENED and feature.reads not in pool.opens:
        what = {"image": "looks at photos", "text": "reads texts", "turns": "reads prompts and responses"}[feature.reads]
        raise BadRequest(f"{feature.id} {what}; the pool {pool.name} (of kind {pool.kind}) has none.")
    key = feature_key(workspace, pool, feature)
    folder = workspace.feature(key)
    with store.Lock(folder).hold(progress.check):
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
            fitted = learn(workspace, feature, source, progress)
            chunks.keep_fitted(fitted)
        rows, twins = chunks.missing(), Twins.of(pool.picture_keys()) if feature.reads == "image" else None
        track = progress.track(pool.n, f"computing {feature.title[:1].lower()}{feature.title[1:]}")
        track.start_at(pool.n - len(rows))
        try:
            for block in feature.blocks(source, rows if twins is None else twins.to_encode(rows), fitted):
                track.advance(chunks.add(block if twins is None else twins.spread(block, rows)))
        finally:
            chunks.flush()  # a stop keeps what was encoded
        track.finish()
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
        }
        kept = chunks.finish(about, pool.ids)
        feature.tidy(folder, fitted)
        return kept


def _give_up(feature: Feature, chunks: Chunks, done: Kept) -> None:
    """Prepares to make a damaged feature anew. Chunks made since that was noticed stay, so that a kill costs little."""
    if done.is_given_up:
        return
    chunks.clear()
    if not (isinstance(feature, Learned) and knows_its_space(done)):  # others need more, which is gone
        chunks.forget_fitted()
    give_up(done)


def _readable_again(pool: Pool, feature: Feature, done: Kept) -> bool:
    """Whether a sample that was left out can be opened by now: a disk that was away, a permission that was mended."""
    if feature.reads != "image":
        return False
    for entry in done.unreadable:
        with contextlib.suppress(BadRequest):
            pool.open(entry["row"], at_least=1)
            return True
    return False


def _source(workspace: store.Workspace, pool: Pool, feature: Feature, check: Callable[[], None] = lambda: None) -> Source:
    folder = workspace.feature(feature_key(workspace, pool, feature))
    if feature.reads not in OPENED:
        read = _read_role(workspace, pool, feature)
        return Source(pool.n, roles={feature.reads: read.values()}, extras={feature.reads: read.extras()}, folder=folder, check=check)

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

    opens = {"image": image, "text": opened(pool.text), "turns": opened(pool.turns)}
    return Source(pool.n, **{feature.reads: opens[feature.reads]}, folder=folder, check=check)


def _read_role(workspace: store.Workspace, pool: Pool, feature: Feature) -> Kept:
    """The newest feature of the role that this one reads, with all that it reads beside the values."""
    kept = [one for one in kept_features(workspace, pool.fingerprint) if one.role == feature.reads]
    whole = [one for one in kept if set(feature.reads_extras) <= set(one.extra_names())]
    if kept and not whole:
        what, maker = " and ".join(feature.reads_extras), next((id for id, one in every("feature").items() if one.role == feature.reads), feature.reads)
        raise MissingFeature(
            f"{feature.id} needs what is kept beside {feature.reads} ({what}), and an imported one has none; "
            f"compute one: python -m datasel_core feature compute {pool.name} {maker}"
        )
    if not whole:
        raise MissingFeature(f"{feature.id} needs the role {feature.reads}, which {pool.name} does not have yet. {how_to_get(pool, feature.reads)}")
    return whole[-1]


_DEMOS = {
    "scenes": ("images", "scenes/scenes.parquet"),
    "scenes-captions": ("pairs", "scenes/scenes.parquet"),
    "questions": ("text", "questions/questions.jsonl"),
}
"""Pools of the demo, their kinds and sources: the first two are of the same pictures."""


def make_demo(workspace: store.Workspace, progress: Progress | None = None) -> list[Pool]:
    """The built-in demo pools, made by code at first use; the same every time."""
    from datasel_core.pools.demo.questions import make_questions
    from datasel_core.pools.demo.scenes import make_scenes

    progress = progress or Progress()
    for make, file in ((make_scenes, "scenes/scenes.parquet"), (make_questions, "questions/questions.jsonl")):
        folder, name = workspace.demo(file.partition("/")[0]), file.partition("/")[2]
        with store.Lock(folder).hold(progress.check):
            if not (folder / name).exists():
                make(folder, progress=progress)
    made = []
    for name, (kind, file) in _DEMOS.items():
        there = (workspace.pool(name) / "pool.json").exists()
        made.append(load_pool(workspace, name) if there else add_pool(workspace, name, str(workspace.path / "demo" / file), kind, progress=progress))
    return made


def available_features(pool: Pool, roles: set[str]) -> list[type[Feature]]:
    """Features that can be computed for a pool, given the roles it has."""
    return [one for one in every("feature").values() if one.reads in pool.opens | (roles - OPENED)]
