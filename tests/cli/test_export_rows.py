"""Rows in other shapes on the command line; what is delivered beside them is proved, too."""

import json

import pytest

from datasel_core.__main__ import main

ROW = {"prompt": "p", "completion": "c", "topic": "t"}


@pytest.fixture
def kept(workspace, tmp_path, capsys):
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({**ROW, "n": at}) for at in range(6)))
    assert main(["pool", "add", "t", str(tmp_path / "t.jsonl")]) == 0
    assert main(["select", "t", "random", "--budget", "3", "--out", str(tmp_path / "kept")]) == 0
    capsys.readouterr()
    return tmp_path / "kept"


@pytest.fixture
def export(kept, tmp_path, capsys):
    def run(*words, format="jsonl"):
        code = main(["export", str(kept), "--format", format, "--out", str(tmp_path / "out" / f"k.{format}"), *words])
        return code, capsys.readouterr()

    return run


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out" / "k.jsonl").read_text().splitlines()]


def test_rows_leave_as_they_came_with_ours_beside_or_not(export, tmp_path):
    assert export()[0] == 0
    said = rows(tmp_path)
    assert [row.pop("datasel")["rank"] for row in said] == [1, 2, 3]
    assert export("--no-datasel")[0] == 0
    assert rows(tmp_path) == said
    assert all(row == {**ROW, "n": row["n"]} for row in said)


def test_another_shape_says_what_stays_behind(export, tmp_path):
    code, out = export("--shape", "alpaca", "--no-datasel", "--json")
    assert code == 0
    assert json.loads(out.out)["n"] == 3
    code, out = export("--shape", "alpaca", "--no-datasel")
    assert "Not part of the shape alpaca: topic, n; --shape as_is has them." in out.err
    assert rows(tmp_path) == [{"instruction": "p", "input": "", "output": "c", "system": "", "history": []}] * 3


@pytest.mark.parametrize(
    ("words", "format", "error"),
    [
        (["--shape", "alpacca"], "jsonl", "shape is 'alpacca'; it must be 'as_is', 'messages', 'prompt_completion'"),
        (["--shape", "alpaca"], "csv", "csv has no parameter shape."),
        (["--no-datasel"], "ids", "ids has no parameter datasel."),
        (["--set", "repeats=twice"], "parquet", "repeats is 'twice'; it must be 'rows', 'weight' or 'once'."),
        (["--shape", "preference"], "jsonl", "3 of 3 samples do not fit the shape preference"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(export, tmp_path, words, format, error):
    code, out = export(*words, format=format)
    assert code == 2
    assert error in out.err
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_what_lies_beside_is_proved_too(export, tmp_path, capsys):
    assert export("--shape", "sharegpt", "--set", "dataset_info=true")[0] == 0
    file = tmp_path / "out" / "dataset_info.json"
    assert main(["verify", str(tmp_path / "out" / "k.jsonl")]) == 0
    assert export("--shape", "alpaca", "--set", "dataset_info=true")[0] == 0  # over its own earlier result
    assert json.loads(file.read_text())["k"]["columns"]["history"] == "history"
    file.write_text(file.read_text().replace("alpaca", "sharegpt"))
    assert main(["verify", str(tmp_path / "out" / "k.jsonl")]) == 1
    assert "dataset_info.json was changed after it was exported." in capsys.readouterr().err
