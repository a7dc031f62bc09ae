"""Dialects of CSV: recognised, said where they are unusual, and never mistaken."""

import csv
import io

import pytest

from datasel_core.actions.add_pool import add_pool
from tests.pools.readers.tables.writers import delimited

ROWS = [
    {"id": f"0{at}", "prompt": f"ask {at}, or; not | at\tall", "response": 'say "it"\r\non two lines', "n": f"{at},5"}
    for at in range(4)
]


def kept(workspace, path, kind="text"):
    pool = add_pool(workspace, "p", str(path), kind)
    return pool, [note for note in pool.about["notes"] if not note.startswith("Not part of the sample")]


@pytest.mark.parametrize(
    ("delimiter", "first", "said"),
    [
        (",", "", []),
        (";", "", ["t.csv was read with semicolons between its cells."]),
        ("\t", "", ["t.csv was read with tabs between its cells."]),
        ("|", "", ["t.csv was read with vertical bars between its cells."]),
        (";", "sep=;\r\n", ["t.csv was read with semicolons between its cells, as its first line says."]),
        ("~", "sep=~\n", ["t.csv was read with '~' between its cells, as its first line says."]),
        (",", "sep=,\n", []),
    ],
)
@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", " and as UTF-16."), ("utf-16-le", "")]
)
def test_dialects(workspace, tmp_path, delimiter, first, said, encoding, told):
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    delimited(ROWS, tmp_path / "t.csv", delimiter, encoding, mark + first)
    pool, notes = kept(workspace, tmp_path / "t.csv")
    assert pool.take(range(4), list(ROWS[0])).to_pylist() == ROWS
    if encoding.startswith("utf-16"):
        told = " and as UTF-16." if said else "t.csv was read as UTF-16."
    assert notes == ([line[:-1] + told for line in said] if told and said else [told] if told else said)


def test_places_count_the_lines_of_the_file(workspace, tmp_path):
    (tmp_path / "t.csv").write_text('sep=;\ntext;n\n"a\nb";1\nonly\nc;2\n')
    pool, _ = kept(workspace, tmp_path / "t.csv")
    assert pool.ids.tolist() == ["t-00003", "t-00006"]
    assert pool.unreadable[0]["reason"] == "line 5 of t.csv: it has 1 cells, the header 2"


@pytest.mark.parametrize(
    "text",
    [
        "text\nfirst; second\nthird; fourth\nfifth; sixth\n",
        "text\na;b c;d\n",
        "text,tags\nx,a;b;c\ny,d;e;f\n",
        "text,tags\nx,a|b\ny,c|d\nz\n",
        'text,n\n"a;b\n;c;",1\n"d;e",2\n',
        "text,n\nx;y,1\n",
    ],
)
def test_commas_are_not_mistaken(workspace, tmp_path, text):
    """The oracle is Python's reader, told that there are commas."""
    (tmp_path / "t.csv").write_text(text)
    rows = [row for row in csv.DictReader(io.StringIO(text)) if None not in row.values()]
    pool, notes = kept(workspace, tmp_path / "t.csv")
    assert notes == []
    assert pool.column("text").tolist() == [row["text"] for row in rows]


def test_a_semicolon_file_with_decimal_commas(workspace, tmp_path):
    (tmp_path / "t.csv").write_text("text;n;m\na;1,5;2,5\nb, c;2,5;3\n")
    pool, _ = kept(workspace, tmp_path / "t.csv")
    assert pool.column("text").tolist() == ["a", "b, c"]
    assert pool.column("n").tolist() == ["1,5", "2,5"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("filler", [0, 200_000])
def test_what_is_not_utf8_is_windows_1252(workspace, tmp_path, encoding, filler):
    """However late the first such byte comes."""
    quote = "“Bär”" if encoding == "cp1252" else "Bär"
    text = f"text\n{'x' * filler}y\n{quote}\nÀ la café\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    pool, notes = kept(workspace, tmp_path / "t.csv")
    assert pool.column("text").tolist()[1:] == [quote, "À la café"]
    assert notes == ["t.csv was read as Windows-1252 (Latin-1), because it is not UTF-8."]


def test_one_broken_byte_in_utf8_costs_one_row(workspace, tmp_path):
    (tmp_path / "t.csv").write_bytes("text\näöü\n日本語\n".encode() + b"B\xe4r\n" + "é\n".encode())
    pool, notes = kept(workspace, tmp_path / "t.csv")
    assert pool.column("text").tolist() == ["äöü", "日本語", "é"]
    assert pool.unreadable[0]["reason"] == "line 4 of t.csv: its text holds the byte 0xe4, which is not UTF-8"
    assert notes == []


def test_lines_that_end_as_on_old_macs(workspace, photos):
    (photos / "t.csv").write_bytes(b"path,caption\ra/00.jpg,x\rb/01.jpg,y\r")
    pool, _ = kept(workspace, photos / "t.csv", "pairs")
    assert pool.column("caption").tolist() == ["x", "y"]


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_pictures_have_dialects_too(workspace, photos, kind):
    rows = [{"path": "a/00.jpg", "caption": "Bär; x"}, {"path": "b/01.jpg", "caption": "y"}]
    delimited(rows, photos / "t.csv", ";", "cp1252")
    pool, notes = kept(workspace, photos / "t.csv", kind)
    assert pool.take(range(2), ["path", "caption"]).to_pylist() == rows
    assert notes == [
        "t.csv was read with semicolons between its cells and as Windows-1252 (Latin-1), because it is not UTF-8."
    ]
