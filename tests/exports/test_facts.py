"""A selection of facts leaves as one of texts does: as the source has its rows, in shapes of training tools, as tasks
of Label Studio.
"""

import csv
import json

import pytest

from datasel_core.errors import BadRequest
from datasel_core.runs import reproduction
from tests.exports.test_rows_as_is import again, in_order, keep, leave, without_ours, written
from tests.pools.test_text_pool import lines

ROWS = [
    {"question": f"Who made {at}?", "answer": f"A{at}", "relation": "maker", "fact": f"f{at}", "year": 1900 + at}
    for at in range(6)
]
TEMPLATES = "maker: Who made {title}? -> {artist}\nmaker: {title} is by -> {artist}"


def test_rows_leave_as_they_came_and_open_again(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", ROWS[0], {"question": "q", "answer": "", "relation": "r"}, *ROWS[1:])
    run = keep(workspace, source, "facts", budget="50%")
    out, notes = leave(workspace, run, tmp_path / "out")
    assert list(map(without_ours, out.read_text().splitlines())) == in_order(run, ROWS)
    assert notes == []
    pool = again(workspace, out, run, kind="facts")
    assert pool.column("fact").tolist() == [row["fact"] for row in in_order(run, ROWS)]
    assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_a_relation_that_an_option_names_is_not_taken_for_the_sources_own(workspace, tmp_path):
    """The source has a column `relation` of its own, which means something else."""
    rows = [{**row, "p": row["relation"], "relation": f"other {at}"} for at, row in enumerate(ROWS)]
    run = keep(workspace, lines(tmp_path / "in.jsonl", *rows), "facts", relation_column="p")
    assert written(workspace, run, tmp_path, datasel=False) == list(map(json.dumps, in_order(run, rows)))


def test_a_source_that_was_changed_is_refused(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", *ROWS)
    run = keep(workspace, source, "facts")
    lines(source, {**ROWS[0], "answer": "another"}, *ROWS[1:])
    with pytest.raises(BadRequest, match="take --shape messages or columns"):
        leave(workspace, run, tmp_path / "out")


@pytest.mark.parametrize("made", [False, True])
def test_shapes_of_training_tools(workspace, tmp_path, made):
    """The same whether the facts stood in columns or were made of others."""
    works = [{"title": str(at), "artist": f"A{at}"} for at in range(6)]
    source, options = (works, {"templates": TEMPLATES.splitlines()[0]}) if made else (ROWS, {})
    run = keep(workspace, lines(tmp_path / "in.jsonl", *source), "facts", **options)
    facts = in_order(run, [(row["question"], row["answer"]) for row in ROWS])
    rows = [json.loads(line) for line in written(workspace, run, tmp_path / "a", shape="messages", datasel=False)]
    assert rows == [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}
        for asked, answer in facts
    ]
    rows = [
        json.loads(line) for line in written(workspace, run, tmp_path / "b", shape="prompt_completion", datasel=False)
    ]
    assert rows == [{"prompt": asked, "completion": answer} for asked, answer in facts]
    _, notes = leave(workspace, run, tmp_path / "c", shape="messages")
    assert any("relation" in note and "question" not in note.split(":")[1] for note in notes)


def test_facts_that_templates_made_leave_with_the_columns_of_the_pool(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", {"id": "007", "title": "Sea", "artist": "Ann"})
    run = keep(workspace, source, "facts", templates=TEMPLATES)
    out, notes = leave(workspace, run, tmp_path / "out")
    rows = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert rows.keys() == {"007/maker/0", "007/maker/1"}
    assert (rows["007/maker/1"]["question"], rows["007/maker/1"]["answer"]) == ("Sea is by", "Ann")
    assert len(notes) == 1
    again(workspace, out, run, kind="facts")
    table, _ = leave(workspace, run, tmp_path / "csv", "csv")
    with open(table, encoding="utf-8", newline="") as file:
        assert sorted(row["question"] for row in csv.DictReader(file)) == ["Sea is by", "Who made Sea?"]


def test_tasks_of_label_studio_show_question_and_answer(workspace, tmp_path):
    run = keep(workspace, lines(tmp_path / "in.jsonl", *ROWS), "facts", budget="2")
    out, _ = leave(workspace, run, tmp_path / "out", "label_studio")
    [file] = out.glob("tasks-*.json")
    tasks = json.loads(file.read_text())
    assert [task["data"]["dialogue"] for task in tasks] == [
        [{"role": "user", "text": row["question"]}, {"role": "assistant", "text": row["answer"]}]
        for row in in_order(run, ROWS)
    ]
    config = (out / "config.xml").read_text()
    assert '<Paragraphs name="dialogue"' in config
    assert 'toName="dialogue"' in config
