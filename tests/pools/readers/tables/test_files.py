"""Which files of a folder are samples, and what is said of the others."""

import gzip
import json
import os

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.readers.tables.table_file import is_description, kind_of, stem_of
from tests.pools.test_text_pool import lines


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


DESCRIPTIONS = [
    "README.md",
    "readme",
    "Readme.txt",
    "LICENSE",
    "license.md",
    "CHANGELOG.md",
    "NOTICE.txt",
    "dataset_info.json",
    "state.json",
]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_is_no_sample(workspace, folder, name):
    text = json.dumps([{"text": "about"}]) if name.endswith("json") else "about"
    (folder / name).write_text(text)
    with pytest.raises(BadInput, match=r"has no tables .* and no texts .*; it has 1 other files."):
        add_pool(workspace, "p", str(folder), "text")
    (folder / "sample.txt").write_text("a text")
    assert add_pool(workspace, "p", str(folder), "text").ids.tolist() == ["sample.txt"]
    lines(folder / "data" / "t.jsonl", {"text": "a row"})
    pool = add_pool(workspace, "p", str(folder), "text")
    assert pool.ids.tolist() == ["data/t-00001"]
    assert set(pool.about["notes"]) == {
        f"1 {name} was passed over: a description, not data.",
        "1 .txt was passed over: beside tables such files are no samples.",
    }


def test_other_names_are_samples():
    for name in ("readme.csv", "state.jsonl", "my_readme.txt", "states.json", "licenses.txt", "a/state.parquet"):
        assert not is_description(name)


def test_a_json_is_judged_by_its_content(workspace, folder):
    for name, content in {
        "config.json": {"layers": [1, 2], "sizes": [3, 4], "input": "x"},
        "labels.json": {"names": ["a", "b"]},
        "one.json": {"text": "one"},
        "table.json": {"text": ["two", "three"]},
        "other.json": {"about": "nothing"},
    }.items():
        (folder / name).write_text(json.dumps(content, indent=1 if name == "config.json" else None))
    (folder / "lines.json").write_text('{"text": "four"}\n{"text": "five"}\n')
    pool = add_pool(workspace, "p", str(folder), "text")
    assert sorted(pool.column("text").tolist()) == ["five", "four", "one", "three", "two"]
    assert pool.about["notes"] == ["3 .json were passed over: it holds neither a list of objects nor an object a line."]
    assert pool.unreadable == []


def test_what_is_passed_over_is_named_with_its_remedy(workspace, folder):
    lines(folder / "t.jsonl", {"text": "a"})
    for name in ("a.docx", "b.docx", "c.DOCX", "a.jpg", "b.tar.bz2", "noend", "a.bin.gz"):
        (folder / name).write_bytes(b"x")
    assert add_pool(workspace, "p", str(folder), "text").about["notes"] == [
        "3 .docx were passed over: save it as .txt.",
        "1 .bin.gz was passed over.",
        "1 .jpg was passed over: a picture; add the folder with --kind images to choose among pictures.",
        "1 .tar.bz2 was passed over: unpack it, or pack it as .gz or .zst.",
        "1 without a suffix was passed over.",
    ]


def test_a_link_that_leads_outside_is_not_looked_into(workspace, folder, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text('[{"text": "secret"}]')
    packed = tmp_path.parent / f"{tmp_path.name}-outside.gz"
    packed.write_bytes(gzip.compress(b'{"text": "secret"}\n'))
    lines(folder / "t.jsonl", {"text": "a"})
    os.symlink(outside, folder / "link.json")
    os.symlink(packed, folder / "link.gz")
    pool = add_pool(workspace, "p", str(folder), "text")
    assert pool.n == 1
    assert [one["id"] for one in pool.unreadable] == ["link-00001"]
    assert "outside the allowed folders" in pool.unreadable[0]["reason"]
    assert pool.about["notes"] == ["1 .gz was passed over."]


def test_a_text_alone_is_one_sample(workspace, tmp_path):
    (tmp_path / "t.txt").write_text("one\ntwo")
    pool = add_pool(workspace, "p", str(tmp_path / "t.txt"), "text")
    assert (pool.ids.tolist(), pool.text(0)) == (["t.txt"], ["one\ntwo"])
    assert pool.about["notes"] == ["t.txt is one sample; for a sample a line, save it as .jsonl or .csv."]


def test_suffixes():
    names = {
        "A.JSONL.GZ": ".jsonl",
        "a.parquet.zst": ".parquet",
        "a.gz": "",
        "a.tar.gz": ".tar",
        "a": "",
        "a.b.CSV": ".csv",
    }
    assert {name: kind_of(name) for name in names} == names
    assert [stem_of(name) for name in ("x/a.jsonl.zst", "a.b.csv", "a.gz", "a")] == ["x/a", "a.b", "a", "a"]
