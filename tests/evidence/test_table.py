"""The table of evidence: a cell is what one works out by hand, words are held to their level, nothing is measured
twice.
"""

import itertools
import json
import math
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datasel_core as ds
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Stopped
from datasel_core.evidence import holdout
from datasel_core.evidence.classes import classes_of, difference
from datasel_core.evidence.differences import Difference, paired
from datasel_core.evidence.measures import Farthest, pseudo_values
from datasel_core.evidence.tables import choices, costs, paper
from datasel_core.evidence.tables.paper import CONTROL
from datasel_core.features.external import import_feature
from datasel_core.features.stored import kept_features
from datasel_core.pools import holdout as aside
from datasel_core.probes.evaluate import run_probe
from datasel_core.probes.linear import Linear
from datasel_core.probes.nearest import Nearest
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.conftest import rewritten, task_of

WORDS = {"better", "worse", "not shown to differ", "pilot"}


def world(rng, n=160, k=4, d=6, spread=1.2):
    """(n, d) vectors around k centres, and the name of the centre of each; some classes are rare."""
    of = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    vectors = rng.standard_normal((k, d))[of] + spread * rng.standard_normal((n, d)) / np.sqrt(d)
    return vectors.astype(np.float32), np.array([f"class {at}" for at in of])


def add(workspace, folder, vectors, groups, name="vec"):
    ids = [f"s{at:03d}" for at in range(len(vectors))]
    table = {"id": ids, "embedding": list(vectors)}
    pq.write_table(pa.table(table if groups is None else {**table, "group": groups.tolist()}), folder / "v.parquet")
    return add_pool(workspace, name, str(folder / "v.parquet"), "vectors")


@pytest.fixture
def pool(workspace, tmp_path, rng):
    found = add(workspace, tmp_path, *world(rng))
    holdout.draw(workspace, found, "40")
    return found


def measured(workspace, progress=None, **fields):
    asked = {"pool": "vec", "methods": "k_center", "budgets": "12,24", **fields}
    return perform(workspace, task_of("evidence", **asked), progress or Progress()).document


def cell(document, method, budget, measure=None):
    found = [*document["cells"], *document["others"]]
    measure = measure or document["measure"]
    return next(one for one in found if (one["method"], one["budget"], one["measure"]) == (method, budget, measure))


def test_a_cell_is_what_one_works_out_with_single_commands(workspace, pool):
    """Selections by `select`, the probe by itself, the law of `paired`."""
    document = measured(workspace, methods="k_center,facility_location")
    held = aside.held_out(pool).rows(pool)
    embedding, groups = (Roles_array(workspace, pool, role) for role in ("embedding", "group"))

    def right(method, seed):
        kept = select(workspace, Spec(pool="vec", method=method, budget="24", seed=seed)).selection.rows
        return Linear().each({"embedding": embedding, "group": groups}, np.sort(kept), held)

    for method in ("k_center", "facility_location"):
        rows = np.stack([right(method, seed) - right("random", seed) for seed in range(8)])
        by_hand, found = paired(rows), cell(document, method, 24)
        for name in ("difference", "low", "high"):
            assert found[name] == pytest.approx(getattr(by_hand, name), abs=1e-6)
        assert found["p"] == pytest.approx(by_hand.p)
    assert cell(document, "facility_location", 24)["same_under_every_seed"]
    assert not cell(document, "k_center", 24)["same_under_every_seed"]


def Roles_array(workspace, pool, role):  # noqa: N802
    from datasel_core.features.roles import Roles

    return np.asarray(Roles.of(workspace, pool).array(role))


def test_json_is_the_contract_and_random_stands_in_it(workspace, pool, capsys):
    assert main(["evidence", "vec", "--methods", "k_center,random", "--budgets", "12,24", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["method"], one["budget"]) for one in document["cells"]] == [
        ("k_center", 12),
        ("k_center", 24),
        ("random", 12),
        ("random", 24),
    ]
    for one in document["cells"]:
        assert {"method", "budget", "seeds", "difference", "low", "high", "verdict"} <= one.keys()
        assert one["verdict"] in WORDS
        assert one["low"] <= one["difference"] <= one["high"]
        assert one["seeds"] == 8
    assert document["measure"] == "linear"
    assert {one["name"] for one in document["measures"]} == {"linear", "distance", "classes", "rare"}
    assert document["corrected_over"] == len(document["cells"]) + len(document["others"]) == 16
    few = measured(workspace, seeds=4)
    assert {one["verdict"] for one in few["cells"] + few["others"]} == {"pilot"}
    assert any("4 seeds make a pilot" in line for line in few["notes"])


def test_python_gives_the_same(workspace, pool):
    found = ds.evidence(pool, methods=["k_center", ds.method("k_center")(metric="euclidean")], budgets=[12, "20%"])
    assert found["budgets"] == [12, 24]
    assert {one["method"] for one in found["cells"]} == {"k_center", "k_center:metric=euclidean", "random"}
    assert found["cells"][0] == measured(workspace, methods="k_center,k_center:metric=euclidean")["cells"][0]


def test_nothing_is_chosen_or_measured_twice(workspace, pool, monkeypatch):
    made, real, after = [], choices.choose, 21

    def choose(asked, *given, **also):
        if len(made) == after:
            raise Stopped("killed")
        made.append((asked.method.id, asked.budget, asked.spec.seed))
        return real(asked, *given, **also)

    tested, each = [], Linear.each
    monkeypatch.setattr(Linear, "each", lambda *given: tested.append(1) or each(*given))
    monkeypatch.setattr(choices, "choose", choose)
    with pytest.raises(Stopped):
        measured(workspace)
    after, before = math.inf, len(tested)
    assert before > 10
    whole = measured(workspace)
    assert len(set(made)) == len(made)
    assert len(tested) == 2 * 20 + 2 * 8  # 20 draws of random and 8 of the method, of each budget
    n = len(made)
    assert measured(workspace) == whole
    assert (len(made), len(tested)) == (n, 56)
    more = measured(workspace, methods="facility_location,k_center", seeds=9)
    assert {one[0] for one in made[n:] if one[2] not in (8, 1_000_019)} == {"facility_location"}
    assert len(tested) == 56 + 2 + 2 + 2  # one choice under every seed; one more of k_center and of random
    assert cell(more, "k_center", 12)["seeds"] == 9


def test_a_scorer_that_draws_while_it_scores_answers_otherwise_under_every_seed(workspace, pool, tmp_path, rng):
    vectors = Roles_array(workspace, pool, "embedding")
    for role in ("image", "text"):
        noisy = vectors + 0.3 * rng.standard_normal(vectors.shape).astype(np.float32)
        np.savez(tmp_path / "v.npz", ids=pool.ids.astype(str), **{role: noisy})
        import_feature(workspace, pool, role, tmp_path / "v.npz")
    name, params = "neg_clip_loss:batch_size=16:n_batches=1", {"batch_size": 16, "n_batches": 1}
    whole = "neg_clip_loss"  # one batch of all: nothing is drawn
    document = measured(workspace, methods=f"{name},{whole}", budgets="24", measures="none")
    assert not cell(document, name, 24)["same_under_every_seed"]
    assert cell(document, whole, 24)["same_under_every_seed"]
    embedding, groups = (Roles_array(workspace, pool, role) for role in ("embedding", "group"))
    held, right = aside.held_out(pool).rows(pool), []
    for seed in range(8):
        kept = select(workspace, Spec(pool="vec", method="neg_clip_loss", params=params, budget="24", seed=seed))
        rows = np.sort(kept.selection.rows)
        right.append(Linear().each({"embedding": embedding, "group": groups}, rows, held).mean())
    assert cell(document, name, 24)["value"] == pytest.approx(np.mean(right), abs=1e-6)


def test_a_damaged_file_of_a_choice_is_made_again(workspace, pool):
    whole = measured(workspace)
    for path in list(workspace.path.glob("evidence/*/*/*.npz"))[:5]:
        path.write_bytes(path.read_bytes()[:100])
    assert measured(workspace)["others"] == whole["others"]


def test_methods_with_a_beginning_are_asked_once_and_give_the_same(workspace, pool):
    """k-center at 12 is the beginning of k-center at 24; alone it is chosen by itself."""
    alone = measured(workspace, budgets="12")
    shutil.rmtree(workspace.path / "evidence")
    both = measured(workspace)
    for name in ("value", "difference", "p"):
        assert cell(alone, "k_center", 12)[name] == cell(both, "k_center", 12)[name]


def test_what_is_written_is_the_table(workspace, pool, tmp_path, capsys):
    for name in ("t.md", "t.tex", "t.csv"):
        assert (
            main(["evidence", "vec", "--methods", "k_center", "--budgets", "12,24", "--out", str(tmp_path / name)]) == 0
        )
    said = capsys.readouterr().out
    text = (tmp_path / "t.md").read_text()
    assert text.rstrip() in said
    assert text.index("| k_center |") < text.index(f"| {CONTROL} |")
    assert "| method | 12 | 24 |" in text
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 2 * 2
    assert lines[0].endswith("verdict,seconds,feature_seconds,feature_flop")
    assert lines[0].startswith("measure,method,budget")
    latex = (tmp_path / "t.tex").read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 5  # four measures, and what it costs
    assert "k\\_center &" in latex
    (tmp_path / "t.md").write_text("mine")
    assert main(["evidence", "vec", "--methods", "k_center", "--budgets", "12", "--out", str(tmp_path / "t.md")]) == 2
    assert "not as datasel wrote it" in capsys.readouterr().err
    assert (tmp_path / "t.md").read_text() == "mine"


def test_what_it_costs_stands_beside_it(workspace, pool):
    """A feature whose operations were counted, and one of an older version, or brought."""
    document = measured(workspace, budgets="12,24", seeds=2, measures="none")
    (kept,) = kept_features(workspace, pool.fingerprint)
    name = kept.id
    assert document["cells"][0]["feature_flops"] == {name: None}
    assert f"{name} time not known, FLOPs not counted |" in paper.markdown(document)
    rewritten(kept.folder / "meta.json", seconds=31.0, flops=1_234_000_000_000)
    document = measured(workspace, budgets="12,24", seeds=2, measures="none")
    assert document["cells"][0]["feature_flops"] == {name: 1_234_000_000_000}
    assert f"computing {name} 31 s (1.2 TFLOP)" in document["cells"][0]["benefit"]
    text, took = paper.markdown(document), [costs.duration(one["seconds"]) for one in document["cells"][:2]]
    head = text.index(costs.HEADING)
    assert f"| k_center | {took[0]} | {took[1]} | {name} 31 s, 1.2 TFLOP |" in text[head:]
    assert r"31 s, 1.2 TFLOP \\" in paper.tex(document)
    first, *_, last = paper.comma_separated(document).splitlines()[1:]
    assert first.endswith(",31.0,1234000000000")
    assert last.endswith(",,,")
    for cell_ in document["cells"]:  # as an older version wrote it
        cell_.pop("feature_seconds", None)
    assert costs.HEADING not in paper.markdown(document)


def test_names_with_odd_characters_stay_in_their_column(workspace, pool):
    document = measured(workspace, budgets="12", seeds=2, measures="none")
    document["cells"][0]["method"] = "by_score:role=a|b<c>"
    lines = paper.written(document, ".md").splitlines()
    rows = [line for line in lines if line.startswith("| by_score")]  # of the measure, and of what it costs
    assert [row.replace(r"\|", "").count("|") for row in rows] == [3, 4]
    assert r"by\_score:role=a\textbar{}b\textless{}c\textgreater{} &" in paper.written(document, ".tex")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"methods": "freesel"}, "freesel: The pool vec has no feature for the role patterns yet"),
        ({"methods": "k_center,k_center"}, "k_center stands twice among the methods"),
        ({"methods": "random"}, "Name at least one method to compare with random"),
        ({"methods": "k_centre"}, "Did you mean k_center"),
        ({"methods": "k_center:metric"}, "k_center:metric must look like METHOD or METHOD:parameter=value"),
        ({"params": {"sampler": "prob"}}, "No method of the table has a parameter sampler"),
        ({"target": "other"}, "No method of the table takes a target; leave out --target other"),
        ({"methods": "tsds"}, "tsds: tsds chooses towards a target; name a pool of examples with --target POOL"),
        ({"measures": "patterns"}, "patterns needs patterns, which vec does not have yet"),
        ({"measures": "distanze"}, "Did you mean distance"),
        (
            {"measures": "farthest", "probe": "none"},
            "^farthest needs at least 50 held-out samples, and 40 can be measured",
        ),
        ({"probe": "lineer"}, "Did you mean linear"),
        ({"probe": "retrieval"}, "The probe retrieval looks at image and text of every sample"),
        ({"probe": "none", "params": {"probe.c": "1"}}, "No probe measures here"),
        ({"params": {"probe.d": "1"}}, "linear has no parameter d"),
        ({"budgets": "12,ten"}, "The budget is 'ten'"),
        ({"budgets": "121"}, "it must be from 1 to 120"),
        ({"budgets": " ,"}, "Name at least one budget: --budgets 50,10%"),
        ({"out": "t.docx"}, r"--out t.docx must end in .md, .tex or .csv"),
    ],
)
def test_what_is_wrong_is_one_line(workspace, pool, fields, message):
    with pytest.raises(BadRequest, match=message) as error:
        measured(workspace, **fields)
    assert len(str(error.value).splitlines()) == 1
    assert not (workspace.path / "evidence").exists()


def test_where_a_method_cannot_choose_so_many_it_is_said_of_whom(workspace, pool, tmp_path, rng):
    (tmp_path / "few").mkdir()
    add(workspace, tmp_path / "few", world(rng, 9)[0], None, "few")
    with pytest.raises(BadRequest, match="^tsds, 60 samples, seed 0: The budget is 60, but only .* have any chance"):
        measured(workspace, methods="k_center,tsds:alpha=1", target="few", budgets="60", seeds=2, measures="none")


def test_where_a_probe_cannot_learn_it_is_said_of_whom(workspace, pool, monkeypatch):
    def refuse(*given):
        raise BadRequest("It cannot learn this.")

    monkeypatch.setattr(Linear, "each", refuse)
    with pytest.raises(BadRequest, match="^random, 12 samples, seed 0: It cannot learn this. Take a larger budget"):
        measured(workspace)


def test_who_keeps_one_class_alone_names_no_other(workspace, tmp_path, rng):
    vectors, groups = world(rng)
    order = np.argsort(groups, kind="stable")
    found = add(workspace, tmp_path, vectors[order], groups[order])
    drawn = holdout.draw(workspace, found, "40")
    document = measured(workspace, methods="deduplicate:threshold=1.0", budgets="3,30")
    share = np.mean(found.column("group")[drawn.rows(found)] == "class 0")
    assert cell(document, "deduplicate:threshold=1.0", 3)["value"] == pytest.approx(share, abs=1e-6)


def test_without_a_held_out_set_the_command_is_named(workspace, tmp_path, rng):
    add(workspace, tmp_path, *world(rng))
    with pytest.raises(
        BadRequest, match="no held-out set to measure on.*python -m datasel_core holdout vec --share 20%"
    ):
        measured(workspace)


def test_without_labels_it_says_what_stays_unknown(workspace, tmp_path, rng):
    found = add(workspace, tmp_path, world(rng)[0], None)
    holdout.draw(workspace, found, "60")
    document = measured(workspace)
    assert document["measure"] == "distance"
    assert {one["name"] for one in document["measures"]} == {"distance", "farthest"}
    assert any("Whether a model that learns from it is better stays unknown" in line for line in document["notes"])
    with pytest.raises(BadRequest, match="The probe linear needs at least two groups, and vec has none; name a column"):
        measured(workspace, probe="linear")
    with pytest.raises(BadRequest, match="classes needs groups, which vec does not have yet. Name a column with --use"):
        measured(workspace, measures="classes")


@pytest.mark.parametrize(
    ("measures", "probe", "found"),
    [
        ("distance,distance", "none", ["distance"]),
        ("nearest,nearest", None, ["linear", "nearest"]),
        ("none", "none", ["distance"]),
        ("rare,classes", "none", ["distance", "classes", "rare"]),
        ("nearest,distance", "none", ["distance", "nearest"]),
        ("nearest", "none", ["nearest"]),
    ],
)
def test_without_a_probe_distance_is_the_main_measure_and_none_stands_twice(workspace, pool, measures, probe, found):
    document = measured(workspace, measures=measures, probe=probe, budgets="12", seeds=2)
    assert [one["name"] for one in document["measures"]] == found
    assert document["measure"] == found[0]
    assert document["corrected_over"] == 2 * len(found)


def test_what_is_wanted_and_not_measured_is_said(workspace, pool):
    said = measured(workspace, measures="farthest,classes", budgets="12", seeds=2)
    assert [one["name"] for one in said["measures"]] == ["linear", "classes"]
    assert (
        "farthest needs at least 50 held-out samples, and 40 can be measured; it is not in the table." in said["notes"]
    )


def test_classes_that_cannot_be_counted_are_said(workspace, tmp_path, rng):
    """All that can be chosen is of one class."""
    vectors, groups = world(rng)
    found = add(workspace, tmp_path, vectors, groups)
    held = holdout.draw(workspace, found, "40").rows(found)
    again = add(workspace, tmp_path, vectors, np.where(np.isin(np.arange(160), held), groups, "class 0"))
    assert len(aside.held_out(again).rows(again)) == 40
    said = measured(workspace, budgets="12", seeds=2)
    assert [one["name"] for one in said["measures"]] == ["linear", "distance"]
    for line in ("classes needs at least two classes among what can be chosen", "rare needs classes of which some"):
        assert any(one.startswith(line) and one.endswith("it is not in the table.") for one in said["notes"])


def test_a_target_that_shows_what_is_measured_on_is_refused_or_named(workspace, pool, tmp_path, rng):
    """Another pool that has some of the held-out samples; beside it an honest one, and the pool itself, of which a
    target never shows what is held out.
    """
    vectors, held = Roles_array(workspace, pool, "embedding"), aside.held_out(pool).rows(pool)
    for name, some in (("shown", vectors[held[:7]]), ("honest", world(rng, 9)[0])):
        (tmp_path / name).mkdir()
        add(workspace, tmp_path / name, some, None, name)
    asked = {"methods": "nearest_targets", "budgets": "12", "seeds": 2}
    words = (
        "nearest_targets chose towards shown, which has 7 of the 40 samples of vec that are measured on, to the letter"
    )
    with pytest.raises(
        BadRequest, match=f"^{words} or byte: it would be its own judge. Take them out of shown"
    ) as error:
        measured(workspace, **asked, target="shown")
    assert str(error.value).endswith("or measure all the same with --allow-shared.")
    assert not (workspace.path / "evidence").exists()
    said = {
        target: measured(workspace, **asked, target=target, allow_shared=target == "shown")["notes"]
        for target in ("vec", "shown", "honest")
    }
    assert any(line.startswith(words) and line.endswith("may flatter it.") for line in said["shown"])
    assert not any("flatter" in line for line in said["vec"])
    assert not any("chose towards" in line for line in said["honest"])
    assert any("nobody said which encoder made the vectors of" in line for line in said["honest"])
    assert any("7 of the 7 samples of the target shown are in vec too" in line for line in said["shown"])


def test_a_gap_among_numbers_is_no_class(workspace, tmp_path, rng):
    """A column of whole numbers with gaps: samples without a label are not tested, not learned and not counted."""
    vectors, _ = world(rng)
    labels = [None if at % 3 == 0 else at % 4 for at in range(160)]
    table = pa.table({"id": [f"s{at:03d}" for at in range(160)], "embedding": list(vectors), "label": pa.array(labels)})
    pq.write_table(table, tmp_path / "v.parquet")
    found = add_pool(workspace, "vec", str(tmp_path / "v.parquet"), "vectors")
    held = holdout.draw(workspace, found, "40").rows(found)
    document = measured(workspace, use={"group": "label"}, budgets="12", seeds=2, measures="classes")
    assert [one["title"] for one in document["measures"]][1] == "classes of the pool with a kept sample, of 4"
    assert document["holdout"]["measured_on"] == sum(labels[row] is not None for row in held)


def test_what_learned_from_the_held_out_is_named(workspace, tmp_path):
    texts = [f"{word} {other} {at % 7}" for at, (word, other) in enumerate(itertools.product("abcdefghij", repeat=2))]
    lines = [json.dumps({"text": text * 3, "source": text[0]}) for text in texts]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    found = add_pool(workspace, "vec", str(tmp_path / "t.jsonl"), "text")
    perform(workspace, task_of("feature", pool="vec", feature="tfidf_svd"), Progress())
    holdout.draw(workspace, found, "30")
    said = measured(workspace, probe="none")["notes"]
    assert any(line.startswith("k_center chose by tfidf_svd, which learned from the whole pool") for line in said)
    assert any(line.startswith("Measured in tfidf_svd, which learned from the whole pool") for line in said)


def test_a_method_that_keeps_less_meets_random_of_its_own_size(workspace, tmp_path, rng):
    vectors, groups = world(rng, 150)
    vectors[75:], groups[75:] = vectors[:75], groups[:75]
    found = add(workspace, tmp_path, vectors, groups)
    holdout.draw(workspace, found, "30")
    name = "deduplicate:fill=false:threshold=0.999"
    document = measured(workspace, methods=name, budgets="20,100")
    short = cell(document, name, 100)
    assert short["kept"] < 80
    assert any(line.startswith(f"{name} kept {short['kept']:.4g} of 100") for line in document["notes"])
    alone = measured(workspace, methods="facility_location", budgets=f"{short['kept']:.0f}")
    size = int(short["kept"])
    assert short["random"] == pytest.approx(cell(alone, "facility_location", size)["random"])


def test_the_classes_random_meets_are_counted_exactly():
    """Against all choices there are."""
    labels, free = np.array(["a"] * 4 + ["b"] * 2 + ["c"] * 2 + ["d", "", ""]), np.arange(11)
    both = classes_of(labels, free)
    assert [one.name for one in both] == ["classes", "rare"]
    for one, named in zip(both, ("abcd", "bcd"), strict=True):
        for n in (1, 3, 5, 10):
            met = [len(set(labels[list(rows)]) & set(named)) for rows in itertools.combinations(range(11), n)]
            assert one.met(np.arange(n)) == len(set(labels[:n]) & set(named))
            assert one.random(n) == pytest.approx((np.mean(met), np.var(met)))
    assert "3 classes of at most 2 samples" in both[1].title
    assert [one.name for one in classes_of(np.array(list("aabb")), np.arange(4))] == ["classes"]
    assert classes_of(np.array(list("aaaa")), np.arange(4)) == []


def test_intervals_of_counts_hold_their_level():
    """Long tail, 10 classes: methods that are random, that look for the rare, and that meet all nearly always."""
    rng = np.random.default_rng(3)
    sizes = np.array([200, 150, 120, 90, 70, 50, 30, 20, 12, 7])
    of = np.repeat(np.arange(10), sizes)
    classes = classes_of(of.astype(str), np.arange(len(of)))[0]
    for power, n, high in ((0.0, 30, 0.98), (-0.5, 30, 0.98), (-0.5, 100, 1.0)):
        keys = np.log(sizes**power)[of] + rng.gumbel(size=(4000, len(of)))
        met = np.array([len(np.unique(of[row])) for row in np.argpartition(-keys, n, axis=1)[:, :n]])
        law = classes.random(n)
        found = [difference(met[at : at + 8], law, True) for at in range(0, 3200, 8)]
        truth = met.mean() - law[0] if power else 0.0
        assert 0.925 <= np.mean([one.low <= truth <= one.high for one in found]) <= high


def test_of_every_choice_that_meets_all_classes_nothing_is_said():
    assert difference([3] * 8, (3.0, 0.0), True) == Difference(0.0, 0.0, 0.0, 1.0, 8, 0.0, 7)
    still = difference([4] * 8, (3.5, 0.25), False)
    assert still.low < 0.5 < still.high


def test_the_farthest_of_ten_is_counted_exactly(rng):
    """Against all tens there are; and what each sample adds is by its definition, leaving it out."""
    values = rng.gamma(2, size=13)
    values[3] = values[7]
    whole = np.mean([max(ten) for ten in itertools.combinations(values, 10)])
    without = [np.mean([max(ten) for ten in itertools.combinations(np.delete(values, at), 10)]) for at in range(13)]
    assert pseudo_values(values) == pytest.approx(13 * whole - 12 * np.array(without))
    assert pseudo_values(values).mean() == pytest.approx(whole)


def test_the_farthest_has_its_law(rng):
    """60 held-out samples, 8 seeds, 200 times: 95 % are met in 91 to 99 %."""
    times, met = 200, 0

    def drawn(n):
        base, wander = rng.gamma(4, 0.1, n), 0.02 * rng.standard_normal((2, 8, 1))
        return np.maximum(0, base * (1 + 0.2 * rng.standard_normal((2, 8, n))) + wander)

    def values(n):
        mine, theirs = drawn(n)
        return np.stack([pseudo_values(a) - pseudo_values(0.9 * b) for a, b in zip(mine, theirs, strict=True)])

    truth = np.mean([values(60).mean() for _ in range(600)])
    for _ in range(times):
        found = paired(values(60))
        met += found.low <= truth <= found.high
    assert 0.91 <= met / times <= 0.99
    assert Farthest.higher_is_better is False


def test_neighbours_name_what_most_of_them_are(rng):
    vectors, groups = world(rng, 90, spread=5.0)  # crowds that overlap, so that groups are equally many
    vectors[50] = vectors[0]
    train, test = np.arange(60), np.arange(60, 90)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for k in (1, 4, 5, 80):
        found = Nearest(k=k).each({"embedding": vectors, "group": groups}, train, test)
        for at, row in enumerate(test):
            near = sorted(train, key=lambda one, row=row: (-float(unit[row] @ unit[one]), one))[:k]
            names = [groups[one] for one in near]
            most = max(names, key=lambda name, names=names: (names.count(name), -names.index(name)))
            assert found[at] == (most == groups[row])
    said = Nearest().measure({"embedding": vectors, "group": groups}, train, test)
    assert said == {"accuracy": pytest.approx(said["accuracy"]), "trained_on": 60, "tested_on": 30}
    with pytest.raises(BadRequest, match="Nothing was kept"):
        Nearest().each({"embedding": vectors, "group": groups}, train[:0], test)
    with pytest.raises(BadRequest, match="Nothing is held out"):
        Nearest().each({"embedding": vectors, "group": groups}, train, test[:0])


def test_who_leaves_the_easy_rest_is_flattered_by_the_old_probe_and_not_by_the_new(workspace, tmp_path):
    """Two groups, of which three samples in ten are hard to tell. A method that keeps the hard ones leaves an easy
    rest; what it teaches is no better than what random teaches.
    """
    rng, n = np.random.default_rng(5), 500
    side, hard = rng.choice([-1, 1], n), rng.random(n) < 0.3
    vectors = rng.standard_normal((n, 3)).astype(np.float32) * 0.6
    vectors[:, 0] = side * np.where(hard, 0.3, 2.5) + 0.6 * rng.standard_normal(n)
    found = add(workspace, tmp_path, vectors, np.where(side > 0, "right", "left"))
    np.savez(tmp_path / "h.npz", ids=found.ids.astype(str), hardness=hard + 0.01 * rng.random(n))
    import_feature(workspace, found, "hardness", tmp_path / "h.npz")

    def by_rest(method, seed, **params):
        run = select(workspace, Spec(pool="vec", method=method, budget="110", seed=seed, params=params))
        return run_probe(workspace, run.folder, "linear", Progress(), held_out="rest")["accuracy"]

    old = by_rest("by_score", 0, role="hardness") - np.mean([by_rest("random", seed) for seed in range(8)])
    holdout.draw(workspace, found, "120")
    new = cell(measured(workspace, methods="by_score:role=hardness", budgets="110"), "by_score:role=hardness", 110)
    assert old > 0.05
    assert new["difference"] < 0.02
    assert new["verdict"] != "better"


def test_a_table_of_random_against_random_says_nothing(workspace, tmp_path):
    """Real choices and a real probe: 15 small tables of which nothing may be said, the control alone."""
    rng, said = np.random.default_rng(8), 0
    for at in range(15):
        name = f"vec{at}"
        found = add(workspace, tmp_path, *world(rng, 120), name=name)
        holdout.draw(workspace, found, "40")
        fields = {"pool": name, "probe": "nearest", "measures": "distance,classes,rare"}
        document = measured(workspace, **fields)
        control = [one for one in document["cells"] + document["others"] if one["control"]]
        assert len(control) == 2 * 4
        said += any(one["verdict"] != "not shown to differ" for one in control)
    assert said <= 2  # 5 % of 15 tables are 0.75; three or more are met in 4 % of tries


def test_a_choice_that_is_better_is_called_better(workspace, tmp_path, rng):
    """Ten crowds of very unlike sizes: who takes one of each meets them all."""
    of = np.repeat(np.arange(10), [120, 60, 40, 20, 10, 10, 10, 10, 10, 10])
    vectors = np.eye(10, dtype=np.float32)[of] + 0.05 * rng.standard_normal((300, 10)).astype(np.float32)
    found = add(workspace, tmp_path, vectors, np.array([f"class {at}" for at in of]))
    holdout.draw(workspace, found, "100")
    document = measured(workspace, methods="k_center", budgets="10,40")
    assert cell(document, "k_center", 10, "classes")["verdict"] == "better"
    assert cell(document, "k_center", 10, "distance")["verdict"] == "better"
    assert cell(document, "random", 10, "classes")["verdict"] == "not shown to differ"
    gained = cell(document, "k_center", 10)
    assert gained["verdict"] == "better"
    assert gained["saved"] > 0
    assert gained["pays_from"] == pytest.approx(gained["seconds"] / gained["saved"], rel=0.02)  # seconds are rounded
    assert "choosing 10 by k_center took" in gained["benefit"]
    assert "labels and pays from" in gained["benefit"]


def test_a_smaller_table_is_corrected_for_less(workspace, pool):
    one, few = measured(workspace, measures="none", budgets="12"), measured(workspace, measures="distance,nearest")
    assert one["corrected_over"] == 2
    assert one["others"] == []
    assert {cell["measure"] for cell in few["cells"] + few["others"]} == {"linear", "nearest", "distance"}
    assert few["corrected_over"] == 12


def test_parameters_are_parameters(workspace, pool):
    found = measured(workspace, params={"metric": "euclidean", "probe.c": "0.001"})
    assert found["cells"][0]["method"] == "k_center"
    assert found["cells"][0]["value"] != measured(workspace)["cells"][0]["value"]
    with pytest.raises(BadRequest, match="k_center:metric=cosin: metric is 'cosin'"):
        measured(workspace, methods="k_center:metric=cosin")


def test_a_column_of_groups_without_any_is_no_labels(workspace, tmp_path, rng):
    vectors, groups = world(rng)
    found = add(workspace, tmp_path, vectors, np.where(groups == "nothing", groups, ""))
    holdout.draw(workspace, found, "40")
    assert {one["name"] for one in measured(workspace)["measures"]} == {"distance"}
