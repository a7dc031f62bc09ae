"""Rows of text files that cannot be used: each is listed with its line and reason, and stops nothing else."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.errors import BadInput
from datasel_core.pools.readers.tables import streams
from datasel_core.pools.readers.texts import scan
from tests.pools.test_text_pool import add, lines, said

GOOD = {"prompt": "How many?", "response": "Two."}


def chat(*turns):
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


KNOWN = "known are system, user, assistant, tool (also human, gpt, function_call, observation)"
NONE = (
    "it has none of messages, conversations, text, instruction / prompt / question + response / completion / output / "
    "answer, chosen + rejected; it has: "
)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{broken", "it is not JSON (Expecting property name enclosed in double quotes, character 2)"),
        ('{"prompt": "a", "response": "b"} x', "it is not JSON (Extra data, character 34)"),
        ('{"prompt": "a\0", "response": "b"}', "it is not JSON (Invalid control character at, character 14)"),
        ("[" * 100_000, "it is nested too deeply"),
        ("[1, 2]", "it is JSON, but a list, not an object"),
        ("17", "it is JSON, but one value, not an object"),
        ({"prompt": "a"}, "it has a prompt and no response or completion or output or answer"),
        ({"output": "a"}, "it has an output and no instruction or prompt or question"),
        ({"a": 1}, f"{NONE}a"),
        ({}, f"{NONE}nothing"),
        ({"prompt": "a", "response": ""}, "its response is empty"),
        ({"prompt": " \n", "response": "a"}, "its prompt is empty"),
        ({"prompt": "a", "response": None}, "its response is missing"),
        ({"prompt": "a", "response": True}, "its response is true; it must be text"),
        ({"prompt": "a", "response": float("nan")}, "its response is missing"),
        ({"prompt": {"x": 1}, "response": "a"}, "its prompt is an object; it must be text"),
        ({"text": ["a"]}, 'turn 1 of its text is "a"; it must have role and content'),
        ({"prompt": "a\0b", "response": "c"}, "its prompt holds a NUL character, which is no text"),
        ('{"prompt": "a", "response": "x \\ud83d y"}', "its response holds \\ud83d, half of a character"),
        ({**GOOD, "note": "\0"}, "its note holds a NUL character, which is no text"),
        ('{"prompt": "a", "response": "b", "note": "\\udc00"}', "its note holds \\udc00, half of a character"),
        ({**GOOD, "id": {"a": 1}}, 'its id is {"a": 1}; it must be text or a whole number'),
        ({**GOOD, "id": 1.5}, "its id is 1.5; it must be text or a whole number"),
        ({**GOOD, "id": "a\nb"}, "its id 'a b' has more than 1,000 characters, or some that cannot be printed"),
        (chat(("user", "a")), "it has no assistant turn, so there is nothing to learn"),
        (chat(("assistant", "a")), "nothing stands before its only assistant turn"),
        (
            chat(("user", "a"), ("critic", "b")),
            f'turn 2 of its messages has the role "critic"; {KNOWN}',
        ),
        (
            chat(("user", "a"), (None, "b")),
            f"turn 2 of its messages has the role null; {KNOWN}",
        ),
        (chat(("user", "a"), ("assistant", "")), "its turn 2 (assistant) is empty"),
        (chat(("user", "a"), ("assistant", None)), "its turn 2 (assistant) has no text"),
        (
            chat(("user", [{"type": "image_url"}]), ("assistant", "b")),
            'turn 1 of its messages holds "image_url"; only text can be read',
        ),
        (
            chat(("system", "s"), ("user", "a\0"), ("assistant", "b")),
            "its turn 2 (user) holds a NUL character, which is no text",
        ),
        ({"messages": []}, "its messages is empty"),
        ({"messages": "hello"}, 'its messages is "hello"; it must be a list of turns'),
        ({"messages": "[broken"}, "its messages is not JSON"),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_with_its_line(workspace, tmp_path, row, reason):
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, row, {**GOOD, "prompt": "after"}))
    assert [one["reason"] for one in pool.unreadable] == [f"line 2 of t.jsonl: {reason}"]
    assert pool.ids.tolist() == ["t-00001", "t-00003"]
    assert pool.text(1) == ["after\n\nTwo."]
    assert pool.left_out == 1


def test_line_4711_is_named(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "t.jsonl", *[GOOD] * 4710, "{broken", GOOD))
    assert pool.n == 4711
    assert pool.unreadable == [
        {
            "id": "t-04711",
            "reason": (
                "line 4,711 of t.jsonl: it is not JSON (Expecting property name enclosed in double quotes, character 2)"
            ),
        }
    ]


def test_a_row_that_says_two_things_is_listed_when_it_is_not_the_first(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, {**GOOD, "text": "something else"}))
    assert pool.unreadable == [
        {"id": "t-00002", "reason": "line 2 of t.jsonl: it can be read as prompt + response or as text"}
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_encodings(workspace, tmp_path, encoding, end, suffix):
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    rows = ["Bär 日本語 \U0001f600 \u2028 end", "two"]
    text = {
        "jsonl": f"{end}{end}".join(json.dumps({"text": row}, ensure_ascii=False) for row in rows) + end,
        "json": json.dumps([{"text": row} for row in rows], ensure_ascii=False),
        "csv": end.join(["text", *rows]) + end,
    }[suffix]
    (tmp_path / f"t.{suffix}").write_bytes((mark + text).encode(encoding))
    pool = add(workspace, tmp_path / f"t.{suffix}")
    assert [pool.text(row)[0] for row in range(2)] == rows
    assert pool.unreadable == []


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_a_byte_that_is_not_utf8_costs_one_line(workspace, tmp_path, suffix):
    rows = [b"one", "B\xe4r".encode("latin-1"), b"three"]
    content = {
        "jsonl": b"\n".join(b'{"text": "%s"}' % row for row in rows),
        "json": b"[" + b", ".join(b'{"text": "%s"}' % row for row in rows) + b"]",
    }[suffix]
    (tmp_path / f"t.{suffix}").write_bytes(content)
    pool = add(workspace, tmp_path / f"t.{suffix}")
    assert [pool.text(row)[0] for row in range(2)] == ["one", "three"]
    reason = {
        "jsonl": "line 2 of t.jsonl: its byte 12 (0xe4) is not UTF-8",
        "json": "item 2 of t.json: its text holds the byte 0xe4, which is not UTF-8",
    }[suffix]
    assert [one["reason"] for one in pool.unreadable] == [reason]


def test_a_sample_of_five_megabytes_is_kept(workspace, tmp_path):
    large = "line of text\n" * 400_000
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, {"prompt": "Write.", "response": large}, GOOD))
    assert said(pool, 1) == [("user", "Write."), ("assistant", large)]
    assert pq.ParquetFile(pool.folder / "pool.parquet").num_row_groups == 2
    (tmp_path / "t.csv").write_text(f'text\n"{large}"\nshort\n')
    assert add(workspace, tmp_path / "t.csv", "c").text(0) == [large]
    (tmp_path / "t.json").write_text(json.dumps([GOOD, {"text": large}]))
    assert add(workspace, tmp_path / "t.json", "j").text(1) == [large]


def test_a_line_without_end_does_not_fill_the_memory(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "LONGEST", 1000)
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, {"text": "x" * 5000}, GOOD))
    assert pool.unreadable == [{"id": "t-00002", "reason": "line 2 of t.jsonl: it is longer than 1,000 characters"}]
    assert pool.ids.tolist() == ["t-00001", "t-00003"]
    (tmp_path / "t.json").write_text(json.dumps([GOOD, {"text": "x" * 3_000_000}]))
    pool = add(workspace, tmp_path / "t.json", "j")
    assert pool.unreadable == [
        {
            "id": "t-00002",
            "reason": "item 2 of t.json: from here on it is no JSON (an item is longer than 1,000 characters)",
        }
    ]


def test_very_many_bad_lines_are_counted_and_the_first_listed(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, *["{"] * 5000))
    assert (pool.left_out, len(pool.unreadable), pool.unreadable[-1]["id"]) == (5000, 1000, "t-01001")
    assert pool.about["notes"] == ["5,000 rows were left out; the first 1,000 are listed."]


@pytest.mark.parametrize(
    ("text", "kept", "reason"),
    [
        (
            '[{"text": "a"}, 3, "x", {"text": "b"}]',
            ["a", "b"],
            ["item 2 of t.json: it is no object", "item 3 of t.json: it is no object"],
        ),
        (
            '[{"text": "a"}, {"text": "b"',
            ["a"],
            ["item 2 of t.json: from here on it is no JSON (Expecting ',' delimiter)"],
        ),
        (
            '[{"text": "a"} {"text": "b"}]',
            ["a"],
            ["item 2 of t.json: from here on it is no JSON list (there is '{' where , or ] should be)"],
        ),
        ('[{"text": "a"}', ["a"], ["item 2 of t.json: from here on it is no JSON list (it is cut off)"]),
        (
            '[{"text": "a"}, nonsense, {"text": "b"}]',
            ["a"],
            ["item 2 of t.json: from here on it is no JSON (Expecting value)"],
        ),
        ('{"text": "a"}\n{"text": "b"}\n', ["a", "b"], []),
    ],
)
def test_a_list_of_json(workspace, tmp_path, text, kept, reason):
    (tmp_path / "t.json").write_text(text)
    pool = add(workspace, tmp_path / "t.json")
    assert [pool.text(row)[0] for row in range(pool.n)] == kept
    assert [one["reason"] for one in pool.unreadable] == reason


def test_a_long_list_of_json_is_read_in_pieces(workspace, tmp_path, rng):
    texts = ['{"[,]\\' + "x" * int(n) for n in rng.integers(1, 40_000, size=300)]
    (tmp_path / "t.json").write_text(json.dumps([{"text": text} for text in texts], indent=1))
    pool = add(workspace, tmp_path / "t.json")
    assert pool.column("text").tolist() == texts


def test_a_csv_whose_rows_are_uneven(workspace, tmp_path):
    (tmp_path / "t.csv").write_text('prompt,response\na,b\n"two\nlines",c\nonly\n\nx,y,z\nd,e\n')
    pool = add(workspace, tmp_path / "t.csv")
    assert pool.ids.tolist() == ["t-00002", "t-00003", "t-00008"]
    assert [one["reason"] for one in pool.unreadable] == [
        "line 5 of t.csv: it has 1 cells, the header 2",
        "line 7 of t.csv: it has 3 cells, the header 2",
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_unseen(workspace, tmp_path):
    (tmp_path / "t.csv").write_text('\nid,text\n1,"a ""word"""\n2,"open\n3,c\n4,d\n')
    pool = add(workspace, tmp_path / "t.csv")
    assert (pool.ids.tolist(), pool.text(0)) == (["1"], ['a "word"'])
    assert pool.unreadable == [
        {"id": "t-00004", "reason": "line 4 of t.csv: from here on it is no CSV (a quote is never closed)"}
    ]


def test_a_file_name_with_a_line_break_names_no_sample(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a\nb.txt", "c.txt"):
        (tmp_path / "in" / name).write_text("text")
    pool = add(workspace, tmp_path / "in")
    assert pool.ids.tolist() == ["c.txt"]
    assert pool.unreadable == [{"id": "a\\nb.txt", "reason": "a\\nb.txt: its file name has a line break"}]


def test_files_that_are_cut_off(workspace, tmp_path):
    packed = gzip.compress(
        "".join(json.dumps({"text": f"{at} {hash(str(at))}"}) + "\n" for at in range(20_000)).encode()
    )
    (tmp_path / "t.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    pool = add(workspace, tmp_path / "t.jsonl.gz")
    assert 5_000 < pool.n < 15_000
    assert pool.unreadable[-1]["reason"].endswith("from here on it cannot be read (it is cut off)")
    (tmp_path / "u.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(
        BadInput,
        match=r"None of the 1 rows in u.jsonl.gz can be used \(line 1 of u.jsonl.gz: it cannot be read \(Not a gzipped",
    ):
        add(workspace, tmp_path / "u.jsonl.gz", "u")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "v.parquet")
    (tmp_path / "v.parquet").write_bytes((tmp_path / "v.parquet").read_bytes()[:-9])
    with pytest.raises(BadInput, match="v.parquet could not be read"):
        add(workspace, tmp_path / "v.parquet", "v")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "text,text\na,b\n", "t.csv has two columns called text; column names must be unique."),
        ("t.csv", "", "t.csv has no rows"),
        ("t.csv", 'id,"text\n1,a\n', "t.csv has a quote in its header that is never closed."),
        (
            "t.json",
            '{"data": [\n"a"], "n": 1}',
            "t.json is one JSON object; give a list of objects, or one object a line.",
        ),
        ("t.json", "17", r"None of the 1 rows in t.json can be used \(item 1 of t.json: it is no JSON list\)"),
        (
            "t.docx",
            "a",
            r"t.docx is no table of texts; give a .jsonl, .json, .csv, .tsv, .parquet, .arrow or .txt file, which may "
            r"be packed as .gz or .zst, or a folder of these.",
        ),
        (
            "in/t.png",
            "a",
            r"The folder .*in has no tables \(.jsonl, .csv, .parquet\) and no texts \(.txt, .md\); it has 1 other "
            r"files.",
        ),
    ],
)
def test_files_that_are_no_texts_are_one_line(workspace, tmp_path, name, content, message):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content.encode())
    with pytest.raises(BadInput, match=message):
        add(workspace, tmp_path / name.partition("/")[0])
    assert not workspace.pool("p").exists()


def test_links_and_pipes_in_a_folder(workspace, tmp_path):
    import os

    outside = tmp_path.parent / f"{tmp_path.name}-outside.jsonl"
    lines(outside, GOOD)
    lines(tmp_path / "in" / "a.jsonl", GOOD)
    (tmp_path / "in" / "link.jsonl").symlink_to(outside)
    os.mkfifo(tmp_path / "in" / "pipe.jsonl")
    pool = add(workspace, tmp_path / "in")
    assert pool.ids.tolist() == ["a-00001"]
    assert [one["id"] for one in pool.unreadable] == ["link-00001", "pipe-00001"]
    assert "outside the allowed folders" in pool.unreadable[0]["reason"]
    assert "it is not a regular file" in pool.unreadable[1]["reason"]


def test_very_many_columns(workspace, tmp_path):
    pool = add(
        workspace,
        lines(
            tmp_path / "t.jsonl", *({"text": "a", **{f"c{at}_{more}": more for more in range(3)}} for at in range(300))
        ),
    )
    assert len(pool.columns) == 66
    assert (
        "There are more than 64 columns, or they have no name; left out were: c21_1, c21_2, c22_0"
        in pool.about["notes"][0]
    )


def test_a_full_disk_leaves_nothing(workspace, tmp_path, monkeypatch):
    from datasel_core.errors import Failed

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("datasel_core.pools.readers.spool.pq.ParquetWriter", full)
    with pytest.raises(Failed, match="The disk is full"):
        add(workspace, lines(tmp_path / "t.jsonl", GOOD))
    assert list(workspace.spool().iterdir()) == []


def test_parts_do_not_matter(workspace, tmp_path, monkeypatch):
    """Parts whose columns differ, and a part that is all bad."""
    monkeypatch.setattr(scan, "_PART_ROWS", 2)
    rows = [{"text": f"t{at}", **({"n": at} if at % 3 else {"word": "w" * at})} for at in range(9)]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows[:4], *["{"] * 5, *rows[4:]))
    assert pool.column("text").tolist() == [row["text"] for row in rows]
    assert pool.take(range(9), ["n"])["n"].to_pylist() == [row.get("n") for row in rows]
    assert pool.take(range(9), ["word"])["word"].to_pylist() == [row.get("word") for row in rows]
