"""Kept features that can be trusted: damage is said and mended wherever it lies, and a kill leaves the old answer or
the new one, whole.
"""

import hashlib
import itertools
import json
import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.errors import DamagedFeature, Stopped
from datasel_core.features import computation, external
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import keep_imported
from datasel_core.features.feature import Block, Feature, Unreadable
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature, kept_features, load, save_rows
from datasel_core.methods.tsds import Tsds
from datasel_core.pools.persistence import remove_pool
from datasel_core.runs import engine, neighbor_tables
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import find_target
from datasel_core.workspace import hashing
from datasel_core.workspace.arrays import write_arrays
from datasel_core.workspace.files import write_json
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace
from tests.conftest import clustered

FLIP, CUT, GONE = "a byte is another", "it is cut off", "it is gone"


class Looks(Feature):
    """A cheap feature with everything that may be kept: as many patterns as the photo's name says, something beside
    them, something learned.
    """

    id = "looks"
    version = 1
    title = "Looks"
    role = "patterns"

    def fit(self, source, progress):
        return {"shift": np.arange(3.0)}

    def blocks(self, source, rows, fitted):
        for row in rows.tolist():
            try:
                colour = np.asarray(source.image(row), np.float32).mean(axis=(0, 1)) + fitted["shift"].astype(
                    np.float32
                )
            except Unreadable as error:
                yield Block(
                    np.empty(0, np.int64), Ragged(np.empty((0, 3), np.float32), np.zeros(1, int)), [(row, str(error))]
                )
                continue
            patterns = np.repeat(colour[None], 1 + row % 3, axis=0)
            yield Block(
                np.array([row]), Ragged(patterns, np.array([0, len(patterns)])), (), {"beside": colour[None, :1]}
            )


@pytest.fixture
def pool(workspace, photos):
    return add_pool(workspace, "p", str(photos), "images")


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    """Forty vectors that came with their pool."""
    np.savez(tmp_path / "v.npz", ids=[f"s{at:02d}" for at in range(40)], embedding=clustered(rng, 40, 6, 4))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


def harm(path: Path, how: str = FLIP) -> None:
    if how == GONE:
        path.unlink()
        return
    whole = bytearray(path.read_bytes())
    whole[-9] ^= 1
    path.write_bytes(whole[: len(whole) // 2] if how == CUT else whole)


def the(workspace, pool) -> StoredFeature:
    (kept,) = kept_features(workspace, pool.fingerprint)
    return kept


def shown(kept: StoredFeature | None) -> tuple | None:
    """All of a feature, as plain values that outlast its files."""
    if kept is None:
        return None
    values = kept.values()
    flat = (values.values.tobytes(), values.offsets.tobytes()) if isinstance(values, Ragged) else (values.tobytes(),)
    beside = {name: array.tobytes() for name, array in kept.extras().items()}
    learned = {name: array.tobytes() for name, array in kept.fitted().items()}
    return (
        flat,
        tuple(beside.items()),
        tuple(learned.items()),
        tuple(map(str, kept.unreadable)),
        kept.meta["fingerprint"],
    )


def said_of(id: str, role: str, key: str, pool: str, remedy: str, made: str = "computed") -> str:
    return f"The feature {id} (role {role}, key {key}) of {pool} was changed or damaged since it was {made}; {remedy}"


# ---- damage


@pytest.mark.parametrize("how", [FLIP, CUT, GONE])
@pytest.mark.parametrize("name", ["values.npy", "offsets.npy", "extra-beside.npy", "fitted.npz"])
def test_every_file_is_checked_and_computing_again_mends_it(workspace, pool, name, how):
    kept = computation.compute_feature(workspace, pool, Looks())
    before, about = shown(kept), dict(kept.meta)
    assert set(kept.meta["files"]) == {"values.npy", "offsets.npy", "extra-beside.npy", "fitted.npz"}
    harm(kept.folder / name, how)
    use = {"extra-beside.npy": lambda: kept.extra("beside"), "fitted.npz": kept.fitted}.get(name, kept.values)
    with pytest.raises(DamagedFeature) as caught:
        use()
    remedy = "compute it again: python -m datasel_core feature compute p looks"
    assert str(caught.value) == said_of("looks", "patterns", kept.key, "p", remedy)
    assert not kept.is_intact()
    mended = computation.compute_feature(workspace, pool, Looks())
    assert shown(mended) == shown(the(workspace, pool)) == before
    same = ("key", "fingerprint", "params", "shape", "values")
    assert [mended.meta[one] for one in same] == [about[one] for one in same]
    assert "given_up" not in mended.meta
    assert computation.compute_feature(workspace, pool, Looks()).meta == mended.meta  # there it is


def test_the_remedy_is_a_command_that_works(workspace, pool, capsys):
    asked = computation.declared_feature("dictionary_embedding", n_atoms=8, n_dims=4, cell_px=2)
    kept = computation.compute_feature(workspace, pool, asked)
    before = shown(kept)
    harm(kept.folder / "values.npy")
    assert main(["select", "p", "k_center", "--budget", "3"]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith(
        said_of("dictionary_embedding", "embedding", kept.key, "p", "compute it again: python -m datasel_core")
    )
    assert "--set n_atoms=8 --set patch_px=8" in message
    assert "--set like" not in message
    assert main(shlex.split(message.split("datasel_core ", 1)[1])) == 0
    assert shown(the(workspace, pool)) == before
    assert main(["select", "p", "k_center", "--budget", "3"]) == 0


def test_what_was_imported_is_imported_again(workspace, pool, tmp_path, rng, monkeypatch):
    np.savez(tmp_path / "my vectors.npz", ids=pool.ids.astype(str), embedding=clustered(rng, 12, 4, 2))
    kept = import_feature(workspace, pool, "embedding", str(tmp_path / "my vectors.npz")).kept
    before = shown(kept)
    harm(kept.folder / "values.npy")
    with pytest.raises(DamagedFeature) as caught:
        Roles.of(workspace, pool).array("embedding")
    remedy = "import it again: python -m datasel_core feature import p embedding 'my vectors.npz'"
    assert str(caught.value) == said_of("imported", "embedding", kept.key, "p", remedy, "imported")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(remedy.split("datasel_core ", 1)[1])) == 0
    assert shown(the(workspace, pool)) == before


def test_what_came_with_a_pool_is_added_again(workspace, vectors, tmp_path):
    kept = the(workspace, vectors)
    before = shown(kept)
    harm(kept.folder / "values.npy", GONE)
    with pytest.raises(DamagedFeature) as caught:
        kept.values()
    words = f"pool add vec {tmp_path / 'v.npz'} --kind vectors --option id_column=id"
    remedy = f"add the pool again: python -m datasel_core {words}"
    assert str(caught.value) == said_of("imported", "embedding", kept.key, "vec", remedy, "imported")
    assert main(shlex.split(words)) == 0
    assert shown(the(workspace, vectors)) == before


def test_the_pool_is_called_what_it_is_called_now(workspace, pool, photos):
    kept = computation.compute_feature(workspace, pool, Looks())
    remove_pool(workspace, "p")
    add_pool(workspace, "again", str(photos), "images")
    harm(kept.folder / "values.npy")
    with pytest.raises(DamagedFeature, match="of again was changed .* feature compute again looks"):
        kept.values()


def test_no_use_passes_damage_over(workspace, vectors, tmp_path, rng):
    """Candidates, targets, scores, neighbour tables, maps: each looks at the bytes before it computes anything."""
    np.savez(tmp_path / "t.npz", ids=["a", "b", "c"], embedding=clustered(rng, 3, 6, 2))
    wanted = add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    mine, theirs = the(workspace, vectors), the(workspace, wanted)
    roles = Roles.of(workspace, vectors, needs=("embedding",))
    target = find_target(workspace, Tsds(), roles, "wanted", {})
    spec = Spec(pool="vec", method="nearest_targets", budget="5", target="wanted")
    asked = resolve(workspace, Spec(pool="vec", method="tsds", budget="5", target="wanted"))
    uses = [
        (
            mine,
            [
                lambda: roles.array("embedding", np.arange(3)),
                lambda: engine.select(workspace, spec),
                lambda: neighbor_tables.make_tables(asked, Progress()),
                lambda: draw_map.make_map(workspace, mine.key),
            ],
        ),
        (
            theirs,
            [
                target.arrays,
                lambda: engine.select(workspace, spec),
                lambda: neighbor_tables.make_tables(asked, Progress()),
            ],
        ),
    ]
    for kept, those in uses:
        whole = (kept.folder / "values.npy").read_bytes()
        harm(kept.folder / "values.npy")
        for use in those:
            with pytest.raises(DamagedFeature, match=f"key {kept.key}"):
                use()
        (kept.folder / "values.npy").write_bytes(whole)
    assert len(engine.select(workspace, spec).ids) == 5
    assert workspace.folders("maps") == [] or not list(workspace.path.glob("maps/*/pca.npy"))


@pytest.mark.parametrize("name", ["values.npy", "extra-error.npy"])
def test_what_follows_from_a_damaged_feature_is_not_computed(workspace, pool, rng, name):
    chunks = Chunks(workspace.feature("losses"), pool.n)
    losses = rng.random((pool.n, 4), dtype=np.float32)
    chunks.add(Block(np.arange(pool.n), losses, (), {"error": losses, "forgotten": losses[:, 0]}))
    chunks.flush()
    about = {
        "key": "losses",
        "id": "loss_trajectory",
        "version": 1,
        "params": {},
        "role": "loss_trajectory",
        "facts": {},
    }
    kept = chunks.finish({**about, "pool": {"name": "p", "fingerprint": pool.fingerprint, "n": pool.n}}, pool.ids)
    harm(kept.folder / name)
    for id in ("loss", "el2n"):
        with pytest.raises(DamagedFeature, match="The feature loss_trajectory .* feature compute p loss_trajectory"):
            computation.compute_feature(workspace, pool, computation.declared_feature(id))


@pytest.mark.parametrize("files", [True, False])
def test_a_damaged_space_is_handed_to_nobody(workspace, pool, photos, tmp_path, files):
    """Of features kept before files were listed, the space itself tells."""
    asked = {"n_atoms": 8, "n_dims": 4, "cell_px": 2}
    kept = computation.compute_feature(workspace, pool, computation.declared_feature("dictionary_embedding", **asked))
    if not files:
        write_json(kept.folder / "meta.json", {name: value for name, value in kept.meta.items() if name != "files"})
    shutil.copytree(photos, tmp_path / "others")
    (tmp_path / "others" / "a" / "00.jpg").unlink()
    other = add_pool(workspace, "other", str(tmp_path / "others"), "images")
    fitted = kept.fitted()
    write_arrays(kept.folder / "fitted.npz", {**fitted, "mean": fitted["mean"] + 1})
    with pytest.raises(DamagedFeature, match=f"key {kept.key}.*feature compute p dictionary_embedding"):
        computation.compute_feature(
            workspace, other, computation.declared_feature("dictionary_embedding", **asked, like=kept.key)
        )


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize("name", ["values.npy", "offsets.npy", "extra-beside.npy"])
def test_other_rows_than_the_pool_has_are_damage_even_where_the_hash_is_right(workspace, pool, name, more):
    kept = computation.compute_feature(workspace, pool, Looks())
    array = np.load(kept.folder / name)
    np.save(kept.folder / name, np.concatenate([array, array[-1:]]) if more > 0 else array[:-1])
    hashes = {one: hash_file(kept.folder / one) for one in kept.meta["files"]}
    fingerprint = hashlib.sha256((hashes["values.npy"] + hashes["offsets.npy"]).encode()).hexdigest()
    write_json(kept.folder / "meta.json", {**kept.meta, "files": hashes, "fingerprint": fingerprint})
    odd = load(kept.folder)
    with pytest.raises(DamagedFeature):
        odd.extra("beside") if "extra" in name else odd.values()
    assert computation.compute_feature(workspace, pool, Looks()).is_intact()


def test_a_feature_kept_before_files_were_listed_opens_as_it_did(workspace, pool):
    """Its fingerprint stands for values and offsets, now as then; nothing is said of what lies beside them."""
    kept = computation.compute_feature(workspace, pool, Looks())
    hashes = [hashlib.sha256((kept.folder / name).read_bytes()).hexdigest() for name in ("values.npy", "offsets.npy")]
    assert kept.meta["fingerprint"] == hashlib.sha256("".join(hashes).encode()).hexdigest()
    before = shown(kept)
    old = {name: value for name, value in kept.meta.items() if name != "files"}
    write_json(kept.folder / "meta.json", old)
    assert shown(the(workspace, pool)) == before
    assert computation.compute_feature(workspace, pool, Looks()).meta == old
    np.save(kept.folder / "extra-beside.npy", np.zeros((pool.n, 1), np.float32))
    assert the(workspace, pool).extra("beside").max() == 0
    harm(kept.folder / "offsets.npy", GONE)
    with pytest.raises(DamagedFeature):
        the(workspace, pool).values()
    mended = computation.compute_feature(workspace, pool, Looks())
    assert shown(mended) == before
    assert mended.meta["key"] == old["key"]
    assert "extra-beside.npy" in {Path(path).name for path in mended.meta["files"]}


def test_a_file_is_read_once_while_it_stays_the_same(workspace, pool, monkeypatch):
    kept, read = computation.compute_feature(workspace, pool, Looks()), []
    real = hash_file
    monkeypatch.setattr(hashing, "hash_file", lambda path, *how: read.append(path.name) or real(path, *how))
    monkeypatch.setattr(hashing, "_TICK", -1)  # as if nothing had been written a moment ago
    for _ in range(3):
        assert the(workspace, pool).is_intact()
    assert sorted(read) == ["extra-beside.npy", "fitted.npz", "offsets.npy", "values.npy"]
    harm(kept.folder / "values.npy")
    assert not kept.is_intact()


def test_mending_goes_on_after_a_stop_and_the_feature_is_not_used_meanwhile(workspace, pool, monkeypatch):
    monkeypatch.setattr("datasel_core.features.chunks.CHUNK", 2)
    kept, seen = computation.compute_feature(workspace, pool, Looks()), []
    before = shown(kept)
    harm(kept.folder / "extra-beside.npy")
    real = Looks.blocks

    def blocks(self, source, rows, fitted):
        for block in real(self, source, rows, fitted):
            if len(seen) == 5:
                raise Stopped("stopped")
            seen.append(int(block.rows[0]))
            yield block

    monkeypatch.setattr(Looks, "blocks", blocks)
    with pytest.raises(Stopped):
        computation.compute_feature(workspace, pool, Looks())
    with pytest.raises(DamagedFeature, match="compute it again"):  # nor does an older one take its place in silence
        Roles.of(workspace, pool).array("patterns")
    seen.extend([-1] * 100)
    mended = computation.compute_feature(workspace, pool, Looks())
    assert shown(mended) == before
    assert sorted(row for row in seen if row >= 0) == list(range(pool.n))  # each was looked at once


def test_who_holds_a_feature_that_was_made_anew_is_told(workspace, pool):
    kept = computation.compute_feature(workspace, pool, Looks())
    open_before = kept.values()
    harm(kept.folder / "extra-beside.npy")
    computation.compute_feature(workspace, pool, Looks())
    assert open_before.values.sum() > 0  # what is open stays readable
    with pytest.raises(DamagedFeature) as caught:
        kept.values()
    assert (
        str(caught.value)
        == f"The feature looks (role patterns, key {kept.key}) of p was made anew while it was in use; ask again."
    )


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("lost", [[], [0], [4, 9], list(range(11))])
def test_a_row_without_a_value_is_nan_and_every_other_is_what_came(workspace, pool, rng, shape, dtype, lost):
    """Whether it was computed or brought: a zero would pass for a value."""
    there = np.setdiff1d(np.arange(pool.n), lost)
    came = rng.standard_normal((pool.n, *shape)).astype(dtype)
    about = {"id": "x", "version": 1, "params": {}, "role": "things", "facts": {}, "pool": external.said_of(pool)}
    chunks = Chunks(workspace.feature("made"), pool.n)
    for rows in np.array_split(there, 3):
        chunks.add(Block(rows, came[rows]))
        chunks.flush()
    chunks.add(Block(np.empty(0, np.int64), came[:0], [(row, "no") for row in lost]))
    chunks.flush()
    made = chunks.finish({**about, "key": "made"}, pool.ids)
    workspace.feature("kept").mkdir(parents=True)
    brought = save_rows(
        workspace.feature("kept"),
        {**about, "key": "kept"},
        came[there],
        there,
        pool.n,
        [(row, "no") for row in lost],
        pool.ids,
    )
    for kept in (made, brought):
        values = np.asarray(kept.values())
        assert values.dtype == dtype
        assert np.isnan(values[lost]).all()
        np.testing.assert_array_equal(values[there], came[there])
        assert [entry["row"] for entry in kept.unreadable] == lost


# ---- kills


class Killed(BaseException):
    """Nothing after this happened."""


def killing(patch, at: int):
    """From the step `at` on, counted from 0, nothing is renamed or removed any more, as after a kill. Returns the
    counter.
    """
    steps = itertools.count()

    def step(real):
        def one(*given, **how):
            if next(steps) >= at:
                raise Killed
            return real(*given, **how)

        return one

    for name in ("replace", "unlink", "remove", "rmdir", "mkdir"):
        patch.setattr(os, name, step(getattr(os, name)))


def files_in(folder: Path) -> set[str]:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in there if not Path(name).name.startswith(".")}


def killed_at_every_step(workspace, folder: Path, work, allowed, tmp_path, monkeypatch) -> int:
    """Does `work` again and again from the same beginning, killed ever later. allowed: what may be there after a kill.
    Returns how many kills there were.
    """
    beginning = tmp_path / "beginning"
    shutil.copytree(workspace.path, beginning)
    for at in range(200):
        shutil.rmtree(workspace.path)
        shutil.copytree(beginning, workspace.path)
        done = False
        with monkeypatch.context() as patch:
            killing(patch, at)
            try:
                work()
                done = True
            except Killed:
                pass
        allowed(load(folder))
        work()
        kept = load(folder)
        assert files_in(folder) == {*kept.meta["files"], "meta.json"}, at
        if done:
            return at
    raise AssertionError("it never came to its end")


@pytest.fixture
def lost(pool, photos):
    """Two photos that cannot be read now: (path, content)."""
    found = [(path, path.read_bytes()) for path in (photos / "b" / "01.jpg", photos / "c" / "05.jpg")]
    for path, content in found:
        path.write_bytes(content[:40])
    return found


@pytest.mark.parametrize("generation", [2, 3])
def test_a_feature_read_again_in_place_is_the_old_or_the_new_one_whole(
    workspace, pool, lost, tmp_path, monkeypatch, generation
):
    computation.compute_feature(workspace, pool, Looks())
    for path, content in lost[: generation - 2]:
        path.write_bytes(content)
        computation.compute_feature(workspace, pool, Looks())
    old = computation.compute_feature(workspace, pool, Looks())
    for path, content in lost:
        path.write_bytes(content)
    straight = computation.compute_feature(Workspace(tmp_path / "elsewhere"), pool, Looks())
    before, after = shown(old), shown(straight)
    assert before != after
    seen = set()

    def allowed(kept):
        now = shown(kept)
        assert now in (before, after)
        seen.add(now)

    n = killed_at_every_step(
        workspace,
        old.folder,
        lambda: computation.compute_feature(workspace, pool, Looks()),
        allowed,
        tmp_path,
        monkeypatch,
    )
    assert n > 10
    assert seen == {before, after}
    assert {Path(path).parent.name for path in the(workspace, pool).meta["files"]} == {"", f"generation-{generation}"}


@pytest.mark.parametrize("name", ["values.npy", "fitted.npz"])
def test_a_damaged_feature_is_damaged_until_it_is_whole(workspace, pool, tmp_path, monkeypatch, name):
    kept = computation.compute_feature(workspace, pool, Looks())
    after = shown(kept)
    harm(kept.folder / name)

    def allowed(one):
        assert not one.is_intact() or shown(one) == after

    n = killed_at_every_step(
        workspace,
        kept.folder,
        lambda: computation.compute_feature(workspace, pool, Looks()),
        allowed,
        tmp_path,
        monkeypatch,
    )
    assert n > 10
    assert shown(the(workspace, pool)) == after


def test_a_first_attempt_that_is_killed_is_no_feature(workspace, pool, tmp_path, monkeypatch):
    after = shown(computation.compute_feature(Workspace(tmp_path / "elsewhere"), pool, Looks()))
    folder = workspace.feature(computation.feature_key(workspace, pool, Looks()))

    def allowed(kept):
        assert shown(kept) in (None, after)

    killed_at_every_step(
        workspace, folder, lambda: computation.compute_feature(workspace, pool, Looks()), allowed, tmp_path, monkeypatch
    )
    assert shown(load(folder)) == after


@pytest.mark.parametrize("state", ["not there", "there", "damaged"])
def test_an_import_that_is_killed_leaves_the_old_or_the_new_one_whole(
    workspace, pool, tmp_path, rng, monkeypatch, state
):
    """there: the same content twice, which only becomes the newest of its role again."""
    vectors = clustered(rng, 12, 4, 2)[:10]

    def work(name: str = "e.npz"):
        return keep_imported(
            workspace, pool, "embedding", vectors, np.arange(10), [(10, "none"), (11, "none")], name, Progress()
        )

    kept = work("before.npz")
    after = shown(kept)
    if state == "damaged":
        harm(kept.folder / "values.npy")
    elif state == "not there":
        shutil.rmtree(kept.folder)

    def allowed(one):
        if one is None:
            assert state == "not there"
        else:
            assert shown(one) == after if state != "damaged" or one.is_intact() else True

    killed_at_every_step(workspace, kept.folder, work, allowed, tmp_path, monkeypatch)
    assert shown(the(workspace, pool)) == after
    assert the(workspace, pool).meta["params"] == {"file": "e.npz"}


def test_what_earlier_generations_left_is_removed(workspace, pool):
    kept = computation.compute_feature(workspace, pool, Looks())
    (kept.folder / "generation-7").mkdir()
    for name in ("generation-7/values.npy", "extra-other.npy", ".values.part", "log.txt"):
        (kept.folder / name).write_bytes(b"x")
    computation.compute_feature(workspace, pool, Looks())
    assert files_in(kept.folder) == {*kept.meta["files"], "meta.json", "log.txt"}
    assert not (kept.folder / ".values.part").exists()
    assert json.loads((kept.folder / "meta.json").read_text()) == kept.meta
