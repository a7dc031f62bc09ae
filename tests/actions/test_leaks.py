"""The command: exit codes, what it prints, and what is kept of it for the screen."""

import json

from datasel_core.__main__ import main
from datasel_core.actions import leaks
from datasel_core.actions.add_pool import add_pool
from tests.conftest import task_of


def added(workspace, tmp_path, name, texts):
    (tmp_path / f"{name}.jsonl").write_text(
        "\n".join(json.dumps({"id": f"{name}-{text}", "text": text}) for text in texts)
    )
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


def test_exit_codes_say_what_was_found(workspace, tmp_path, capsys):
    added(workspace, tmp_path, "one", ["the cat", "a dog"])
    added(workspace, tmp_path, "other", ["the cat", "a house"])
    added(workspace, tmp_path, "third", ["quite unlike"])
    assert main(["leaks", "one", "--against", "other"]) == 1
    assert capsys.readouterr().out.splitlines()[:3] == [
        "1 of 2 of one overlap with 1 of 2 of other.",
        "the same text: 1 pair, 1 of one, 1 of other",
        "  one-the cat\tother-the cat\t1.000",
    ]
    assert main(["leaks", "one", "--against", "third"]) == 0
    assert capsys.readouterr().out.startswith("No overlap: none of 2 of one is like any of 1 of third.\n")
    assert main(["leaks", "one", "--against", "fourth"]) == 2
    assert "There is no pool called fourth" in capsys.readouterr().err
    assert main(["leaks", "one", "--against", "one"]) == 2
    assert capsys.readouterr().err == "one overlaps with itself; name another pool with --against.\n"
    assert main(["leaks", "one", "--against", "other", "--by", "patient"]) == 2
    assert "There is no column of one called patient" in capsys.readouterr().err
    assert main(["leaks", "one", "--against", "other", "--jaccard", "0"]) == 2
    assert "jaccard is 0.0; it must be greater than 0" in capsys.readouterr().err


def test_json_is_one_document_and_is_kept_for_the_screen(workspace, tmp_path, capsys):
    one = added(workspace, tmp_path, "one", ["the cat", "a dog"])
    other = added(workspace, tmp_path, "other", ["the cat", "a house"])
    folder = task_of("leaks", pool="one", against="other").folder(one, other)
    assert leaks.read_answer(folder) is None
    assert main(["leaks", "one", "--against", "other", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["overlaps"] is True
    assert said["hits"] == [{"id": "one-the cat", "other": "other-the cat", "kind": "same_text", "like": 1.0}]
    assert said["counts"]["same_text"] == {"pairs": 1, "listed": 1, "samples": 1, "against_samples": 1}
    assert (said["pool"]["n"], said["against"]["fingerprint"]) == (2, other.fingerprint)
    assert leaks.read_answer(folder) == said
    (folder / "leaks.json").write_text("{")
    assert leaks.read_answer(folder) is None


def test_an_answer_belongs_to_the_pools_as_they_are(workspace, tmp_path):
    one, other = (added(workspace, tmp_path, name, ["the cat"]) for name in ("one", "other"))
    asked = task_of("leaks", pool="one", against="other")
    before = asked.folder(one, other)
    assert asked.folder(one, added(workspace, tmp_path, "other", ["the cat", "more"])) != before
    assert task_of("leaks", pool="one", against="other", ngram=8).folder(one, other) != before
