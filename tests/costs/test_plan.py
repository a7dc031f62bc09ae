"""Plans against a reckoning by hand, against campaigns that are played, and what they refuse."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from datasel_core.costs import document, workdays
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.plan import plan
from datasel_core.costs.rates import Rate
from datasel_core.errors import BadParameter
from tests.costs import simulated

HAND = Campaign(50, Rate(5), Rate(10), wage=Decimal(20))


def parts(found):
    return {one.name: (one.hours and one.hours.mid, one.money and one.money.mid) for one in found.parts}


def test_by_hand_without_anything_that_was_not_asked_for():
    """50 photos of 5 boxes of 10 s are 2,500 s; at 20 an hour."""
    found = plan(HAND)
    assert found.hours.plain() == pytest.approx({"low": 2500 / 3600, "mid": 2500 / 3600, "high": 2500 / 3600})
    assert float(found.money.mid) == pytest.approx(2500 / 3600 * 20)
    assert [one.name for one in found.parts] == ["labels"]
    assert (found.people, found.finish) == (None, None)
    assert document.notes(found) == [document.CERTAIN]


def test_by_hand_with_everything():
    """100 photos x 3 boxes x 12 s = 1 h. Twice: 2 h. 5 gold photos twice: .1 h. 10 of 100 decided, 36 s each: .1 h.
    20 % looked at for 18 s: .1 h. 2.3 h in all, at 30 an hour: 69.
    """
    campaign = Campaign(
        100,
        Rate(3),
        Rate(12),
        wage=Decimal(30),
        passes=2,
        adjudicated=0.1,
        adjudication_seconds=36,
        gold=0.05,
        review=0.2,
        review_seconds=18,
        people=2,
        hours_a_day=0.5,
        start=date(2026, 5, 1),  # a Friday
        deadline=date(2026, 5, 4),
    )
    found = plan(campaign)
    hours = {"labels": 1, "further passes": 1, "gold": 0.1, "adjudication": 0.1, "review": 0.1}
    assert {name: value[0] for name, value in parts(found).items()} == pytest.approx(hours)
    assert found.hours.mid == pytest.approx(2.3)
    assert float(found.money.mid) == pytest.approx(69)
    assert found.finish.mid == date(2026, 5, 5)  # 1 h a day: Friday, Monday, Tuesday
    assert found.people.mid == 3  # two days of half an hour: 1 h for each
    assert found.hours.low < 2.3 < found.hours.high  # how many disagree is chance


def test_by_hand_with_a_price_and_a_minimum_order():
    """200 boxes at .04 are 8; 500 are paid at least: 20; and an hour of adjudication at 30."""
    campaign = Campaign(50, Rate(4), price=Rate(0.04), minimum=500)
    found = plan(campaign)
    assert found.hours is None
    assert found.money.mid == Decimal("20.00")
    assert parts(found) == {"labels": (None, 8), "up to the minimum order": (None, 12)}
    assert plan(replace(campaign, minimum=100)).money.mid == 8
    more = replace(campaign, wage=Decimal(30), passes=2, adjudicated=1, adjudication_seconds=72)
    assert plan(more).money.mid == 50
    assert parts(plan(more))["adjudication"] == (1, 30)


def test_the_minimum_counts_at_each_end_of_a_price():
    found = plan(Campaign(100, Rate(4), price=Rate(0.05, low=0.02, high=0.1), minimum=500))
    assert [float(one) for one in (found.money.low, found.money.mid, found.money.high)] == pytest.approx([10, 25, 50])


def test_a_range_is_planned_at_both_ends():
    found = plan(Campaign(60, Rate(2), Rate(15, low=6, high=30)))
    assert found.hours.plain() == pytest.approx({"low": 0.2, "mid": 0.5, "high": 1.0})
    spread = plan(Campaign(60, Rate(2), Rate(15, 10, low=6, high=30)))
    assert spread.hours.low < 0.2 < 1.0 < spread.hours.high


def test_the_variance_of_a_sum_is_that_of_its_parts():
    """Written out: n (labels x var(seconds) + var(labels) x seconds^2)."""
    n, labels, seconds = 400, Rate(5, 3), Rate(10, 8)
    found = plan(Campaign(n, labels, seconds)).hours
    sd = np.sqrt(n * (5 * 8**2 + 3**2 * 10**2)) / 3600
    assert (found.high - found.low) / 2 == pytest.approx(1.6449 * sd, rel=0.01)


def test_passes_share_the_labels_of_an_item_but_not_the_seconds():
    one = plan(Campaign(400, Rate(5, 3), Rate(10, 8), passes=4)).hours
    sd = np.sqrt(400 * (4 * 5 * 8**2 + 4**2 * 3**2 * 10**2)) / 3600
    assert (one.high - one.low) / 2 == pytest.approx(1.6449 * sd, rel=0.01)


@pytest.mark.parametrize("n", [20, 300])
@pytest.mark.parametrize("cv", [0.5, 1.5])
def test_plans_from_a_pilot_of_30_hold_their_level(n, cv):
    """1,000 pilots, each with the campaign that follows; the standard error is .009. 10,000 are played in
    tests/benchmarks/plan_intervals.py.
    """
    held = simulated.by_pilot(np.random.default_rng(n), n, 40, cv, 30, 1000)
    assert 0.87 <= held <= 0.96


@pytest.mark.parametrize(("n", "cv", "passes"), [(20, 0.5, 1), (20, 1.5, 2), (300, 1.0, 3)])
def test_plans_from_known_means_and_spreads_hold_their_level(n, cv, passes):
    held = simulated.by_labels(np.random.default_rng(n), n, 10, cv, 5, 0.8, 1000, passes)
    assert 0.87 <= held <= 0.94


@pytest.mark.parametrize("n", [20, 2000])
def test_plans_by_price_hold_their_level(n):
    held = simulated.by_counted(np.random.default_rng(n), n, 4, 0.8, 30, 1000)
    assert 0.86 <= held <= 0.95


def test_a_pilot_of_more_items_gives_a_narrower_plan():
    def width(k):
        found = plan(Campaign(1000, seconds=Rate(40, 40, k), per="item")).hours
        return (found.high - found.low) / found.mid

    assert width(100) < width(30) < width(10)


def test_one_item_is_predicted_as_one_log_normal_number():
    """The exact interval of one more log-normal value: exp(m +- t s sqrt(1 + 1/k)); ours is no narrower."""
    from scipy import stats

    k, s2 = 30, np.log(2)
    found = plan(Campaign(1, seconds=Rate(40, 40, k), per="item")).hours
    reach = stats.t.ppf(0.95, k - 1) * np.sqrt(s2 * (1 + 1 / k))
    right = 40 * np.exp(-s2 / 2 + np.array([-reach, reach])) / 3600
    assert found.low == pytest.approx(right[0], rel=0.1)
    assert found.high == pytest.approx(right[1], rel=0.1)
    assert found.high > right[1]


@pytest.mark.parametrize("days_a_week", [1, 5, 7])
def test_working_days_against_counting_them(days_a_week):
    start = date(2026, 4, 30)
    for length in range(30):
        end = date.fromordinal(start.toordinal() + length)
        days = [date.fromordinal(start.toordinal() + at) for at in range(length + 1)]
        working = [day for day in days if day.weekday() < days_a_week]
        assert workdays.between(start, end, days_a_week) == len(working)
        if working:
            assert workdays.last(start, len(working), days_a_week) == working[-1]


def test_parts_of_money_add_up_to_their_sum():
    """Each third of 100 is 33.33; shown they are 33.34, 33.33 and 33.33."""
    found = plan(Campaign(3, Rate(1), Rate(3600), wage=Decimal("33.3333333"), passes=2, gold=1 / 3))
    rows = document.table(found)
    assert [one.money for one in rows] == ["100.00", "100.00", "66.67", "266.67"]
    assert sum(Decimal(one.money) for one in rows[:-1]) == Decimal(rows[-1].money)


def test_labels_that_do_not_matter_make_nothing_unsure():
    """Seconds of a whole item do not ask how many labels it has; a price does."""
    campaign = Campaign(9, Rate(3, 2), Rate(60), per="item", wage=Decimal(20))
    assert (campaign.is_uncertain, plan(campaign).money.is_point) == (False, True)
    assert document.rates(campaign).keys() == {"seconds_per_item"}
    priced = replace(campaign, price=Rate(0.1))
    assert (priced.is_uncertain, plan(priced).money.is_point) == (True, False)
    assert document.rates(priced).keys() == {"labels_per_item", "seconds_per_item", "price_per_label"}


def test_a_campaign_is_kept_and_read_again():
    campaign = Campaign(
        7,
        Rate(3, 1.5, 30, source="pilot"),
        Rate(4.25, low=4, high=5),
        wage=Decimal("12.30"),
        start=date(2026, 5, 1),
        deadline=date(2026, 6, 1),
    )
    assert Campaign.of(campaign.plain()) == campaign


SAID = {
    "items": [(0, "The number of items is 0; it must be at least 1.")],
    "wage": [
        (Decimal(0), "The wage is 0; it must be above 0."),
        (Decimal("-5"), "The wage is -5; it must be above 0."),
    ],
    "people": [(0, "The number of people is 0; it must be at least 1.")],
    "passes": [(0, "The number of passes is 0; it must be at least 1.")],
    "minimum": [
        (-1, "The minimum order is -1; it must be at least 0."),
        (5, "A minimum order belongs to a price per label; say the price, too."),
    ],
    "seconds": [(None, "Nothing says how long a label takes or what it costs; say one of them.")],
    "gold": [(1.5, "The gold share is 1.5; it must be a share from 0% to 100%.")],
    "adjudicated": [(0.1, "Only labels that disagree are adjudicated; that takes at least 2 passes.")],
    "review": [(0.1, "Say how many seconds a review of one item takes; it must be above 0.")],
    "hours_a_day": [(25, "Hours a day are 25; they must be above 0 and at most 24.")],
    "days_a_week": [(8, "Days a week are 8; they must be from 1 to 7.")],
    "level": [(0.999, "The level is 0.999; it must be from 0.5 to 0.99.")],
    "deadline": [(date(2026, 5, 1), "A deadline needs a start; say the day on which labelling begins.")],
    "currency": [("a" * 13, "The currency is a word of at most 12 letters, such as EUR.")],
}


@pytest.mark.parametrize(("field", "value", "right"), [(f, *one) for f, many in SAID.items() for one in many])
def test_what_makes_no_campaign_is_one_line(field, value, right):
    with pytest.raises(BadParameter) as error:
        replace(HAND, **{field: value})
    assert str(error.value) == right


def test_more_that_makes_no_campaign():
    start = date(2026, 5, 2)  # a Saturday
    for changes, right in (
        ({"start": start, "deadline": date(2026, 5, 1)}, "The deadline 2026-05-01 is before the start 2026-05-02."),
        ({"start": start, "deadline": date(2026, 5, 3)}, "There is no working day from 2026-05-02 to 2026-05-03."),
        (
            {"price": Rate(1), "wage": None, "review": 0.1, "review_seconds": 5},
            "A price per label does not pay a review; say a wage per hour, too.",
        ),
    ):
        with pytest.raises(BadParameter) as error:
            replace(HAND, **changes)
        assert str(error.value) == right
    with pytest.raises(BadParameter, match="more than a hundred years"):
        plan(replace(HAND, items=10**9, start=start))


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"mid": 0}, "A rate of 0 with spread 0.0 will not do; the first must be above 0."),
        ({"mid": 5, "low": 6, "high": 7}, "The rate 5 lies outside its own range, 6 to 7."),
        ({"mid": 5, "k": 30, "low": 4, "high": 7}, "A rate has a range or was measured; it cannot be both."),
    ],
)
def test_what_is_no_rate_is_one_line(given, right):
    with pytest.raises(BadParameter) as error:
        Rate(**given)
    assert str(error.value) == right
