"""What random choices are worth, and with it what a selection is worth: against one search per choice, a hand
calculation, and a world in which the truth is known; through kills and damage.
"""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Stopped
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence import yardstick as module
from datasel_core.evidence.appraisals.worth import in_random, measured, sentence
from datasel_core.evidence.measures import Distance, Probed
from datasel_core.evidence.tables.asking import ask
from datasel_core.evidence.worth import worth_of_means
from datasel_core.evidence.yardstick import DRAWS, Yardstick, grid, yardsticks
from datasel_core.features.stored import kept_features
from datasel_core.pools import holdout
from datasel_core.runs import manifest
from datasel_core.runs.engine import select
from datasel_core.runs.measures import HELD_OUT, read_curves
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.spec import parse_spec
from tests.conftest import clustered, task_of
from tests.evidence.simulated import World

N, D = 200, 6


def pool_of(workspace, tmp_path, rng, groups=None, n=N, name="v"):
    vectors = clustered(rng, n, D, 9)
    vectors[7] = 0
    columns = {"id": [f"s{at:03d}" for at in range(n)], "embedding": vectors.tolist()}
    table = pa.table(columns | ({"group": groups} if groups is not None else {}))
    pq.write_table(table, tmp_path / f"{name}.parquet")
    return add_pool(workspace, name, str(tmp_path / f"{name}.parquet"), "vectors")


@pytest.fixture
def pool(workspace, tmp_path, rng):
    found = pool_of(workspace, tmp_path, rng)
    drawing.draw(workspace, found, "25%")
    return found


@pytest.fixture
def labelled(workspace, tmp_path, rng):
    """Nine of ten samples are of one group, so that small choices see no other."""
    found = pool_of(workspace, tmp_path, rng, ["rare" if at % 12 == 0 else "usual" for at in range(N)], name="labelled")
    drawing.draw(workspace, found, "25%")
    return found


def first(workspace, pool) -> Yardstick:
    return yardsticks(workspace, pool, holdout.of(pool))[0]


def asked(pool, method="random", budget="30", **more):
    return parse_spec(pool=pool.name, method=method, budget=budget, **more)


@pytest.mark.parametrize("small", [False, True])
def test_it_is_what_one_search_per_choice_gives(workspace, pool, shrink, small):
    if small:
        shrink(16)
    mine = first(workspace, pool)
    assert isinstance(mine.measure, Distance)
    found = mine.make()
    assert found.shape == (len(mine.sizes), DRAWS, 50)
    assert mine.sizes[[0, -1]].tolist() == [5, 75]
    for at, size in enumerate(mine.sizes):
        for draw in (0, 1, DRAWS - 1):
            assert found[at, draw] == pytest.approx(mine.measure.each(mine.order(draw)[:size]), abs=3e-7)


def test_choices_are_random_nested_and_never_held_out(workspace, pool):
    mine, aside = first(workspace, pool), holdout.of(pool).rows(pool)
    orders = [mine.order(draw) for draw in range(DRAWS)]
    for order in orders:
        assert len(np.unique(order)) == len(order) == mine.sizes[-1]
        assert not np.isin(order, aside).any()
    drawn = np.bincount(np.concatenate(orders), minlength=N)[mine.rows]
    assert drawn.mean() == pytest.approx(DRAWS / 2)
    assert drawn.std() == pytest.approx(np.sqrt(DRAWS / 4), rel=0.25)  # binomial, half of the candidates each
    by_seed = np.random.default_rng(0).permutation(len(mine.rows))[:75]
    assert all(not np.array_equal(mine.rows[by_seed], order) for order in orders)


def test_sizes_grow_evenly_from_the_least_to_the_most():
    assert grid(5, 20).tolist() == [5, 7, 10, 14, 20]
    assert grid(5, 5).tolist() == [5]
    assert grid(5, 4).tolist() == []
    found = grid(5, 50_000)
    assert found[[0, -1]].tolist() == [5, 50_000]
    assert 1.2 < (found[1:] / found[:-1]).min() <= (found[1:] / found[:-1]).max() < 1.5


def stopped_after(chunks: int) -> Progress:
    """Asks to stop when so many chunks stand."""
    done = []
    return Progress(lambda step: done.append(step.done), lambda: bool(done) and done[-1] >= chunks, every=0)


@pytest.mark.parametrize("kind", ["pool", "labelled"])
def test_a_stop_costs_a_chunk_and_damage_the_chunk_that_it_befell(workspace, request, kind, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 10)
    mine = first(workspace, request.getfixturevalue(kind))
    assert isinstance(mine.measure, Probed if kind == "labelled" else Distance)
    whole = mine.make()
    shutil.rmtree(mine.folder)
    with pytest.raises(Stopped):
        mine.make(stopped_after(3))
    assert mine.read() is None
    chunks = sorted(mine.folder.glob("chunks/*.npz"))
    assert 3 <= len(chunks) < 5
    chunks[1].write_bytes(chunks[1].read_bytes()[:-30])
    (mine.folder / "chunks" / "00002.npz").write_bytes(chunks[0].read_bytes() if kind == "pool" else b"")
    made = []
    for name in ("_near", "_each"):
        before = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, before=before: made.append(1) or before(*given))
    again = mine.make()
    right = whole.copy()
    if kind == "pool":  # a chunk that is whole in itself is taken as it is
        right[:, :, 20:30] = right[:, :, 0:10]
    assert np.array_equal(again, right)
    places = 5 if kind == "pool" else len(mine.sizes)
    assert len(made) == places - len(chunks) + (1 if kind == "pool" else 2)
    assert not (mine.folder / "chunks").exists()
    assert mine.make() is not None
    assert len(made) == places - len(chunks) + (1 if kind == "pool" else 2)  # nothing is measured twice


def test_one_that_was_changed_is_made_anew(workspace, pool):
    mine = first(workspace, pool)
    whole = mine.make()
    for name in ("random.npy", "meta.json"):
        content = bytearray((mine.folder / name).read_bytes())
        content[-40] ^= 1
        (mine.folder / name).write_bytes(content)
        assert mine.read() is None
        assert np.array_equal(mine.make(), whole)
        assert np.array_equal(mine.read(), whole)


def test_another_held_out_set_or_embedding_has_another(workspace, pool):
    before = first(workspace, pool).folder
    assert first(workspace, pool).folder == before
    holdout.forget(pool, holdout.HOLDOUT)
    assert yardsticks(workspace, pool, holdout.of(pool)) == []
    drawing.draw(workspace, pool, "25%", seed=1)
    other = first(workspace, pool).folder
    assert other != before
    drawing.draw(workspace, pool, "10%", kind=holdout.GOLD)
    assert first(workspace, pool).folder not in (before, other)  # random cannot draw those either


def test_a_probe_that_saw_one_group_names_that_one(workspace, labelled):
    mine = first(workspace, labelled)
    groups = mine.measure.roles.array("group")
    usual = np.flatnonzero(groups == "usual")[:10]
    assert mine.measure.each(usual) == pytest.approx((groups[mine.measure.held.rows] == "usual").astype(float))
    found = mine.make()
    for draw in (0, 7):
        assert found[2, draw] == pytest.approx(mine.measure.each(mine.order(draw)[: mine.sizes[2]]))


def test_samples_without_a_group_teach_nothing_and_ask_nothing(workspace, tmp_path, rng):
    """Six of ten have none: choices of those alone name no held-out sample, and none of those is asked about."""
    groups = [None if at % 10 < 6 else f"g{at % 2}" for at in range(N)]
    pool = pool_of(workspace, tmp_path, rng, groups, name="some")
    drawing.draw(workspace, pool, "25%")
    mine, named = first(workspace, pool), {at for at in range(N) if groups[at]}
    assert isinstance(mine.measure, Probed)
    assert set(mine.measure.held.rows.tolist()) == set(holdout.of(pool).rows(pool).tolist()) & named
    mine.make()
    run = select(workspace, asked(pool, "random", "5", where='"group" is null'))
    said = run.manifest["result"]["worth"]
    assert (said["n"], said["held_out"]) == (0.0, len(mine.measure.held.rows))
    assert not mine.measure.each(run.table["row"].to_numpy()).any()


def test_a_set_of_whole_groups_is_measured_by_distance_for_no_probe_can_name_them(workspace, tmp_path, rng, capsys):
    pool = pool_of(workspace, tmp_path, rng, [f"g{at % 10}" for at in range(N)], name="whole")
    drawing.draw(workspace, pool, "25%", by="group")
    assert isinstance(first(workspace, pool).measure, Distance)
    run = select(workspace, asked(pool, "k_center"))
    assert run.manifest["result"]["worth"]["measure"] == "distance"
    refused = "No held-out sample of whole is of a group that others are of, so no probe can name one rightly: "
    for words in (
        ["evaluate", str(run.folder), "--probe", "linear"],
        ["evidence", "whole", "--methods", "k_center", "--budgets", "20", "--probe", "nearest"],
        ["evidence", "whole", "--methods", "k_center", "--budgets", "20", "--measures", "linear"],
    ):
        capsys.readouterr()
        assert main(words) == 2
        assert capsys.readouterr().err.splitlines()[-1] == (
            f"{refused}the set was drawn by whole groups; draw one by another column to ask a probe."
        )
    assert [one.name for one in ask(workspace, pool, ["k_center"], ["20"], 8).measures] == ["distance", "farthest"]


def test_worth_is_a_hand_calculation(workspace, pool):
    """m(n) made monotone by pooling, and the crossing, linear in log n, worked out step by step."""
    run = select(workspace, asked(pool, "k_center"))
    said, mine = run.manifest["result"]["worth"], first(workspace, pool)
    rows = run.table["row"].to_numpy()
    vectors = mine.measure.roles.array("embedding").astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    gaps = 1 - vectors[mine.measure.held.rows] @ vectors.T
    means = [np.mean([gaps[:, mine.order(draw)[:size]].min(1).mean() for draw in range(DRAWS)]) for size in mine.sizes]
    assert (np.diff(means) < 0).all()  # of nested choices, so there is nothing to pool
    own = gaps[:, rows].min(1).mean()
    at = next(at for at, mean in enumerate(means) if mean <= own)
    share = (own - means[at - 1]) / (means[at] - means[at - 1])
    right = mine.sizes[at - 1] * (mine.sizes[at] / mine.sizes[at - 1]) ** share
    assert said["n"] == pytest.approx(right, abs=0.06)
    assert said["low"] < said["n"] < said["high"]
    assert (said["measure"], said["kept"], said["least"], said["most"]) == ("distance", 30, 5, 75)
    assert (said["held_out"], said["held_out_of"]) == (50, 50)
    curve = read_curves(run.folder)[HELD_OUT]
    assert curve.at(30)[0] == pytest.approx(own, abs=1e-6)
    assert curve.at(3)[0] == pytest.approx(gaps[:, rows[:3]].min(1).mean(), abs=1e-6)


def test_a_manifest_says_it_only_where_there_is_a_held_out_set(workspace, tmp_path, rng):
    pool = pool_of(workspace, tmp_path, rng)
    before = select(workspace, asked(pool))
    assert set(before.manifest["result"]) == {"n", "ids_sha256", "pick_order_sha256", "metrics"}
    assert not (workspace.path / "yardsticks").exists()
    drawing.draw(workspace, pool, "25%")
    after = select(workspace, asked(pool))
    assert after.manifest["result"]["worth"]["kept"] == 30
    again = select(workspace, asked(pool, "k_center"))
    shutil.rmtree(workspace.path / "yardsticks")
    for run in (before, after, again):
        assert manifest.problems(run.folder) == []
        assert reproduce(workspace, run.folder)["identical"]
    assert HELD_OUT not in read_curves(before.folder)


def test_the_same_selection_is_worth_the_same_every_time(workspace, pool):
    one = select(workspace, asked(pool)).manifest["result"]["worth"]
    shutil.rmtree(workspace.path / "yardsticks")
    shutil.rmtree(workspace.path / "runs")
    assert select(workspace, asked(pool)).manifest["result"]["worth"] == one


def test_what_was_drawn_together_is_drawn_together_again(workspace, tmp_path, rng):
    """The interval is that of the parts of the held-out set, of which there are few."""
    pool = pool_of(workspace, tmp_path, rng, [f"g{at % 20}" for at in range(N)], name="parts")
    drawing.draw(workspace, pool, "25%", by="group")
    mine = yardsticks(workspace, pool, holdout.of(pool))[-1]
    parts, kept = mine.measure.held.parts, mine.rows[::5]
    assert len(np.unique(parts)) == 5
    said = measured(mine, mine.make(), kept, Progress())
    given = mine.sizes, mine.make(), mine.measure.each(kept)[None], False
    right, wrong = (worth_of_means(*given, groups) for groups in (parts, None))
    assert (said["low"], said["high"]) == (pytest.approx(right.low, abs=0.06), pytest.approx(right.high, abs=0.06))
    assert (said["low"], said["high"]) != (pytest.approx(wrong.low, abs=0.06), pytest.approx(wrong.high, abs=0.06))


def test_those_chosen_earlier_count(workspace, pool):
    early = select(workspace, asked(pool, budget="20"))
    both = select(workspace, asked(pool, budget="20", seed=1, already=str(early.folder)))
    assert both.manifest["result"]["worth"]["kept"] == 40
    assert both.manifest["result"]["worth"]["n"] > early.manifest["result"]["worth"]["n"]


def test_a_budget_beyond_what_was_drawn_is_worth_more_than_that(workspace, pool):
    said = select(workspace, asked(pool, "facility_location", budget="140")).manifest["result"]["worth"]
    assert (said["n"], said["high"]) == (None, None)
    assert sentence(said).startswith("These 140 cover the held-out samples like more than 75 random ones: ")


def test_a_probe_is_used_where_it_is_there_and_else_asked_for(workspace, labelled):
    first_said = task_of("select", pool="labelled", method="random", budget="30").prepare(workspace).run(Progress())
    remedy = "how many random samples this is worth: python -m datasel_core yardstick labelled, once"
    assert remedy in first_said.notes
    assert "worth" not in first_said.document["manifest"]["result"]
    made = task_of("yardstick", pool="labelled").prepare(workspace).run(Progress())
    assert made.lines[0].startswith(
        "Random choices of labelled, 10 to 75 of 150 samples, 20 of each of 7 sizes: share "
    )
    assert len(made.lines) == 2
    again = task_of("select", pool="labelled", method="random", budget="30").prepare(workspace).run(Progress())
    assert remedy not in again.notes
    assert "a linear classifier names rightly" in again.lines[1]
    other = task_of("select", pool="labelled", method="random", budget="31").prepare(workspace).run(Progress())
    assert other.document["manifest"]["result"]["worth"]["measure"] == "probe"


def test_drawing_a_held_out_set_makes_it_at_once_where_there_are_vectors(workspace, tmp_path, rng):
    pool = pool_of(workspace, tmp_path, rng)
    said = task_of("holdout", pool="v", share="20%").prepare(workspace).run(Progress())
    assert said.lines[1].startswith("Random choices of v, 5 to 80 of 160 samples, 20 of each of 9 sizes: mean distance")
    assert first(workspace, pool).read() is not None


def test_what_cannot_be_measured_is_refused(workspace, tmp_path, rng):
    pool = pool_of(workspace, tmp_path, rng, n=20)
    with pytest.raises(BadRequest, match="v has no held-out set to measure random choices on; draw one before"):
        task_of("yardstick", pool="v").prepare(workspace)
    drawing.draw(workspace, pool, "12")
    with pytest.raises(BadRequest, match="needs an embedding, at least 2 held-out samples and 10 to choose from"):
        task_of("yardstick", pool="v").prepare(workspace)
    assert "worth" not in select(workspace, asked(pool, budget="4")).manifest["result"]


def test_the_sentence_names_the_measure_and_does_not_gloss():
    said = {"n": 83.2, "low": 76.1, "high": 91.8, "kept": 50, "measure": "distance", "least": 5, "most": 400}
    said |= {"held_out": 186, "held_out_of": 186}
    how = "mean distance of the 186 held-out photos to the nearest kept."
    assert sentence(said, "photos") == f"These 50 cover the held-out photos like 83 random ones (76 to 92): {how}"
    assert sentence(said | {"n": 31.0}, "photos").startswith("50 kept do as well as 31 random ones (76 to 92): mean")
    assert "fewer than 5 random ones" in sentence(said | {"n": 0.0})
    sampled = sentence(said | {"measure": "probe", "held_out": 2000, "held_out_of": 5120})
    how = "share of the 2,000 of 5,120 held-out samples that a linear classifier names rightly, trained on them alone."
    assert sampled == f"These 50 teach as much as 83 random ones (76 to 92): {how}"


def test_lists_and_comparisons_say_it(workspace, pool, tmp_path, rng, capsys):
    key = kept_features(workspace, pool.fingerprint)[0].key
    kept = [select(workspace, asked(pool, method)) for method in ("k_center", "random")]
    said = [run.manifest["result"]["worth"] for run in kept]
    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert all(f"30 kept, worth {in_random(one)}\t" in listed for one in said)
    assert main(["runs", "--json"]) == 0
    by_run = {one["run"]: one["worth"] for one in json.loads(capsys.readouterr().out)}
    assert by_run == {str(run.folder): one for run, one in zip(kept, said, strict=True)}
    assert main(["compare", kept[0].key, kept[1].key]) == 0
    compared = capsys.readouterr().out
    assert all(f"{run.key}: {sentence(one)}" in compared for run, one in zip(kept, said, strict=True))
    assert "do not compare" not in compared
    np.savez(tmp_path / "other.npz", ids=pool.ids.astype(str), embedding=clustered(rng, N, D, 9))
    import_feature(workspace, pool, "embedding", str(tmp_path / "other.npz"))
    other = select(workspace, asked(pool, budget="31"))
    assert main(["compare", kept[0].key, other.key]) == 0
    assert "in different ways or features: these numbers do not compare." in capsys.readouterr().out
    assert main(["select", "v", "k_center", "--budget", "30", "--use", f"embedding={key}"]) == 0
    assert sentence(said[0]) in capsys.readouterr().out


def test_nothing_that_can_be_measured_is_worth_nothing(workspace, pool):
    mine = first(workspace, pool)
    assert measured(mine, mine.make(), np.empty(0, np.int64), Progress()) is None


def test_intervals_hold_what_a_choice_is_worth(rng):
    """Of one random choice what it is truly worth, of eight their own size; `tests/benchmarks/worth_intervals.py` does
    it often enough to tell 93 from 97 %.
    """
    world = World.made(rng, n=200, m=1500)
    met = np.array([world.holds(rng, 40, 80) for _ in range(60)]).mean(0)
    assert (met >= 0.85).all()
    assert met.max() <= 1
