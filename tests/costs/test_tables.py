"""Tables of rates: what is built in, what people keep, and what is wrong with what they bring."""

import pytest

from datasel_core.costs.cells import text_of
from datasel_core.costs.tables import table as tables
from datasel_core.costs.tables.examples import BUILT_IN
from datasel_core.costs.tables.line import Line
from datasel_core.errors import BadInput, BadParameter, UnknownName

HEAD = "name,what,low,mid,high,unit,date,source\n"
GOOD = HEAD + "box,our boxes,8,,18,s per label,2026-05-01,our own\n"


def refused(text):
    with pytest.raises(BadInput) as error:
        tables.read("mine.csv", text)
    return str(error.value)


def test_every_example_says_its_source_and_that_it_is_one():
    for line in BUILT_IN:
        assert "example" in line.source
        assert line.rate().source.endswith(line.source)
    known = {line.name: line.rate() for line in BUILT_IN}
    assert known["box"].ends == (7, 34.5)
    assert known["mask"].mid == pytest.approx(22 * 3600 / 1000, abs=0.5)
    assert known["street-scene"].mid == 5400
    assert known["box-price"].mid == 0.04


def test_a_table_is_kept_and_leaves_as_it_came(workspace):
    found = tables.read("mine.csv", GOOD)
    path = tables.keep(workspace, "mine", found)
    assert path.read_text() == GOOD
    assert tables.lines(workspace, "mine") == found
    assert tables.names(workspace) == ["examples", "mine"]
    assert tables.find(workspace, "mine/box").rate().mid == 12
    with pytest.raises(BadParameter) as error:
        tables.find(workspace, "box")
    assert str(error.value) == "Several tables have a rate called box: examples/box, mine/box; say which."
    assert tables.find(workspace, "mask").low == ""
    with pytest.raises(UnknownName, match="There is no rate called bx. Did you mean"):
        tables.find(workspace, "bx")
    with pytest.raises(BadParameter) as error:
        tables.keep(workspace, "mine", found)
    assert "There is a table of rates called mine already" in str(error.value)
    tables.keep(workspace, "mine", tables.read("mine.csv", GOOD.replace("18", "20")), overwrite=True)
    assert tables.find(workspace, "mine/box").high == "20"
    tables.forget(workspace, "mine")
    with pytest.raises(UnknownName, match="There is no table of rates called mine"):
        tables.lines(workspace, "mine")


def test_the_built_in_table_stays(workspace):
    for change in (lambda: tables.keep(workspace, "examples", BUILT_IN), lambda: tables.forget(workspace, "examples")):
        with pytest.raises(BadParameter, match="examples is built in and stays"):
            change()


def test_spreadsheets_of_other_countries_are_read_and_their_numbers_refused():
    semicolons = GOOD.replace(",", ";")
    assert tables.read("mine.csv", "\ufeff" + semicolons) == tables.read("mine.csv", GOOD)
    assert refused(semicolons.replace("18", "18,5")) == (
        "Line 2 of mine.csv: the high is '18,5'; write it with digits and a dot for decimals, as in 1234.5."
    )


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (
            "box,x,cheap,,18,s per label,2026-05-01,we",
            "the low is 'cheap'; write it with digits and a dot for decimals, as in 1234.5.",
        ),
        ("box,x,18,,8,s per label,2026-05-01,we", "low is 18 and high is 8; the lower number comes first."),
        ("box,x,8,40,18,s per label,2026-05-01,we", "mid is 40; it must lie from 8 to 18."),
        ("box,x,,,,s per label,2026-05-01,we", "no number is given; fill in mid, or low and high."),
        ("box,x,-8,,18,s per label,2026-05-01,we", "the low is -8; it must be above 0."),
        (
            "box,x,8,,18,boxes,2026-05-01,we",
            "the unit is 'boxes'; it must be one of: s per label, min per label, s per item, min per item, h per item, "
            "price per label.",
        ),
        ("box,x,8,,18,s per label,May,we", "the date is 'May'; write year-month-day, as in 2026-05-01."),
        ("box,x,8,,18,s per label,2026-05-01,", "the source is empty; say where the number comes from."),
        (
            "a box,x,8,,18,s per label,2026-05-01,we",
            "the name 'a box' will not do; use letters, digits, dots, dashes, underscores.",
        ),
        (
            f"box,{'x' * 301},8,,18,s per label,2026-05-01,we",
            "a text is longer than 300 letters, or holds what cannot be shown.",
        ),
    ],
)
def test_a_wrong_line_is_named(line, right):
    assert refused(HEAD + line) == f"Line 2 of mine.csv: {right}"


def test_a_table_that_is_none_is_one_line(tmp_path):
    assert refused("a,b\n1,2") == "mine.csv has no column name; its first line must name name, unit, source."
    assert refused(HEAD) == (
        "mine.csv holds no rates; it needs a line for each under the header name,what,low,mid,high,unit,date,source."
    )
    assert refused(GOOD + GOOD.splitlines()[1]) == "mine.csv has two rates called box; each name stands once."
    assert refused(GOOD.replace("our own", "our,own")) == "Line 2 of mine.csv has 9 cells, the header 8."
    assert refused(GOOD + '"').startswith("mine.csv is no CSV: ")
    many = HEAD + "".join(f"box{at},x,8,,18,s per label,2026-05-01,we\n" for at in range(1001))
    assert refused(many) == "mine.csv has 1,001 rates; it may have at most 1,000."
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"x\.csv is no UTF-8 text; save it as CSV, UTF-8\."):
        text_of(tmp_path / "x.csv")
    with pytest.raises(BadInput, match=r"y\.csv cannot be read: No such file or directory\."):
        text_of(tmp_path / "y.csv")


def test_a_line_is_one_number_or_a_range():
    line = Line("box", "a box", "", "12", "", "min per label", "2026-05-01", "we")
    assert (line.rate().mid, line.rate().has_range, line.of) == (720, False, "label")
