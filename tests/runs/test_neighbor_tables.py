"""Neighbour tables that are kept: the same plans as the method's own, resumed after a kill, damaged ones noticed;
near-duplicates and who serves whom.
"""

import hashlib
import io
import json
import time

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Stopped
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, neighbor_tables, reproduction
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import key_of
from tests.conftest import clustered, task_of

N, M = 400, 12
ARRAYS = ("given", "targets", "rows", "places", "distances", "widths", "crowding")


@pytest.fixture
def both(workspace, tmp_path, rng):
    """A pool of 400 vectors and a target of twelve."""
    vectors = clustered(rng, N + M, 6, 8)
    for name, part in (("pool", vectors[:N]), ("task", vectors[N:])):
        np.savez(tmp_path / f"{name}.npz", ids=[f"{name}{at:03d}" for at in range(len(part))], embedding=part)
        add_pool(workspace, name, str(tmp_path / f"{name}.npz"), "vectors")
    return vectors


def asked(workspace, **params):
    return resolve(workspace, Spec(pool="pool", method="tsds", params=params, budget="5", target="task"))


def key(question) -> str:
    return neighbor_tables.tables_folder(question).name


@pytest.mark.parametrize(("alpha", "c", "at"), [(0.5, 5.0, 0), (0.9, 2.0, 2), (0.1, 5.0, -1), (0.6, 5.0, None)])
def test_plans_from_tables_are_those_of_the_method(workspace, both, alpha, c, at):
    question = asked(workspace)
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(question, Progress()))
    sigma = 0.0 if at is None else float(found.neighbours.widths[at])
    mine = found.plan(alpha, c, sigma)
    inputs = Inputs({"embedding": both[:N]}, np.random.default_rng(0), target={"embedding": both[N:]})
    theirs = Tsds(alpha=alpha, c=c, sigma=sigma).plan(inputs)
    np.testing.assert_allclose(found.probability(mine, N), theirs.probability, rtol=1e-9, atol=1e-15)
    assert mine.level == pytest.approx(theirs.level, rel=1e-9)
    assert mine.cost == pytest.approx(theirs.cost, rel=1e-9)


def test_there_is_a_stop_where_everything_lies_on_its_target():
    assert neighbor_tables.stops(np.zeros((3, 40)), 0.0).tolist() == [1.0]


def test_the_default_sigma_is_always_a_stop(workspace, both):
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(asked(workspace), Progress()))
    widths = found.neighbours.widths
    assert 0.75 in widths.tolist()
    assert (np.diff(widths) > 0).all()
    assert not np.isnan(found.neighbours.crowding).any()
    with pytest.raises(ValueError, match="no crowding for the width"):
        found.plan(0.5, 5.0, 0.123456)


def test_what_was_measured_before_a_stop_stands(workspace, both, monkeypatch):
    monkeypatch.setattr(neighbor_tables, "_CHUNK", 60)
    question, measured = asked(workspace), []
    real = neighbor_tables.Crowd.measure

    def measure(self, wanted, progress):
        if len(measured) == 2:
            raise Stopped("stopped")
        measured.append(wanted.tolist())
        return real(self, wanted, progress)

    monkeypatch.setattr(neighbor_tables.Crowd, "measure", measure)
    with pytest.raises(Stopped):
        neighbor_tables.make_tables(question, Progress())
    folder = workspace.serving(question.key)
    assert neighbor_tables.read_tables(folder) is None
    later = []
    monkeypatch.setattr(
        neighbor_tables.Crowd,
        "measure",
        lambda self, wanted, progress: later.append(wanted.tolist()) or real(self, wanted, progress),
    )
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(question, Progress()))
    u = len(found.neighbours.rows)
    assert sorted(sum(measured + later, [])) == list(range(u))
    assert not list(folder.glob("crowding-*"))
    whole = neighbor_tables.Crowd(both[:N][found.neighbours.rows], found.neighbours.widths, found.neighbours.kde_k)
    np.testing.assert_allclose(found.neighbours.crowding, real(whole, np.arange(u), Progress()), rtol=1e-12)


def test_damaged_tables_are_none(workspace, both):
    folder = neighbor_tables.make_tables(asked(workspace), Progress())
    whole = bytearray((folder / "distances.npy").read_bytes())
    whole[-3] ^= 1
    (folder / "distances.npy").write_bytes(whole)
    assert neighbor_tables.read_tables(folder) is None
    (folder / "meta.json").unlink()
    assert neighbor_tables.read_tables(folder) is None


@pytest.mark.parametrize("name", ARRAYS)
def test_tables_of_which_one_bit_is_another_are_made_again(workspace, both, name):
    """Each still is an array of the right size: only the hash tells, and what is made again is what it was."""
    question = asked(workspace)
    folder = neighbor_tables.make_tables(question, Progress())
    path = folder / f"{name}.npy"
    before, content = path.read_bytes(), bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert np.load(path).shape == np.load(io.BytesIO(before)).shape
    assert neighbor_tables.read_tables(folder) is None
    assert neighbor_tables.make_tables(question, Progress()) == folder
    assert path.read_bytes() == before
    assert neighbor_tables.read_tables(folder) is not None


@pytest.mark.parametrize("changes", [{"kde_k": 7}, {"recall": 0.5}, {"n": 3}, {"kde_k": "7"}, {"spare": 1}])
def test_tables_of_which_a_number_is_another_are_made_again(workspace, both, changes):
    """Arrays are hashed with what is said of them; of an older version, arrays alone."""
    question = asked(workspace)
    path = neighbor_tables.make_tables(question, Progress()) / "meta.json"
    before = json.loads(path.read_text())
    path.write_text(json.dumps({**before, **changes}))
    assert neighbor_tables.read_tables(path.parent) is None
    assert neighbor_tables.make_tables(question, Progress()) == path.parent
    assert json.loads(path.read_text()) == before
    old = key_of({name: hashed(path.parent, name) for name in ARRAYS})
    path.write_text(json.dumps({**before, "sha256": old}))
    assert neighbor_tables.read_tables(path.parent) is not None


def hashed(folder, name):
    return hashlib.sha256((folder / f"{name}.npy").read_bytes()).hexdigest()


@pytest.mark.parametrize("how", ["cut", "a byte", "empty"])
def test_a_damaged_part_of_crowding_is_measured_again(workspace, both, monkeypatch, how):
    monkeypatch.setattr(neighbor_tables, "_CHUNK", 60)
    question, real, measured = asked(workspace), neighbor_tables.Crowd.measure, []

    def measure(self, wanted, progress):
        if len(measured) == 2:
            raise Stopped("stopped")
        measured.append(wanted.tolist())
        return real(self, wanted, progress)

    with monkeypatch.context() as patch:
        patch.setattr(neighbor_tables.Crowd, "measure", measure)
        with pytest.raises(Stopped):
            neighbor_tables.make_tables(question, Progress())
    folder = neighbor_tables.tables_folder(question)
    first, _ = sorted(folder.glob("crowding-*.npz"))
    whole = bytearray(first.read_bytes())
    whole[len(whole) // 2] ^= 1
    first.write_bytes({"cut": whole[:90], "a byte": whole, "empty": b""}[how])
    again = neighbor_tables.read_tables(neighbor_tables.make_tables(question, Progress())).neighbours
    crowd = neighbor_tables.Crowd(both[:N][again.rows], again.widths, again.kde_k)
    np.testing.assert_allclose(again.crowding, real(crowd, np.arange(len(again.rows)), Progress()), rtol=1e-12)


@pytest.mark.parametrize("name", ["distances", "places", "crowding", "meta"])
@pytest.mark.parametrize("cut", [True, False])
def test_damaged_tables_are_made_anew(workspace, both, name, cut):
    """Never from what is left of them: a changed digit would pass for a right one ever after."""
    folder = neighbor_tables.make_tables(asked(workspace), Progress())
    before = (folder / "meta.json").read_bytes()
    path = folder / ("meta.json" if name == "meta" else f"{name}.npy")
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole[: len(whole) // 2] if cut else whole)
    neighbor_tables.make_tables(asked(workspace), Progress())
    assert (folder / "meta.json").read_bytes() == before
    assert neighbor_tables.read_tables(folder) is not None


def test_the_key_knows_what_decides_and_nothing_else(workspace, both):
    same = key(asked(workspace))
    assert key(asked(workspace, alpha=0.9, c=2.0, sampling="top")) == same
    assert key(asked(workspace, max_k=30)) != same
    assert key(asked(workspace, neighbors="approximate")) != same


def test_a_worker_makes_them_and_says_where(workspace, both):
    job = worker.start(workspace, task_of("serving", pool="pool", target="task"))
    assert job.folder == neighbor_tables.tables_folder(asked(workspace))
    for _ in range(600):
        if not job.is_active:
            break
        time.sleep(0.1)
    assert job.status()["state"] == "done", job.status()
    assert neighbor_tables.read_tables(job.folder) is not None
    with pytest.raises(BadRequest, match="target is missing"):
        task_of("serving", pool="pool")
    with pytest.raises(BadRequest, match="nearest_targets looks at no neighbours of a target; tsds does"):
        worker.start(workspace, task_of("serving", pool="pool", target="task", method="nearest_targets"))


def test_what_is_kept_has_a_chance_in_the_tables(workspace, both):
    """The run and the tables tell one story: chances are the same to the digit that the manifest keeps."""
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(asked(workspace), Progress()))
    run = engine.select(workspace, Spec(pool="pool", method="tsds", budget="20", target="task"))
    p = found.probability(found.plan(0.5, 5.0, 0.75), N)
    scores = run.table["score"].to_numpy()
    np.testing.assert_allclose(scores, p[run.table["row"].to_numpy()], rtol=1e-9)
    assert run.manifest["result"]["facts"]["support"] == np.count_nonzero(p)
    assert len(kept_features(workspace, run.manifest["pool"]["fingerprint"])) == 1


@pytest.mark.parametrize("params", [{}, {"alpha": 0.0}, {"alpha": 0.9, "sampling": "top"}])
@pytest.mark.parametrize("budget", [2, 5, 20])
def test_what_is_foreseen_of_a_choice_is_what_its_record_says(workspace, both, params, budget):
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(asked(workspace), Progress()))
    method = Tsds(**params)
    plan = found.plan(method.alpha, method.c, method.sigma)
    spec = Spec(pool="pool", method="tsds", params=params, budget=str(budget), seed=3, target="task")
    facts = engine.select(workspace, spec).manifest["result"]["facts"]
    foreseen = found.outlook(method, plan, budget, 3).facts
    assert foreseen == {name: pytest.approx(facts[name]) for name in foreseen}
    assert foreseen.keys() == {
        name for name in facts if name.startswith("distance_") or name in ("spread", "alpha_closer")
    }
    assert len(found.unlike) == facts["unlike"]
    assert [f"task{at:03d}" for at in found.targets[found.unlike]] == facts.get("unlike_examples", [])


def test_a_target_example_that_nothing_resembles_is_named_by_its_own_id(workspace, both):
    """Also where one before it has no vector."""
    vectors = both[N:][1:].copy()
    vectors[2] += 60  # the fourth
    pool, task = (load_pool(workspace, name) for name in ("pool", "task"))
    keep_imported(workspace, pool, "embedding", both[:N], np.arange(N), [], "p.npz", Progress())
    keep_imported(workspace, task, "embedding", vectors, np.arange(1, M), [(0, "broken")], "t.npz", Progress())
    run = engine.select(workspace, Spec(pool="pool", method="tsds", budget="5", target="task"))
    assert run.manifest["result"]["facts"]["unlike_examples"] == ["task003"]


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_tables_that_do_not_say_how_far_the_candidates_are_are_completed(workspace, both, how):
    """An older version did not ask."""
    folder = neighbor_tables.make_tables(asked(workspace), Progress())
    before = (folder / "around.npz").read_bytes()
    (folder / "around.npz").unlink() if how == "gone" else (folder / "around.npz").write_bytes(before[:100])
    assert neighbor_tables.read_tables(folder) is None
    assert neighbor_tables.make_tables(asked(workspace), Progress()) == folder
    assert neighbor_tables.read_tables(folder).away.tolist() == np.load(io.BytesIO(before))["away"].tolist()


def test_tables_are_of_those_that_may_be_chosen(workspace, both):
    """What may not is no neighbour; the tables are others than those of the whole pool."""
    spec = Spec(pool="pool", method="tsds", budget="5", target="task", where="id < 'pool300'")
    some = resolve(workspace, spec)
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(some, Progress()))
    assert found.given.tolist() == list(range(300))
    assert key(some) != key(asked(workspace))
    run = engine.select(workspace, spec)
    p = found.probability(found.plan(0.5, 5.0, 0.75), N)
    np.testing.assert_allclose(run.table["score"].to_numpy(), p[run.table["row"].to_numpy()], rtol=1e-9)


def test_samples_without_a_vector_are_passed_over_and_the_embedding_may_be_an_older_one(workspace, both):
    """Rows of tables, of the run and of the method on what is left are the same samples."""
    pool, task = (load_pool(workspace, name) for name in ("pool", "task"))
    there = np.setdiff1d(np.arange(N), [0, 7, 8, 200, N - 1])
    left_out = [(row, "broken") for row in np.setdiff1d(np.arange(N), there).tolist()]
    turned = both[:, ::-1] + 3
    used = keep_imported(workspace, pool, "embedding", turned[there], there, left_out, "older.npz", Progress())
    keep_imported(
        workspace, task, "embedding", turned[N:][1:], np.arange(1, M), [(0, "broken")], "older.npz", Progress()
    )
    keep_imported(workspace, pool, "embedding", both[:N] * 2, np.arange(N), [], "newer.npz", Progress())
    spec = Spec(pool="pool", method="tsds", budget="20", target="task", use={"embedding": used.key})
    question = resolve(workspace, spec)
    found = neighbor_tables.read_tables(neighbor_tables.make_tables(question, Progress()))
    p = found.probability(found.plan(0.5, 5.0, 0.75), N)
    expected = Tsds().plan(
        Inputs({"embedding": turned[there]}, np.random.default_rng(0), target={"embedding": turned[N:][1:]})
    )
    np.testing.assert_allclose(p[there], expected.probability, rtol=1e-9, atol=1e-15)
    assert not p[[row for row, _ in left_out]].any()
    assert found.targets.tolist() == list(range(1, M))
    table = engine.select(workspace, spec).table
    np.testing.assert_allclose(table["score"].to_numpy(), p[table["row"].to_numpy()], rtol=1e-9)


def test_draws_with_repeats_are_reproduced(workspace, both):
    """What was granted is how often it was drawn, not how many different ones that gave: with fewer draws the answer
    would be another.
    """
    run = engine.select(
        workspace, Spec(pool="pool", method="tsds", params={"sampling": "multinomial"}, budget="60", target="task")
    )
    assert run.manifest["result"]["n"] < 60
    assert run.manifest["budget"]["granted"] == sum(run.table["count"].to_pylist()) == 60
    assert reproduction.reproduce(workspace, run.folder)["identical"]
