"""What a path seems to hold."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.pools.guess import kind_of


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (("prompt", "response", "source"), "text"),
        (("id", "text"), "text"),
        (("messages",), "text"),
        (("question", "answer"), "text"),
        (("Question", "answer", "relation"), "facts"),
        (("prompt", "response", "property"), "facts"),
        (("question", "relation"), "text"),
        (("path", "question", "answer", "relation"), "images"),
        (("path", "group"), "images"),
        (("path", "caption"), "pairs"),
        (("image", "captions"), "pairs"),
        (("a", "b"), "images"),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_columns_tell_the_kind(tmp_path, columns, kind, suffix):
    path = tmp_path / f"table{suffix}"
    line = json.dumps(dict.fromkeys(columns, "x")) + "\n"
    if suffix == ".parquet":
        pq.write_table(pa.table({name: ["x"] for name in columns}), path)
    else:
        text = line if "jsonl" in suffix else ",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n"
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if suffix.endswith(".gz") else text.encode("utf-8-sig"))
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [(("a.txt", "b/c.md"), "text"), (("a.jpg", "notes.txt"), "images"), (("0001.tar",), "pairs"), ((), "images")],
)
def test_a_folder_is_told_by_its_files(tmp_path, names, kind):
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "in").mkdir(exist_ok=True)
    assert kind_of(tmp_path / "in") == kind


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", b"prompt,response\na,b\n"),
        ("0.jsonl.gz", gzip.compress(b'{"text": "a"}\n', mtime=0)),
        ("0.jsonl", b'{"question": "q", "answer": "a", "relation": "r"}\n'),
    ],
)
def test_a_folder_of_tables_is_told_by_the_first(tmp_path, name, content):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    assert kind_of(tmp_path / "in") == ("facts" if b"relation" in content else "text")
    (tmp_path / "in" / "a.jpg").touch()
    assert kind_of(tmp_path / "in") == "images"


def test_what_describes_data_tells_nothing(tmp_path):
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "a.json").write_text('{"about": {"x": 1}}')
    pq.write_table(pa.table({"path": ["x"]}), tmp_path / "b.parquet")
    assert kind_of(tmp_path) == "images"
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "c.parquet")
    assert kind_of(tmp_path) == "text"


@pytest.mark.parametrize("content", [b"", b"not json\n", b"\xff\xfe\x00", b"[1, 2]\n"])
def test_what_cannot_be_read_is_no_trouble(tmp_path, content):
    (tmp_path / "odd.jsonl").write_bytes(content)
    assert kind_of(tmp_path / "odd.jsonl") == "images"
    assert kind_of(tmp_path / "no.parquet") == "images"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert kind_of(tmp_path / "pipe.jsonl") == "images"
