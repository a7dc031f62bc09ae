"""What is asked: refusals in one line, labels of a part, what is kept and gone on with, and the command."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.costs.enough import answer, learning
from datasel_core.costs.enough import labels as labelled
from datasel_core.costs.enough.asking import ask
from datasel_core.errors import BadRequest, Stopped
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.measures import Probed
from tests.pages.screens import chosen

N = 240


def made(workspace, tmp_path, name="vec", **columns):
    """240 vectors of four kinds, told apart with some trouble."""
    rng = np.random.default_rng(7)
    kinds = rng.integers(4, size=N)
    values = (rng.standard_normal((4, 24))[kinds] + 1.5 * rng.standard_normal((N, 24))).astype(np.float32)
    found = {"id": [f"s{at:03d}" for at in range(N)], "embedding": values.tolist()}
    found |= {column: of(kinds) for column, of in columns.items()}
    pq.write_table(pa.table(found), tmp_path / f"{name}.parquet")
    return add_pool(workspace, name, str(tmp_path / f"{name}.parquet"), "vectors")


def all_of(kinds):
    return ["abcd"[kind] for kind in kinds]


def a_part(kinds):
    return ["abcd"[kind] if at % 3 == 0 else "" for at, kind in enumerate(kinds)]


@pytest.fixture
def pool(workspace, tmp_path):
    return made(workspace, tmp_path, part=a_part, known=all_of, one=lambda kinds: ["a"] * N)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "No method was run on vec yet, so there is no curve. Choose with it first: python -m datasel_core select"),
        ({"methods": ["k_center"]}, "k_center was not run on vec yet, so it has no curve. Choose with it first"),
        ({"methods": ["k_centre"]}, "There is no method called k_centre. Did you mean k_center?"),
        ({"labels": "parts"}, "There is no column of vec called parts. Did you mean part?"),
        ({"labels": "one"}, "All 240 labels of vec in the column one are a; a learning curve needs two classes."),
        ({"labels": "part", "probe": "lm"}, "The probe lm names no labels of single samples; take linear or nearest."),
    ],
)
def test_what_cannot_be_asked_is_one_line(workspace, pool, asked, said):
    with pytest.raises(BadRequest) as error:
        ask(workspace, pool, **asked)
    assert str(error.value).startswith(said)
    assert len(str(error.value).splitlines()) == 1


def test_too_few_labels_are_one_line(workspace, tmp_path):
    few = made(workspace, tmp_path, few=lambda kinds: ["abcd"[k] if at < 18 else "" for at, k in enumerate(kinds)])
    with pytest.raises(BadRequest) as error:
        ask(workspace, few, labels="few")
    assert str(error.value) == (
        "vec has 18 labels of 4 classes in the column few; a learning curve needs 30: 5 for each class on average, and "
        "30 in all."
    )
    none = made(workspace, tmp_path, "none", few=lambda kinds: [""] * N)
    with pytest.raises(BadRequest, match="No sample of none that can be learned from has a label in the column few"):
        ask(workspace, none, labels="few")


def test_without_a_column_of_groups_nothing_is_learned_and_it_says_so(workspace, pool):
    chosen(workspace, pool)
    found = ask(workspace, pool)
    assert found.column is None
    assert found.notes == (["The pool vec has no column of labels; name one with --labels (it has: part, known, one)."])
    assert [one.method for one in found.choices] == ["k_center"]


def test_the_longest_run_of_a_method_is_its_curve(workspace, pool):
    """Not one that was made before samples were held out: it may have chosen what tests it."""
    early = [chosen(workspace, pool, "k_center", budget) for budget in ("20", "60", "40")]
    assert ask(workspace, pool).choices[0].run.key == early[1].key
    drawing.draw(workspace, pool, "25%")
    with pytest.raises(BadRequest, match="No method was run on vec yet"):
        ask(workspace, pool)
    late = chosen(workspace, pool, "k_center", "30")
    assert ask(workspace, pool).choices[0].run.key == late.key


def test_held_out_labels_are_never_learned_from(workspace, pool):
    asked = ask(workspace, pool, labels="part")
    labels = labelled.split(asked.roles, asked.aside, np.array([3]), Progress())
    known = np.arange(0, N, 3)
    assert not labels.is_aside
    assert sorted([*labels.train, *labels.held.rows]) == [row for row in known if row != 3]
    assert len(labels.held.rows) == round(79 / 3)
    drawing.draw(workspace, pool, "50%")
    asked = ask(workspace, pool, labels="part")
    labels = labelled.split(asked.roles, asked.aside, np.empty(0, int), Progress())
    out = asked.aside.rows(pool)
    assert labels.is_aside
    assert set(labels.held.rows) == set(known) & set(out)
    assert set(labels.train) == set(known) - set(out)


def test_parts_are_nested_and_the_last_is_all(workspace, pool):
    asked = ask(workspace, pool, labels="known")
    labels = labelled.split(asked.roles, asked.aside, np.empty(0, int), Progress())
    curve = learning.learned(Probed(asked.roles, labels.held, asked.probe), labels, asked.folder, Progress())
    assert curve.sizes[0] == len(labels.train) // learning._SPAN
    assert curve.labels == len(labels.train) == 160
    assert len(set(curve.shares[:, -1])) == 1
    slow = Probed(asked.roles, labels.held, asked.probe)
    rows = learning.order(labels.train, learning.SEEDS)
    assert curve.shares[3, 2] == slow.each(learning.order(rows, 3)[: curve.sizes[2]]).mean()
    assert curve.shares[0, -1] == slow.each(labels.train).mean()
    assert curve.means[-1] > curve.means[0]


def test_stopped_it_goes_on_where_it_was(workspace, pool, monkeypatch):
    asked, tried = ask(workspace, pool, labels="part"), []
    real = learning._shares
    monkeypatch.setattr(learning, "_shares", lambda *given: tried.append(given[2]) or real(*given))
    with pytest.raises(Stopped):
        answer.measured(asked, Progress(should_stop=lambda: len(tried) == 3, every=0))
    whole = answer.measured(asked, Progress())
    assert len(tried) == len(set(tried)) == len(whole["learning"]["measured"]["n"])
    assert answer.measured(asked, Progress()) == whole  # kept
    assert len(tried) == len(set(tried))
    assert not (asked.folder / "chunks").exists()
    answer.file(asked.folder).write_text("{")
    assert answer.read(asked.folder) is None


def test_what_is_new_is_answered_anew(workspace, pool):
    chosen(workspace, pool)
    first = ask(workspace, pool).folder
    assert ask(workspace, pool).folder == first
    assert ask(workspace, pool, labels="part").folder != first
    chosen(workspace, pool, budget="40")
    assert ask(workspace, pool).folder != first


def test_the_command_says_all_three(workspace, pool, capsys):
    chosen(workspace, pool, "facility_location", "200")
    asked = ["enough", "vec", "--labels", "part", "--share", "40%", "--wish", "99%", "--at-least", "30"]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Facility location: ")
    assert "cover what a random 96 (40 %) would" in lines[0]
    assert any(line.startswith("With 53 labels the linear probe names ") for line in lines)
    assert any("An extrapolation to 240 labels, 4.5 times as many: " in line for line in lines)
    assert any(line.startswith("99 % ") for line in lines)
    assert any(line.startswith("At least 30 of ") and "labelled are" in line for line in lines)
    assert lines[-1].startswith("The 200 of Facility location have ")
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    reach = answer.reach_of(said["coverage"]["methods"][0], 0.4)
    assert reach["random"] == 96
    assert reach["low"] <= reach["n"] <= reach["high"]
    assert answer.cheapest(said["coverage"], 0.4)[1] == reach
    assert said["asked"]["class"]["at_least"] == 30
    assert said["learning"]["level"] == 0.9


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--wish", "120%"], "--wish is '120%'; it must be above 0 and at most 100 %, such as 0.9 or 90%."),
        (["--share", "most"], "--share is 'most'; it must be above 0 and at most 100 %, such as 0.9 or 90%."),
        (["--at-least", "0"], "at_least is 0; it must be greater than or equal to 1."),
        (["--named", "z"], "There is no class of the column known called z. There are: a, b, c, d."),
        (["--chance", "1"], "chance is 1.0; it must be less than 1."),
    ],
)
def test_wrong_words_are_refused(workspace, pool, asked, said, capsys):
    assert main(["enough", "vec", "--labels", "known", *asked]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == said


def test_a_wish_that_is_met_already_is_said(workspace, pool, capsys):
    assert main(["enough", "vec", "--labels", "known", "--wish", "0.3"]) == 0
    assert "30 % is reached already: with 160 labels it is " in capsys.readouterr().out


def test_no_vectors_say_how_to_get_them(workspace, photos):
    bare = add_pool(workspace, "clothes", str(photos), "images")
    with pytest.raises(BadRequest, match="has no feature for the role embedding yet. Compute one: "):
        ask(workspace, bare)


def test_labels_that_came_back_are_what_is_learned_from(workspace, pool, tmp_path):
    """Where a person names no column: before the groups, after what is named."""
    kinds = dict(zip(pool.ids.tolist(), pool.column("known").tolist(), strict=True))
    lines = [f"{id},{kinds[id]},ann" for id in pool.ids[:120].tolist()]
    (tmp_path / "back.csv").write_text("\n".join(["id,label,labeller", *lines]))
    assert main(["labels", "import", "vec", str(tmp_path / "back.csv")]) == 0
    assert chosen(workspace, pool, method="k_center", budget="20")
    found = ask(workspace, pool)
    assert found.column == "label"
    assert found.roles.groups.tolist() == [kinds[id] if at < 120 else "" for at, id in enumerate(pool.ids.tolist())]
    assert ask(workspace, pool, labels="part").column == "part"
    assert labelled.columns(found.roles)[0] == "label"
    assert {"part", "known", "one"} < set(labelled.columns(found.roles))
