"""Cells that a spreadsheet would run: a sign first, however wide it is and whatever stands before it."""

import csv
import unicodedata

import pyarrow as pa
import pytest

from datasel_core.exports.tables import harmless

FORMULA = "cmd|' /C calc'!A0"
SIGNS = "=+-@"
WIDE = ["＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫"]
BLANKS = [
    "",
    " ",
    "   ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\0",
    "\u2028",
]


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
@pytest.mark.parametrize("sign", [*SIGNS, *WIDE])
def test_a_sign_that_comes_first_is_quoted(sign, blank):
    assert harmless(f"{blank}{sign}{FORMULA}") == f"'{blank}{sign}{FORMULA}"


@pytest.mark.parametrize("cell", ["\tx", "\rx", "\nx", "\n", "-", "-5", " -5 "])
def test_what_may_be_dropped_or_run_is_quoted(cell):
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", " ", "a=b", "1-2", "'=x", "é=1", "(-1)", "a\n=b", "ä", "−5", 5, -5, -0.5, None, True, "http://x", "#1"]
)
def test_all_else_is_as_it_was(cell):
    assert harmless(cell) is cell


def test_every_character_that_becomes_a_sign_is_one():
    """By Unicode's own table: whatever a program that normalises text would take for one of the four."""
    for code in range(0x110000):
        letter = chr(code)
        if unicodedata.normalize("NFKC", letter)[:1] in tuple(SIGNS):
            assert harmless(f"{letter}1") == f"'{letter}1", hex(code)


def test_lists_and_numbers_that_are_none():
    assert harmless(float("nan")) == ""
    assert harmless(["=1"]) == '["=1"]'


def test_the_whole_file(tmp_path):
    from datasel_core.base import registry
    from datasel_core.base.progress import Progress
    from datasel_core.exports.export import SelectionRecord

    cells = ["=1", "\n=1", "＝1", " +1", "fine"]
    table = pa.table({"id": cells, "＠name": cells})
    kept = SelectionRecord(table, {"pool": {"kind": "text"}}, None)
    registry.find("export format", "csv")().make(kept, tmp_path / "k.csv", Progress())
    with open(tmp_path / "k.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "'＠name"]
    assert rows == [[f"'{cell}"] * 2 for cell in cells[:-1]] + [["fine", "fine"]]
