"""Facts that are read column by column are those that are read row by row: table, notes and reasons, to the byte."""

import csv
import itertools
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.errors import BadInput
from datasel_core.pools.readers.facts import scan
from tests.pools.test_facts_pool import add
from tests.pools.test_text_pool import lines

NASTY = ["a\0b", "\ud800", "", " \n", "</s>", None, 5, 1.5, True, ["x"], {"a": 1}, 2**70, float("nan"), "Ünï猫"]
USUAL = {
    "id": ["s1", "zwei"],
    "question": ["Who made it?", "who  MADE it?", "Where?"],
    "answer": ["Ann", " Ann ", "Bob", "猫" * 120],
    "relation": ["maker", "place", 7, " "],
    "fact": ["f1", "f2", 3],
    "wording": [0, 1, "1", "first", "2"],
    "year": [1900, None, 1.5],
    "note": ["n", "", None],
    "tags": [["a"], None],
    "Level": ["one", 2],
}


@pytest.fixture
def both(workspace, monkeypatch):
    """Reads a source in both ways; gives how many parts were read column by column, of how many."""
    columns, made, number = scan.table_of, [], itertools.count()

    def counted(*asked):
        table = columns(*asked)
        made.append(table is not None)
        return table

    def read(source, rows_of_a_part=4, **options):
        monkeypatch.setattr(scan, "_PART_ROWS", rows_of_a_part)
        made.clear()
        found = []
        for name, how in (("columns", counted), ("rows", lambda *asked: None)):
            monkeypatch.setattr(scan, "table_of", how)
            try:
                pool = add(workspace, source, f"{name}-{next(number)}", **options)
            except BadInput as error:
                found.append(str(error))
            else:
                about = {key: pool.about[key] for key in ("unreadable", "left_out", "notes", "table_sha256", "n")}
                found.append((about, pool.table.schema, pool.fingerprint, pool.take(range(pool.n), pool.names)))
        assert found[0] == found[1]
        return sum(made), len(made)

    return read


def rows_of(seed: int) -> list[dict]:
    """Rows of a few kinds, one after the other, here and there with a value that is not like the others."""
    rng = random.Random(seed)
    rows = []
    for _ in range(12):
        names = ["question", "answer", *rng.sample(sorted(set(USUAL) - {"question", "answer"}), 4)]
        rng.shuffle(names)
        plain = rng.random() < 0.6
        for _ in range(rng.randint(1, 12)):
            row = {name: USUAL[name][0] if plain else rng.choice(USUAL[name]) for name in names}
            if rng.random() < 0.08:
                row[rng.choice([*names, "extra"])] = rng.choice(NASTY)
            if "id" in row:
                row["id"] = rng.choice([f"s{len(rows)}", len(rows), *([None, "a\nb"] if rng.random() < 0.1 else [])])
            rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(16))
def test_both_ways_agree_on_rows_of_every_kind(both, tmp_path, seed):
    for at in range(2):
        lines(tmp_path / "in" / f"{at}.jsonl", *rows_of(2 * seed + at), "{broken", "")
    how = {"identities": "none"} if seed % 4 == 3 else {}
    both(tmp_path / "in" if seed % 2 else tmp_path / "in" / "0.jsonl", ids=["id", "file_and_id"][seed % 4 == 1], **how)


def test_usual_facts_go_column_by_column(both, tmp_path):
    rows = [
        {"id": f"s{at}", "relation": "r", "question": f"Q {at % 9}", "answer": f"{at % 3}", "n": at, "tags": []}
        for at in range(43)
    ]
    assert both(lines(tmp_path / "t.jsonl", *rows)) == (10, 10)
    assert both(tmp_path / "t.jsonl", identities="none") == (10, 10)
    assert both(tmp_path / "t.jsonl", relation_column="n", fact_column="answer") == (10, 10)
    named = [{**row, "fact": f"f{at % 9}", "wording": "ab"[at % 2]} for at, row in enumerate(rows)]
    assert both(lines(tmp_path / "n.jsonl", *named)) == (10, 10)
    unworded = [{name: value for name, value in row.items() if name != "wording"} for row in named]
    assert both(lines(tmp_path / "w.jsonl", *unworded)) == (10, 10)
    pq.write_table(pa.Table.from_pylist(named), tmp_path / "t.parquet")
    assert both(tmp_path / "t.parquet") == (10, 10)
    with open(tmp_path / "t.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["question", "answer", "relation"], *(["q", at, "r"] for at in range(40))])
    assert both(tmp_path / "t.csv") == (10, 10)


@pytest.mark.parametrize(
    "unlike", [{"wording": "2"}, {"answer": "a\0"}, {"question": ""}, {"relation": None}, {"n": []}]
)
def test_a_part_with_anything_unusual_counts_nothing_twice(both, tmp_path, unlike):
    """The sixth row; wordings and facts that come before it in its part, and after it, keep their numbers."""
    rows = [
        {
            "question": f"Q{at % 5}",
            "answer": f"{at % 3}",
            "relation": "r",
            "fact": f"f{at % 7}",
            "wording": "ba"[at % 2],
            "n": 1,
        }
        for at in range(16)
    ]
    rows[5] |= unlike
    wanted = (3, 4) if "n" in unlike else (2, 3)  # of a part that lost a row, the next row is the last
    assert both(lines(tmp_path / "t.jsonl", *rows)) == wanted


def test_long_facts_are_cut_into_parts_where_rows_are(both, tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "_PART_CHARACTERS", 600)
    rows = [{"question": "q" * (40 * at), "answer": "a", "relation": "r"} for at in range(1, 12)]
    assert 0 < both(lines(tmp_path / "t.jsonl", *rows), rows_of_a_part=3)[0] < 3
    rows = [{"question": f"q{at}", "answer": "a", "relation": "r", "fact": "f" * 30 * at} for at in range(1, 12)]
    assert 0 < both(lines(tmp_path / "n.jsonl", *rows), rows_of_a_part=3)[0] < 3
