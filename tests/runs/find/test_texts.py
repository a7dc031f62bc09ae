"""Words found in the columns of a pool, against plain Python that reads every text of every row."""

import json
import random
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs.find import texts, words
from tests.runs.find.test_words import slow_fold

WORDS = ["red", "Red", "RÉD", "dress", "dresses", "address", "blue", "Привет", "ёлка", "北京大学", "%", "_", "'", ".*"]


@pytest.fixture
def pool(workspace, tmp_path):
    """300 questions and answers with some of these words, blanks of all kinds, and a column with gaps."""
    rng = random.Random(5)
    lines = []
    for at in range(300):
        said = [rng.choice([" ", "  ", "\n", "\t"]).join(rng.choices(WORDS, k=rng.randrange(1, 6))) for _ in range(2)]
        line = {"id": f"q{at:03d}-{rng.choice(WORDS)}-{at}", "prompt": said[0], "response": said[1]}
        lines.append(line | ({"note": rng.choice(WORDS)} if at % 3 else {}))
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return add_pool(workspace, "texts", str(tmp_path / "t.jsonl"), "text")


def slow(pool, typed):
    """[(row, times)] in order: every text folded by Unicode's steps, every word counted by Python."""
    read, found = words.read(typed), []
    for row in range(pool.n):
        said = [str(pool.value(name, row) or "") for name in ("id", "prompt", "response", "note")]
        said = [slow_fold(text) for text in said]
        if read.has_blanks:
            said = [re.sub(r"\s+", " ", text) for text in said]
        counts = {word: sum(text.count(slow_fold(word)) for text in said) for word in (*read.wanted, *read.without)}
        exact = str(pool.ids[row]) == typed.strip()
        if exact or (all(counts[word] for word in read.wanted) and not any(counts[word] for word in read.without)):
            found.append((not exact, -sum(counts[word] for word in read.wanted), row))
    return [(row, -times) for _, times, row in sorted(found)]


QUERIES = [
    "red",
    "red dress",
    "Red -address",
    '"red dress"',
    '-"red dress"',
    "привет",
    "елка",
    "ЁЛКА red",
    "京大",
    "北京",
]
QUERIES += ["%", "_", "'", ".*", "%_'", "q007", "' OR 1=1 --", "nothing-like-it", '"dress red" blue -%', "q001"]


@pytest.mark.parametrize("typed", QUERIES)
@pytest.mark.parametrize("rows", [7, 4096])
def test_what_is_found_is_what_plain_python_finds(pool, typed, rows, monkeypatch):
    monkeypatch.setattr(texts, "_ROWS", rows)
    found = texts.search(pool, words.read(typed))
    assert list(zip(found.rows.tolist(), found.times.tolist(), strict=True)) == slow(pool, typed)


def test_the_sample_that_is_called_so_comes_first(pool):
    id = str(pool.ids[250])
    assert texts.search(pool, words.read(id)).rows[0] == 250
    assert slow(pool, id)[0][0] == 250


def test_lists_of_texts_are_searched_item_by_item(workspace, tmp_path, photos):
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg"))
    tags = [["red hat", None, "dress"], [], None, ["dress"], ["hat dress"]] + [["x"]] * (len(names) - 5)
    table = pa.table({"path": names, "tags": pa.array(tags, pa.list_(pa.string())), "n": list(range(len(names)))})
    pq.write_table(table, photos / "t.parquet")
    pool = add_pool(workspace, "tagged", str(photos / "t.parquet"), "images")
    assert "tags" in texts.columns(pool)
    assert not {"path", "n", "width", "content"} & set(texts.columns(pool))
    by_id = {str(id): row for row, id in enumerate(pool.ids)}

    def found(typed):
        return sorted(texts.search(pool, words.read(typed)).rows.tolist())

    def rows(*places):
        return sorted(by_id[names[at]] for at in places)

    assert found("hat dress") == rows(0, 4)
    assert found('"hat dress"') == rows(4)  # not across two items
    assert found("None") == []


def test_where_a_word_was_found_is_shown_as_it_is_written(pool):
    row = int(texts.search(pool, words.read("ёлка red")).rows[0])
    shown = texts.places(pool, row, words.read("ЕЛКА red"))
    assert shown
    for place in shown:
        assert len(place.parts) % 2 == 1
        assert all(slow_fold(part) in ("елка", "red") for part in place.parts[1::2])
        assert "".join(place.parts).strip("… ") in re.sub("", "", str(pool.value(place.column, row)))
    assert texts.places(pool, row, words.read("-blue")) == []


def test_a_long_text_is_shown_around_the_word(workspace, tmp_path):
    long = "a" * 500 + " Straße " + "b" * 500
    (tmp_path / "t.jsonl").write_text(json.dumps({"id": "x", "text": long}))
    pool = add_pool(workspace, "long", str(tmp_path / "t.jsonl"), "text")
    place = texts.places(pool, 0, words.read("strasse"))[0]
    assert place.parts[1] == "Straße"
    assert place.parts[0].startswith("… aaa")
    assert place.parts[2].endswith("bbb …")
    assert sum(map(len, place.parts)) < 200


def test_long_columns_are_read_a_group_of_rows_at_a_time(pool, monkeypatch):
    monkeypatch.setattr(type(pool.texts), "whole", lambda *_: pytest.fail("a long column was read whole"))
    assert len(texts.search(pool, words.read("red")).rows) == len(slow(pool, "red"))
    assert np.all(np.diff(texts.search(pool, words.read("red")).times) <= 0)
