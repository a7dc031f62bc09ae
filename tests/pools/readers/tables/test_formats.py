"""The same rows, whatever the format and packing, are the same samples; broken ones are listed and stop nothing."""

import gzip
import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.guess import kind_of
from tests.pools.readers.tables.writers import WRITERS, packed, zst

TEXTS = [
    {"id": f"0{at}", "prompt": f"ask {at};\nplease, now", "response": f'say "{at}" ü', "n": at, "x": at + 0.5}
    for at in range(5)
]
PICTURES = [
    {"id": str(17446744073709551615 - at), "path": f"a/{at:02d}.jpg", "caption": f"thing; {at}, ü", "n": at}
    for at in (0, 3, 6, 9)
]


def write(rows, folder, name, packing):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    WRITERS[name](rows, path)
    return packed(path, packing)


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("in_folder", [False, True])
def test_texts(workspace, tmp_path, name, packing, in_folder):
    (tmp_path / "in").mkdir()
    path = write(TEXTS, tmp_path / "in", name, packing)
    (path.parent / "README.md").write_text("About the data.")
    source = path.parent if in_folder else path
    assert kind_of(source) == "text"
    pool = add_pool(workspace, "p", str(source), "text")
    assert pool.take(range(5), ["id", "prompt", "response", "n", "x"]).to_pylist() == TEXTS
    assert pool.unreadable == []


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", [name for name in WRITERS if "/" not in name or name.startswith(("s", "f", "l"))])
@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_pictures(workspace, photos, name, packing, kind):
    path = write(PICTURES, photos, name, packing)
    if "/" in name:
        path = path.rename(photos / path.name)
    assert kind_of(path) == "pairs"
    pool = add_pool(workspace, "p", str(path), kind)
    assert pool.take(range(4), list(PICTURES[0])).to_pylist() == PICTURES
    assert pool.unreadable == []


def test_a_data_set_that_was_saved(workspace, tmp_path):
    rows = datasets.Dataset.from_list(TEXTS)
    datasets.DatasetDict({"train": rows, "test": rows.select(range(1))}).save_to_disk(tmp_path / "in")
    assert kind_of(tmp_path / "in") == "text"
    pool = add_pool(workspace, "p", str(tmp_path / "in"), "text", {"ids": "file_and_id"})
    assert pool.column("prompt").tolist() == [TEXTS[0]["prompt"], *(row["prompt"] for row in TEXTS)]
    assert set(pool.column("source")) == {"test/data", "train/data"}
    assert pool.about["notes"] == [
        "2 dataset_info.json were passed over: a description, not data.",
        "2 state.json were passed over: a description, not data.",
        "1 dataset_dict.json was passed over: a description, not data.",
    ]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["t.jsonl", "list/t.json", "t.parquet", "stream/t.arrow"])
def test_content_tells_what_a_name_does_not(workspace, tmp_path, name, packing):
    path = write(TEXTS, tmp_path, name, packing)
    bare = path.rename(tmp_path / f"dump{packing}")
    assert add_pool(workspace, "p", str(bare), "text").ids.tolist() == [row["id"] for row in TEXTS]
    (tmp_path / "in").mkdir()
    lying = bare.rename(tmp_path / "in" / "t.jsonl") if name == "t.jsonl" else bare.rename(tmp_path / "in" / bare.name)
    assert add_pool(workspace, "q", str(lying.parent), "text").n == 5


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_a_row_that_cannot_be_read_stops_no_pictures(workspace, photos, kind):
    good = '{"path": "a/00.jpg", "caption": "x"}'
    path = photos / "t.jsonl"
    path.write_bytes(
        "\n".join([good, "{broken", "[1]", '{"path": "b/01.jpg", "caption": "\\ud83d"}', "", "{}"]).encode()
        + b'\n{"path": "b/01.jpg", "caption": "B\xe4r"}\n{"path": "c/02.jpg", "caption": "y"}\n'
        + b'{"path": "b/01.jpg", "\\udc00": 1}\n'
    )
    pool = add_pool(workspace, "p", str(path), kind)
    assert pool.ids.tolist() == ["a/00.jpg", "c/02.jpg"]
    said = {one["id"]: one["reason"] for one in pool.unreadable}
    assert said == {
        "line 2": "line 2 of t.jsonl: it is not JSON (Expecting property name enclosed in double quotes, character 2)",
        "line 3": "line 3 of t.jsonl: it is JSON, but a list, not an object",
        "line 4": r"line 4 of t.jsonl: its caption holds \ud83d, half of a character",
        "line 6": f"line 6 of t.jsonl: it has no {'path' if kind == 'images' else 'image path'}",
        "line 7": "line 7 of t.jsonl: its byte 35 (0xe4) is not UTF-8",
        "line 9": r"line 9 of t.jsonl: its column \udc00 holds \udc00, half of a character",
    }
    (photos / "t.csv").write_text("path,caption\na/00.jpg,x\nb/01.jpg,y,z\n,w\nc/02.jpg,v\n")
    pool = add_pool(workspace, "q", str(photos / "t.csv"), kind)
    assert pool.ids.tolist() == ["a/00.jpg", "c/02.jpg"]
    assert pool.unreadable[0] == {"id": "line 3", "reason": "line 3 of t.csv: it has 3 cells, the header 2"}
    assert pool.unreadable[1]["id"] == "line 4"


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_packed_file_that_is_cut_off(workspace, tmp_path, packing):
    lines = "".join(json.dumps({"text": f"{at} {hash(str(at))}"}) + "\n" for at in range(20_000)).encode()
    data = gzip.compress(lines, mtime=0) if packing == ".gz" else zst(lines)
    (tmp_path / f"t.jsonl{packing}").write_bytes(data[: len(data) // 2])
    pool = add_pool(workspace, "p", str(tmp_path / f"t.jsonl{packing}"), "text")
    assert 1_000 < pool.n < 19_000
    assert pool.text(0) == [f"0 {hash('0')}"]
    assert pool.unreadable[-1]["reason"].endswith("from here on it cannot be read (it is cut off)")


def test_frames_of_zst_one_after_the_other(workspace, tmp_path):
    (tmp_path / "t.jsonl.zst").write_bytes(zst(b'{"text": "a"}\n') + zst(b'{"text": "b"}\n'))
    assert add_pool(workspace, "p", str(tmp_path / "t.jsonl.zst"), "text").column("text").tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl.zst", b"no zst", r"None of the 1 rows in t.jsonl.zst can be used \(line 1 of t.jsonl.zst: ZSTD"),
        ("t.arrow", b"no arrow", "t.arrow could not be read: "),
        ("t.parquet.gz", gzip.compress(b"no parquet", mtime=0), "t.parquet.gz could not be read: "),
        ("t.gz", gzip.compress(b"\x00\x01", mtime=0), "t.gz is no table of texts; give a .jsonl, .json, .csv, .tsv"),
        ("t.json", b"{", "t.json is one JSON object; give a list of objects, or one object a line."),
    ],
)
def test_files_that_are_not_what_they_say(workspace, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        add_pool(workspace, "p", str(tmp_path / name), "text")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"text": "a"}', ["a"]),
        ('{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}', ["q\n\na"]),
        ('{"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]}', None),
        ('{broken\n{"text": "a"}\n', ["a"]),
        ('{\n "rows": [{"text": "a"}, {"text": "b"}]\n}', ["a", "b"]),
        ('{"text": ["a", "b"], "n": [1, 2]}', ["a", "b"]),
    ],
)
def test_one_object_is_a_row_or_holds_a_table(workspace, tmp_path, text, kept):
    (tmp_path / "t.json").write_text(text)
    pool = add_pool(workspace, "p", str(tmp_path / "t.json"), "text")
    assert [pool.text(row)[0] for row in range(pool.n)] == (kept or ["q\n\na"])


def test_columns_of_a_columnar_file_keep_their_types(workspace, photos):
    table = pa.table(
        {
            "path": ["a/00.jpg", "b/01.jpg"],
            "caption": ["x", "y"],
            "small": pa.array([1, None], pa.int8()),
            "half": pa.array([1.5, 2.5], pa.float32()),
            "when": pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns")),
            "list": pa.array([[1.0], []], pa.list_(pa.float32())),
        }
    )
    pq.write_table(table, photos / "t.parquet")
    pool = add_pool(workspace, "p", str(photos / "t.parquet"), "pairs")
    for name in ("small", "half", "when", "list"):
        assert pool.table[name].type == table[name].type, name
        assert pool.table[name].combine_chunks().equals(table[name].combine_chunks()), name


@pytest.mark.parametrize("kind", ["text", "images", "pairs", "vectors"])
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_two_columns_of_one_name(workspace, photos, kind, suffix):
    table = pa.Table.from_arrays([pa.array(["a/00.jpg"])] * 3, ["path", "text", "text"])
    if suffix == ".parquet":
        pq.write_table(table, photos / "t.parquet")
    else:
        with pa.ipc.new_stream(photos / "t.arrow", table.schema) as stream:
            stream.write_table(table)
    with pytest.raises(BadInput, match=f"t{suffix} has two columns called text; column names must be unique."):
        add_pool(workspace, "p", str(photos / f"t{suffix}"), kind)


def test_a_stream_of_arrow_that_is_cut_off(workspace, tmp_path):
    table = pa.table({"text": [f"t{at}" for at in range(6)]})
    with pa.ipc.new_stream(tmp_path / "t.arrow", table.schema) as stream:
        for start in (0, 3):
            stream.write_batch(table.slice(start, 3).combine_chunks().to_batches()[0])
    whole = (tmp_path / "t.arrow").read_bytes()
    (tmp_path / "t.arrow").write_bytes(whole[:-40])
    pool = add_pool(workspace, "p", str(tmp_path / "t.arrow"), "text")
    assert pool.column("text").tolist() == ["t0", "t1", "t2"]
    assert pool.unreadable[0]["reason"].startswith("row 4 of t.arrow: from here on it cannot be read (")


def test_what_is_no_table_of_photos(workspace, photos):
    (photos / "t.docx").write_bytes(b"x")
    with pytest.raises(
        BadInput,
        match=r"t.docx is no table; give a .csv, .tsv, .json, .jsonl, .parquet or .arrow file, which may be packed as "
        r".gz or .zst.",
    ):
        add_pool(workspace, "p", str(photos / "t.docx"), "images")
