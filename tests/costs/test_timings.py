"""Times that come back: read by id, fitted, and refused where they would mislead."""

import numpy as np
import pytest

from datasel_core.costs import timings
from datasel_core.costs.timings import Timed, Timing
from datasel_core.errors import BadInput
from tests.pages import screens

vector_pool = screens.vector_pool


def table(rows, head="id,person,seconds,objects"):
    return "\n".join([head, *rows]) + "\n"


def of(n, seconds="12.5", objects="3"):
    return table([f"s{at:03d},ann,{seconds},{objects}" for at in range(n)])


def refused(text, pool):
    with pytest.raises(BadInput) as error:
        timings.fit(timings.read("t.csv", text, pool)[0], "pilot")
    return str(error.value)


def test_the_fit_is_that_of_the_logarithms(rng):
    """The mean of a log-normal is exp(m + s2 / 2), not the mean of the times."""
    seconds = rng.lognormal(3, 0.8, 40)
    found = timings.fit([Timing(str(at), "", value) for at, value in enumerate(seconds)], "pilot")
    logs = np.log(seconds)
    assert found.seconds.mid == pytest.approx(np.exp(logs.mean() + logs.var(ddof=1) / 2))
    assert np.log1p(found.seconds.cv2) == pytest.approx(logs.var(ddof=1))
    assert (found.seconds.k, found.n, found.people, found.objects) == (40, 40, 1, None)
    low, high = found.seconds.between(0.9)
    assert low < found.seconds.mid < high
    assert high / found.seconds.mid > found.seconds.mid / low  # the upper side is the longer one


def test_items_that_several_people_timed_count_once(vector_pool):
    rows = [f"s{at:03d},{who},{seconds},{at % 4}" for at in range(12) for who, seconds in (("ann", 10), ("bob", 30))]
    found = timings.fit(timings.read("t.csv", table(rows), vector_pool)[0], "pilot")
    assert (found.n, found.people, found.seconds.k) == (12, 2, 12)
    assert found.seconds.mid == pytest.approx(20)
    assert found.objects.mid == pytest.approx(1.5)
    assert "People differ" in found.notes[0]
    assert Timed.of(found.plain()) == found


def test_lines_without_a_time_wait_and_are_said(vector_pool):
    text = table(["s000,,,", "s001,,,", *(f"'s{at:03d},,9,2" for at in range(2, 14))])
    found, notes = timings.read("t.csv", text, vector_pool)
    assert (len(found), notes) == (12, ["2 lines have no time yet."])
    assert found[0].id == "s002"  # the apostrophe of a spreadsheet is none of the id


def test_without_a_count_for_each_item_objects_are_not_used(vector_pool):
    text = of(12).replace("s003,ann,12.5,3", "s003,ann,12.5,")
    found = timings.fit(timings.read("t.csv", text, vector_pool)[0], "pilot")
    assert found.objects is None
    assert found.notes[-1] == "1 of 12 items have no count of objects; none is used."
    empty = timings.fit(timings.read("t.csv", of(12, objects="0"), vector_pool)[0], "pilot")
    assert empty.objects is None
    assert "No item has an object" in empty.notes[-1]


WRONG = [
    (of(2), "2 items have a time; a pilot takes at least 10, better 30 or more."),
    (of(1), "1 item has a time; a pilot takes at least 10, better 30 or more."),
    (of(12).replace("s004,", "s999,"), "t.csv has one id that vec does not have, the first in line 6: 's999'."),
    (
        of(12).replace("s00", "x00"),
        "t.csv has 10 ids that vec does not have, the first in line 2: 'x000'.",
    ),
    (
        of(12) + "s003,ann,9,1\n",
        "Line 14 of t.csv: 's003' was timed by ann in line 5 already; keep one line for each item and person.",
    ),
    (
        of(12, "fast"),
        "Line 2 of t.csv: the time in seconds is 'fast'; write it with digits and a dot for decimals, as in 1234.5.",
    ),
    (of(12, "-3"), "Line 2 of t.csv: the time in seconds is -3; it must be above 0."),
    (of(12, "0"), "Line 2 of t.csv: the time in seconds is 0; it must be above 0."),
    (
        of(12, "86401"),
        "Line 2 of t.csv: the seconds are 86401; more than a day for one item is no time of labelling.",
    ),
    (of(12, objects="2.5"), "Line 2 of t.csv: the objects are '2.5'; write a whole number, 0 or more."),
    (of(12, objects="-1"), "Line 2 of t.csv: the objects are '-1'; write a whole number, 0 or more."),
    (table(["s000,3"], "id,time"), "t.csv has no column seconds; its first line must name id, seconds."),
    ("", "t.csv has no column id; its first line must name id, seconds."),
]


@pytest.mark.parametrize(("text", "right"), WRONG)
def test_wrong_times_are_one_line(vector_pool, text, right):
    assert refused(text, vector_pool) == right
