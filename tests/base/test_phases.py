"""Phases: one share that never goes back and is never full, one time left over all, from what was measured."""

import pytest

from datasel_core.base.phases import Phase, Plan, scaled
from datasel_core.base.progress import Progress, Track


class Clock:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


def plan_of(clock, *weights, **known):
    return Plan([Phase(name, weight) for name, weight in zip("abcd", weights, strict=False)], known, clock)


def test_what_is_unknown_is_as_the_weights_say(clock):
    plan = plan_of(clock, 2, 1, 1)
    assert plan.enter("a")
    assert (plan.standing(None).left, plan.standing(None).share) == (None, 0)
    clock.at = 4
    one = plan.standing(left=4)  # this phase takes 8 s, the two after it 4 s each
    assert (one.name, one.at, one.of) == ("a", 1, 3)
    assert one.left == pytest.approx(12)
    assert one.share == pytest.approx(4 / 16)


def test_what_was_measured_the_last_time_counts_more(clock):
    plan = plan_of(clock, 2, 1, b=30.0)
    plan.enter("a")
    clock.at = 5
    assert plan.standing(5).left == pytest.approx(35)  # ten seconds, and then half a minute: not "5 s left"
    assert plan.standing(5).share == pytest.approx(5 / 40)
    clock.at = 10
    plan.enter("b")
    clock.at = 20
    assert plan.standing(None).left == pytest.approx(20)  # before its loop has said anything
    assert plan.standing(None).share == pytest.approx(20 / 40)
    assert plan.standing(60).left == pytest.approx(60)  # this time it is slower
    assert plan.standing(60).share == pytest.approx(20 / 40)  # and the bar waits; it never goes back


def test_the_bar_is_full_when_all_is_done_and_not_before(clock):
    plan = plan_of(clock, 1)
    plan.enter("a")
    shares = []
    for second in range(1, 101):
        clock.at = second
        shares.append(plan.standing(100 - second).share)
    assert shares == sorted(shares)
    assert pytest.approx(shares[49]) == 0.5
    assert shares[-1] < 1


def test_what_an_earlier_attempt_did_is_done(clock):
    plan = plan_of(clock, 1)
    plan.enter("a")
    clock.at = 1
    assert plan.standing(4, before=0.5).share == pytest.approx(0.6)  # 5 of the 10 s lie before this attempt
    plan.over()
    assert not plan.is_typical


def test_work_within_the_work_has_no_say(clock):
    plan = plan_of(clock, 1, 1)
    assert plan.enter("b")
    assert not plan.enter("a")
    assert not plan.enter("something else")
    assert plan.standing(1).name == "b"
    plan.over()
    assert not plan.is_typical


def test_how_long_each_phase_took(clock):
    plan = plan_of(clock, 1, 1)
    clock.at = 7  # it waited for its turn
    plan.enter("a")
    clock.at = 9
    plan.enter("b")
    clock.at = 12
    plan.over()
    assert plan.seconds == {"a": 2, "b": 3}
    assert plan.is_typical


def test_twice_as_much_takes_twice_as_long():
    assert scaled({"a": 3.0}, 10, 20) == {"a": 6.0}
    assert scaled({"a": 3.0}, 0, 20) == {"a": 3.0}


def test_loops_say_where_they_are_in_the_whole(clock):
    said = []
    progress = Progress(said.append, every=0, plan=plan_of(clock, 1, 1))
    progress.enter("a")
    assert list(progress.over("xyz", 3, "reading")) == list("xyz")
    progress.enter("b")
    Track(progress, 2, "measuring").finish()
    assert [(step.standing.name, step.label) for step in said] == [
        ("a", "a"),
        *[("a", "reading")] * (len(said) - 4),
        ("b", "b"),
        *[("b", "measuring")] * 2,
    ]
    quiet = []
    silent = Progress(quiet.append)
    silent.enter("a")  # work without phases: as it was
    assert quiet == []
    silent.track(3, "reading")
    assert quiet[0].standing is None
