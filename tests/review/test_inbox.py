"""What comes from a browser: everything is acknowledged once it is on the disk, and nothing before."""

import pytest

from datasel_core.errors import Failed
from datasel_core.review import inbox
from datasel_core.review.book import Book
from datasel_core.review.inbox import take

IDS = ["a", "b", "c"]


def ids_of(review):
    return IDS if review == "r" else None


def one(id, at=0, what="keep", **more):
    return {"id": id, "run": "r", "at": at, "by": "ann", "what": what, "note": "", "blind": False, **more}


def test_all_that_is_sent_is_written_down_in_order_and_acknowledged(workspace):
    sent = [one("decision-1", 2), one("decision-2", 0, "drop", note="dark", blind=True)]
    assert take(workspace, sent, ids_of).got == ["decision-1", "decision-2"]
    again = take(workspace, [*sent, one("decision-3", 1, "undo")], ids_of)
    assert again.got == ["decision-1", "decision-2", "decision-3"]
    assert not again.refused
    found = [(row.id, row.sample, row.what, row.note, row.blind) for row in Book(workspace).of("r")]
    assert found == [
        ("decision-1", "c", "keep", "", False),
        ("decision-2", "a", "drop", "dark", True),
        ("decision-3", "b", "undo", "", False),
    ]


def test_what_cannot_be_written_is_not_acknowledged(workspace, monkeypatch):
    def no_room(self, decisions):
        raise Failed("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(inbox.Book, "add", no_room)
        with pytest.raises(Failed):
            take(workspace, [one("decision-1")], ids_of)
    assert take(workspace, [one("decision-1")], ids_of).got == ["decision-1"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"at": 3}, "The selection has 3 samples; there is no #4."),
        ({"at": -1}, "The selection has 3 samples; there is no #0."),
        ({"at": "0"}, "The decision is not one that a page of this program sends."),
        ({"at": True}, "The decision is not one that a page of this program sends."),
        ({"by": None}, "The decision is not one that a page of this program sends."),
        ({"run": "other"}, "The selection that this was decided about is no longer here."),
        ({"what": "burn"}, "A decision is one of keep, drop, swap, note, undo, not burn."),
        ({"by": ""}, "The name of the reviewer is empty; say who decides."),
        ({"note": "x" * 5000}, "The note has 5,000 characters; it may have at most 2,000."),
        ({"id": "no"}, "The id of a decision must be 8 to 64 letters, digits, dashes or underscores."),
    ],
)
def test_one_that_will_never_do_is_refused_and_the_others_are_kept(workspace, wrong, said):
    found = take(workspace, [one("decision-1"), {**one("decision-2"), **wrong}, one("decision-3", 1)], ids_of)
    assert found.got == ["decision-1", "decision-3"]
    assert list(found.refused.values()) == [said]


@pytest.mark.parametrize("sent", [None, "x", 7, {}, [None, 3, "x", {"id": 5}, []]])
def test_anything_else_is_no_decision(workspace, sent):
    assert take(workspace, sent, ids_of) == inbox.Taken()
    assert not Book(workspace).path.exists()
