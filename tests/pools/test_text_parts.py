"""Reading parts column by column gives what reading them row by row gives: table, notes and reasons, to the byte."""

import itertools
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.errors import BadInput, Failed
from datasel_core.pools.readers.ahead import Ahead
from datasel_core.pools.readers.texts import scan
from tests.pools.test_text_pool import add, lines

NASTY = ["a\0b", "\ud800", "", " \n", "</s>", None, 5, 1.5, True, ["x"], {"a": 1}, 2**70, float("nan"), "Ünï猫"]
USUAL = {
    "id": ["s1", "zwei"],
    "prompt": ["How many?", "Say."],
    "response": ["Two.", "</s> "],
    "completion": ["Two."],
    "text": ["Once", "How many? Two."],
    "instruction": ["Count."],
    "output": ["3"],
    "input": ["a b", "", None],
    "context": [" ", "c"],
    "source": ["web", "", None],
    "group": ["g", ""],
    "system": ["Be brief."],
    "label": [True, False, "true"],
    "chosen": ["good"],
    "rejected": ["bad"],
    "level": [1, 2, 3],
    "score": [0.5, 2, float("inf"), None],
    "Level": ["one", 2],
    "tags": [["a"], [], None],
    "spans": [[[0, 2]], [], None, "[[1, 3]]", [[0, 99]], "a word"],
    "facts": [["a", "b"], [{"start": 0, "end": 1, "relation": "r"}], [["a", "r", "b"]], None],
    "fact_spans": [None, 3],
    "tools": ['["w"]', [{"name": "w"}]],
    "caption": ["ours"],
    "": ["nameless"],
    "no\0name": [1],
    "none": [None],
}
SHAPES = [("prompt", "response"), ("text",), ("instruction", "output"), ("prompt", "completion"), ("text", "prompt")]


@pytest.fixture
def both(workspace, tmp_path, monkeypatch):
    """Reads a source in both ways, and writes it beside reading it and after it; gives how many parts were read column
    by column.
    """
    columns, made, number = scan.table_of, [], itertools.count()
    takes_some, takes_none, by_rows = Ahead.takes, lambda *asked: False, lambda *asked: None

    def counted(*asked):
        table = columns(*asked)
        made.append(table is not None)
        return table

    def read(source, rows_of_a_part=4, **options):
        monkeypatch.setattr(scan, "_PART_ROWS", rows_of_a_part)
        made.clear()
        found = []
        for name, how, takes in (("columns", counted, takes_some), ("rows", by_rows, takes_none)):
            monkeypatch.setattr(scan, "table_of", how)
            monkeypatch.setattr(Ahead, "takes", takes)
            try:
                pool = add(workspace, source, f"{name}-{next(number)}", **options)
            except BadInput as error:
                found.append(str(error))
            else:
                about = {key: pool.about[key] for key in ("unreadable", "left_out", "notes", "table_sha256", "n")}
                found.append((about, pool.table.schema, pool.fingerprint))
        assert found[0] == found[1]
        return sum(made), len(made)

    return read


def rows_of(seed: int) -> list[dict]:
    """Rows of a few kinds, one after the other, here and there with a value that is not like the others."""
    rng = random.Random(seed)
    rows = []
    for _ in range(12):
        names = list(rng.choice(SHAPES)) + rng.sample(sorted(USUAL), rng.randint(0, 4))
        rng.shuffle(names)
        plain = rng.random() < 0.6
        for _ in range(rng.randint(1, 12)):
            row = {name: USUAL[name][0] if plain else rng.choice(USUAL[name]) for name in names}
            if rng.random() < 0.08:
                row[rng.choice([*names, "extra"])] = rng.choice(NASTY)
            if "id" in row:
                row["id"] = rng.choice(
                    [f"s{len(rows)}", len(rows), *([None, 3.0, "a\nb"] if rng.random() < 0.1 else [])]
                )
            rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(24))
def test_both_ways_agree_on_rows_of_every_kind(both, tmp_path, seed):
    folder = tmp_path / "in"
    for at in range(2):
        lines(folder / f"{at}.jsonl", *rows_of(2 * seed + at), "{broken", "")
    both(folder if seed % 2 else folder / "0.jsonl", ids="file_and_id" if seed % 4 == 1 else "id")


def test_usual_rows_go_column_by_column(both, tmp_path):
    rows = [
        {"id": f"s{at}", "prompt": f"p{at}", "response": "r", "input": "i" * (at % 3), "n": at, "x": at / 2, "tags": []}
        for at in range(43)
    ]
    assert both(lines(tmp_path / "t.jsonl", *rows)) == (10, 10)
    text = [{"text": f"Ünï {at}", "flag": at % 2 == 0, "note": None if at % 5 else "n"} for at in range(40)]
    assert both(lines(tmp_path / "u.jsonl", *text)) == (10, 10)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert both(tmp_path / "t.parquet") == (10, 10)
    (tmp_path / "t.csv").write_text("question,answer,n\n" + "".join(f"q{at},{at},{at}\n" for at in range(40)))
    assert both(tmp_path / "t.csv") == (10, 10)
    assert both(tmp_path / "t.csv", prompt_column="n", response_column="answer") == (10, 10)


TURNS = [{"role": "user", "content": "Q"}]
MORE = {
    "a NUL below the prompt": ({"prompt": "p", "response": "r", "input": "i\0"}, {}, 0),
    "columns that begin later": ({"text": "t", "late": None, "note": "n"}, {"late": "l"}, 10),
    "definitions of tools": ({"text": "t", "tools": [{"name": "w"}]}, {}, 0),
    "nested values": ({"text": "t", "tags": ["a"]}, {}, 10),
    "ids of pandas": ({"text": "t", "id": 0.5}, {}, 0),
    "numbers as texts": ({"question": "q", "answer": 4}, {}, 0),
    "two responses as turns": (
        {
            "text": "t",
            "chosen": [*TURNS, {"role": "assistant", "content": "a"}],
            "rejected": [*TURNS, {"role": "assistant", "content": "b"}],
        },
        {},
        0,
    ),
    "two responses beside a text": ({"text": "t", "chosen": "a", "rejected": "b"}, {}, 0),
    "a label": ({"prompt": "p", "completion": "c", "label": True}, {}, 0),
    "a past": ({"instruction": "i", "output": "o", "system": "s"}, {}, 0),
    "no past of LLaMA-Factory": ({"prompt": "i", "output": "o", "system": "s"}, {}, 10),
    "whole numbers, then fractions": ({"text": "t", "n": 1}, {"n": 1.5}, 10),
    "numbers, then texts": ({"text": "t", "n": 1}, {"n": "one"}, 10),
    "long numbers": ({"text": "t", "n": 2**70}, {}, 10),
    "names that filters do not tell apart": ({"text": "t", "Level": 1, "level": 2, "LEVEL": "x"}, {}, 10),
}


@pytest.mark.parametrize("what", MORE)
def test_parts_that_are_all_alike(both, tmp_path, what):
    """None is left for the other way at the end, and none is broken by a value that differs."""
    row, later, columns = MORE[what]
    begin = 2 if "late" in row else 20
    rows = [{**row, **(later if at >= begin else {})} | ({"id": float(at)} if "id" in row else {}) for at in range(40)]
    assert both(lines(tmp_path / "t.jsonl", *rows)) == (columns, 10)


def test_one_odd_value_costs_its_part_alone(both, tmp_path):
    for at, odd in enumerate(NASTY):
        rows = [{"prompt": f"p{row}", "response": "r", "note": "n"} for row in range(40)]
        for name in rows[0]:
            changed = [{**row, name: odd} if at == 9 else row for at, row in enumerate(rows)]
            columns, _ = both(lines(tmp_path / f"{at}-{name}.jsonl", *changed))
            assert columns >= 8


def test_long_texts_end_a_part_where_they_did(both, tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "_PART_CHARACTERS", 400)
    rows = [{"prompt": "p" * (20 + at % 37), "response": "r" * (at % 29 + 1)} for at in range(200)]
    columns, parts = both(lines(tmp_path / "t.jsonl", *rows))
    assert 10 < columns < parts - 10


def test_a_column_that_comes_late_or_turns_long_changes_nothing(both, tmp_path):
    rows = [{"text": f"t{at}", "note": "n"} for at in range(40)]
    late = [*rows[:20], {**rows[20], "word": "w"}, *rows[21:]]
    both(lines(tmp_path / "late.jsonl", *late))
    both(lines(tmp_path / "other.jsonl", *rows[:20], {**rows[20], "note": 1}, *rows[21:]))
    both(lines(tmp_path / "long.jsonl", *rows[:20], {**rows[20], "note": "n" * 9000}, *rows[21:]))
    both(lines(tmp_path / "second.jsonl", *rows[:20], {"prompt": "Q", "chosen": "a", "rejected": "b"}, *rows[21:]))


def test_what_goes_wrong_beside_reading_is_said_and_leaves_nothing(workspace, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Ahead, "_write", full)
    monkeypatch.setattr(scan, "_PART_ROWS", 2)
    with pytest.raises(Failed, match="The disk is full"):
        add(workspace, lines(tmp_path / "t.jsonl", *({"text": f"t{at}"} for at in range(40))))
    assert list(workspace.spool().iterdir()) == []
