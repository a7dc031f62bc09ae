"""Pools of texts: every shape the ecosystem writes, in every format, read as its turns; and what is kept of them."""

import csv
import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datasel_core as ds
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.guess import kind_of
from datasel_core.pools.readers.texts import scan as scan_module
from tests.conftest import real_data


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "text", options)


def lines(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def said(pool, row=0):
    return [(turn.role, turn.text) for turn in pool.turns(row)]


ASKED = [("user", "How many?"), ("assistant", "Two.")]
CHAT = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "How many?"), ("assistant", "Two.")]
SHAPES = {
    "text": ({"text": "Once upon"}, [("text", "Once upon")]),
    "prompt": ({"prompt": "How many?", "response": "Two."}, ASKED),
    "completion": ({"prompt": "How many?", "completion": "Two."}, ASKED),
    "trl": (
        {
            "prompt": [{"role": "user", "content": "How many?"}],
            "completion": [{"role": "assistant", "content": "Two."}],
        },
        ASKED,
    ),
    "alpaca": (
        {"instruction": "Count.", "input": "a b", "output": "Two."},
        [("user", "Count.\n\na b"), ("assistant", "Two.")],
    ),
    "alpaca, no input": ({"instruction": "How many?", "input": "", "output": "Two."}, ASKED),
    "dolly": (
        {"instruction": "Count.", "context": "a b", "response": "Two.", "category": "closed"},
        [("user", "Count.\n\na b"), ("assistant", "Two.")],
    ),
    "question": ({"question": "How many?", "answer": "Two."}, ASKED),
    "messages": ({"messages": [{"role": role, "content": text} for role, text in CHAT]}, CHAT),
    "parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "How many?"}]},
                {"role": "assistant", "content": "Two."},
            ]
        },
        ASKED,
    ),
    "sharegpt": (
        {
            "conversations": [
                {"from": {"user": "human", "assistant": "gpt"}.get(role, role), "value": text} for role, text in CHAT
            ]
        },
        CHAT,
    ),
    "empty system": (
        {"messages": [{"role": "system", "content": ""}, *({"role": role, "content": text} for role, text in ASKED)]},
        ASKED,
    ),
    "a chat and its first prompt": (
        {"prompt": "How many?", "messages": [{"role": role, "content": text} for role, text in ASKED]},
        ASKED,
    ),
    "made into one text": ({"instruction": "How many?", "output": "Two.", "text": "### How many?\n### Two."}, ASKED),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("suffix", ["jsonl", "json", "jsonl.gz", "parquet", "csv"])
def test_the_usual_shapes_are_found_by_name(workspace, tmp_path, shape, suffix):
    row, expected = SHAPES[shape]
    path = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        if shape == "parts":
            pytest.skip("one Parquet column does not hold both text and lists")
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif suffix == "csv":
        if shape in ("trl",):
            pytest.skip("TRL's lists are not written as CSV")
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(
                {name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()}
            )
    else:
        text = json.dumps([row] if suffix == "json" else row)
        path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    pool = add(workspace, path)
    assert said(pool) == expected
    assert pool.unreadable == []
    assert pool.opens == {"text", "turns"}
    assert kind_of(path) == "text"


def test_what_is_kept_of_a_conversation(workspace, tmp_path):
    single, chat, text = (SHAPES[name][0] for name in ("prompt", "messages", "text"))
    pool = add(workspace, lines(tmp_path / "t.jsonl", single, chat, text))
    kept = pq.read_table(workspace.pool("p") / "pool.parquet").to_pylist()
    assert [row["prompt"] for row in kept] == [
        "How many?",
        "System: Be brief.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: How many?",
        None,
    ]
    assert [row["response"] for row in kept] == ["Two.", "Two.", None]
    assert [row["text"] for row in kept] == [None, None, "Once upon"]
    assert [row["messages"] and json.loads(row["messages"]) for row in kept] == [None, chat["messages"], None]
    assert [pool.text(row) for row in range(3)] == [
        ["How many?\n\nTwo."],
        [f"{kept[1]['prompt']}\n\nAssistant: Two."],
        ["Once upon"],
    ]
    assert [said(pool, row) for row in range(3)] == [ASKED, CHAT, [("text", "Once upon")]]
    assert pool.columns == ["id", "text", "prompt", "response", "messages"]
    assert pool.table.column_names == ["id", "content"]
    assert pool.column("response").tolist() == ["Two.", "Two.", None]
    with pytest.raises(BadRequest, match=r"are no pictures; read them with pool.turns\(row\)"):
        pool.open(0)


def test_the_same_text_has_the_same_content_whatever_its_shape(workspace, tmp_path):
    asked = [SHAPES[name][0] for name in ("prompt", "completion", "trl", "question", "parts", "empty system")]
    pool = add(
        workspace,
        lines(tmp_path / "t.jsonl", *asked, {"prompt": "How many?Two.", "response": "Two."}, {"text": "How many?"}),
    )
    assert [len(set(pool.table["content"].to_pylist()[:count])) for count in (6, 7, 8)] == [1, 2, 3]
    assert len(set(pool.ids)) == 8


def test_names_come_from_file_and_line_and_do_not_move(workspace, tmp_path):
    rows = [{"prompt": f"p{at}", "response": "r"} for at in range(4)]
    path = lines(tmp_path / "gsm8k_train.jsonl", rows[0], "", rows[1], "{broken", rows[2], {**rows[3], "id": 7})
    pool = add(workspace, path)
    assert pool.ids.tolist() == ["gsm8k_train-00001", "gsm8k_train-00003", "gsm8k_train-00005", "7"]
    assert [pool.value("prompt", row) for row in range(4)] == ["p0", "p1", "p2", "p3"]
    assert pool.unreadable[0]["id"] == "gsm8k_train-00004"
    assert add(workspace, lines(tmp_path / "gsm8k_train.jsonl", rows[0], "", rows[1]), "q").ids.tolist() == [
        "gsm8k_train-00001",
        "gsm8k_train-00003",
    ]


def test_a_folder_of_texts(workspace, tmp_path):
    for name, text in (
        ("b/2.txt", "two"),
        ("a.md", "one\r\nline"),
        ("b/.hidden.txt", "no"),
        ("b/c/3.txt", "\ufeffthree"),
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(text.encode())
    (tmp_path / "in" / "b" / "empty.txt").write_bytes(b" \n")
    (tmp_path / "in" / "latin.txt").write_bytes("Bär".encode("latin-1"))
    (tmp_path / "in" / "picture.png").write_bytes(b"png")
    pool = add(workspace, tmp_path / "in")
    assert pool.ids.tolist() == ["a.md", "b/2.txt", "b/c/3.txt"]
    assert pool.column("source").tolist() == [None, "b", "b/c"]
    assert [pool.text(row) for row in range(3)] == [["one\r\nline"], ["two"], ["three"]]
    assert pool.unreadable == [
        {"id": "b/empty.txt", "reason": "b/empty.txt: its text is empty"},
        {"id": "latin.txt", "reason": "latin.txt: its text holds the byte 0xe4, which is not UTF-8"},
    ]
    assert pool.about["notes"] == [
        "1 .png was passed over: a picture; add the folder with --kind images to choose among pictures."
    ]
    assert pool.group_column == "source"


def test_a_folder_of_tables_gives_sources_and_unique_names(workspace, tmp_path):
    one = {"prompt": "a", "response": "b"}
    lines(tmp_path / "in" / "gsm8k.jsonl", one, {**one, "source": "own"})
    lines(tmp_path / "in" / "sub" / "bbh.jsonl", one)
    (tmp_path / "in" / "chat.csv").write_text("question,answer,group\nx,y,\nx,y,kept\n")
    pq.write_table(pa.table({"text": ["t"]}), tmp_path / "in" / "wiki-00000-of-00002.parquet")
    pq.write_table(pa.table({"text": ["u"]}), tmp_path / "in" / "wiki-00001-of-00002.parquet")
    (tmp_path / "in" / "README.md").write_text("about")
    (tmp_path / "in" / "infos.json").write_text('{"about": 1}')
    (tmp_path / "in" / "more.json").write_text(json.dumps([one]))
    pool = add(workspace, tmp_path / "in")
    assert dict(zip(pool.ids, pool.column("source"), strict=True)) == {
        "chat-00002": "chat",
        "chat-00003": None,
        "gsm8k-00001": "gsm8k",
        "gsm8k-00002": "own",
        "more-00001": "more",
        "sub/bbh-00001": "sub/bbh",
        "wiki-00000-of-00002-00001": "wiki",
        "wiki-00001-of-00002-00001": "wiki",
    }
    assert pool.about["notes"] == [
        "1 .json was passed over: it holds neither a list of objects nor an object a line.",
        "1 README.md was passed over: a description, not data.",
    ]
    lines(tmp_path / "in" / "gsm8k.csv", "prompt,response", "a,b")
    assert {"gsm8k.csv-00002", "gsm8k.jsonl-00001"} < set(add(workspace, tmp_path / "in").ids)


def test_columns_may_be_named(workspace, tmp_path):
    row = {
        "key": "k",
        "q": "How many?",
        "a": "Two.",
        "of": 3,
        "prompt": "other",
        "turns": [{"role": role, "content": text} for role, text in CHAT],
    }
    path = lines(tmp_path / "t.jsonl", row)
    pool = add(workspace, path, prompt_column="q", response_column="a", id_column="key", source_column="of")
    assert (said(pool), pool.ids.tolist(), pool.column("source").tolist()) == (ASKED, ["k"], ["3"])
    assert pool.column("prompt_").tolist() == ["other"]
    assert pool.about["notes"] == [
        "Values that are no text, number or truth value became no columns: turns.",
        "Columns with names that are taken stand under others: prompt as prompt_.",
        "Not part of the sample: prompt_.",
    ]
    assert said(add(workspace, path, text_column="turns")) == CHAT
    assert said(add(workspace, path, text_column="q")) == [("text", "How many?")]
    assert (
        said(
            add(workspace, lines(tmp_path / "u.jsonl", {"prompt": "How many?", "a": "Two."}), "q", response_column="a")
        )
        == ASKED
    )


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [{"a": 1, "b": "x"}],
            {},
            r"t.jsonl has no column text, no messages, and no prompt with response; it has: a, b. Name them with "
            r"--option text_column=NAME",
        ),
        (
            [{"text": "a", "prompt": "b", "response": "c"}],
            {},
            r"it can be read as prompt \+ response or as text; say which with --option text_column=NAME",
        ),
        (
            [{"prompt": "a", "response": "b", "completion": "c"}],
            {},
            r"it can be read as prompt \+ response or as prompt \+ completion; say which",
        ),
        ([{"text": "a"}], {"text_column": "txt"}, r"t.jsonl has no column txt; it has: text"),
        ([{"text": "a"}], {"id_column": "key"}, r"t.jsonl has no column key; it has: text"),
        ([{"text": "a"}], {"source_column": "of"}, r"t.jsonl has no column of; it has: text"),
        (
            [{"text": "a"}],
            {"text_column": "text", "prompt_column": "p"},
            r"text_column cannot be given together with prompt_column",
        ),
        ([{"prompt": "a"}], {}, r"no prompt with response; it has: prompt"),
        (
            [{"id": "x", "text": "a"}, "", {"id": "x", "text": "b"}],
            {},
            r"The id 'x' stands in line 1 of t.jsonl and in line 3 of t.jsonl; ids must be unique.$",
        ),
        ([], {}, r"t.jsonl has no rows"),
        (["nonsense", "more"], {}, r"None of the 2 rows in t.jsonl can be used \(line 1 of t.jsonl: it is not JSON"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_line(workspace, tmp_path, rows, options, message):
    with pytest.raises(BadInput, match=message) as error:
        add(workspace, lines(tmp_path / "t.jsonl", *rows), **options)
    assert "\n" not in str(error.value)
    assert not workspace.pool("p").exists()
    assert list(workspace.spool().iterdir()) == [] if workspace.spool().exists() else True


def test_ids_that_files_repeat(workspace, tmp_path):
    for name in "ab":
        lines(tmp_path / "in" / f"{name}.jsonl", {"id": 0, "text": name})
    with pytest.raises(
        BadInput,
        match=(
            r"The id '0' stands in line 1 of a.jsonl and in line 1 of b.jsonl; .* Add the pool with --option "
            r"ids=file_and_id."
        ),
    ):
        add(workspace, tmp_path / "in")
    assert add(workspace, tmp_path / "in", ids="file_and_id").ids.tolist() == ["a/0", "b/0"]


def test_metadata_of_every_kind(workspace, tmp_path):
    rows = [
        {
            "text": "a",
            "n": 1,
            "x": 1,
            "mixed": 1,
            "ok": True,
            "note": "short",
            "Level": 1,
            "level": 2,
            "tags": ["x"],
            "score": 0.5,
            "big": 2**70,
        },
        {
            "text": "b",
            "n": 2,
            "x": 2.5,
            "mixed": "one",
            "ok": None,
            "note": "n" * 900,
            "none": None,
            "nan": float("nan"),
        },
    ]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows))
    assert pool.column("n").tolist() == [1, 2]
    assert pool.column("x").tolist() == [1.0, 2.5]
    assert pool.column("mixed").tolist() == ["1", "one"]
    assert pool.column("ok").tolist() == [True, None]
    assert pool.column("big").tolist() == [str(2**70), None]
    assert pool.column("note").tolist() == ["short", "n" * 900]
    assert (pool.column("Level")[0], pool.column("level_")[0]) == (1, 2)
    assert "none" not in pool.columns
    assert pool.long_columns == ("text", "note")
    assert pool.take([1, 0, 1], ["note", "n"]).to_pylist() == [
        {"note": "n" * 900, "n": 2},
        {"note": "short", "n": 1},
        {"note": "n" * 900, "n": 2},
    ]


def test_numbers_in_a_csv(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(scan_module, "_PART_ROWS", 2)  # what a column is, all of its parts decide
    rows = [f"t{at},{at},{at / 2},0{at},{'' if at < 4 else 'word'},TRUE,0{at}\n" for at in range(6)]
    (tmp_path / "t.csv").write_text("text,n,x,zip,late,ok,id\n" + "".join(rows))
    pool = add(workspace, tmp_path / "t.csv")
    assert pool.column("n").tolist() == list(range(6))
    assert pool.column("x").tolist() == [at / 2 for at in range(6)]
    assert pool.column("zip").tolist() == [f"0{at}" for at in range(6)]
    assert pool.column("late").tolist() == ["", "", "", "", "word", "word"]
    assert pool.column("ok").tolist() == [True] * 6
    assert pool.ids.tolist() == [f"0{at}" for at in range(6)]
    (tmp_path / "t.csv").write_text(f"text,name,small\na,{2**64},1.5\nb,{2**64 + 1},12\n")
    pool = add(workspace, tmp_path / "t.csv")
    assert pool.column("name").tolist() == [str(2**64), str(2**64 + 1)]  # as numbers they would be the same
    assert pool.column("small").tolist() == [1.5, 12]


def test_a_source_that_is_missing(workspace, tmp_path):
    pool = add(
        workspace,
        lines(tmp_path / "t.jsonl", *({"text": "a", "source": source} for source in (float("nan"), None, "", "x", 3))),
    )
    assert pool.column("source").tolist() == [None, None, None, "x", "3"]


def test_a_column_of_long_texts_is_no_group(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "t.jsonl", *({"text": f"{at}", "group": "g" * 150} for at in range(3))))
    assert pool.long_columns == ("text", "group")
    assert pool.group_column is None


def test_a_name_that_somebody_took_while_the_source_was_read(workspace, tmp_path, monkeypatch):
    scan, (mine, other) = (
        scan_module.find_files,
        (lines(tmp_path / f"{name}.jsonl", {"text": name}) for name in ("mine", "other")),
    )

    def slowly(source, home, wanted):
        if source == mine:
            add(workspace, other)
        return scan(source, home, wanted)

    monkeypatch.setattr(scan_module, "find_files", slowly)
    with pytest.raises(BadRequest, match=r"There is a pool called p already, from .*other.jsonl; choose another name"):
        add(workspace, mine)
    assert ds.open_pool("p").text(0) == ["other"]


def test_the_demo_of_questions(workspace, monkeypatch):
    from datasel_core.pools.demo.questions import SOURCES, make_questions

    path = make_questions(workspace.demo("questions"))
    first = path.read_bytes()
    assert make_questions(workspace.demo("questions")).read_bytes() == first
    pool = add(workspace, path, "questions")
    assert (pool.n, pool.unreadable, pool.columns) == (2400, [], ["id", "prompt", "response", "source", "steps"])
    assert {source: int((pool.column("source") == source).sum()) for source in SOURCES} == dict.fromkeys(SOURCES, 240)
    assert len(set(pool.column("prompt"))) == 2400
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        asked, answer = row["prompt"], row["response"].rpartition("#### ")[2]
        if row["source"] == "addition":
            _, a, _, b = asked.split(".")[0].split()
            assert int(answer) == int(a) + int(b)
        if row["source"] == "reversal":
            assert "".join(reversed(answer)) == asked.removeprefix("Write backwards: ")
        if row["source"] == "sorting":
            assert answer.split(", ") == sorted(asked.partition(": ")[2].split(", "))
        if row["source"] == "logic":
            assert answer.endswith(
                f"{str(eval(asked.partition('? ')[2].replace('true', 'True').replace('false', 'False'))).lower()}."
            )


@pytest.mark.skipif(
    real_data() is None or not (real_data() / "instructions").is_dir(),
    reason="needs the real instructions (DATASEL_REAL_DATA)",
)
def test_real_instructions(workspace):
    folder = real_data() / "instructions"
    pool = add(workspace, folder)
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]
    assert pool.left_out + pool.n == len(rows)
    good = [row for row in rows if row["prompt"].strip() and row["response"].strip()]
    assert pool.ids.tolist() == [row["id"] for row in good]
    assert pool.column("response").tolist() == [row["response"] for row in good]
    assert pool.column("source").tolist() == [row["source"] for row in good]
    some = np.random.default_rng(0).integers(pool.n, size=500)
    assert [said(pool, int(row)) for row in some] == [
        [("user", good[row]["prompt"]), ("assistant", good[row]["response"])] for row in some
    ]
    run = ds.select(pool, ds.method("random")(), budget="5%", where="length(response) > 100")
    assert all(len(text) > 100 for text in run.table["response"].to_pylist())
