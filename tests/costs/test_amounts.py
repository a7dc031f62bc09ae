"""Numbers as they are typed: one way to read each, whatever the country."""

from decimal import Decimal

import pytest

from datasel_core.costs import amounts
from datasel_core.errors import BadParameter


@pytest.mark.parametrize(("said", "right"), [("12", "12"), (" 12.50 ", "12.50"), (".04", "0.04"), ("+3", "3")])
def test_numbers_are_read(said, right):
    assert amounts.positive("wage", said) == Decimal(right)


@pytest.mark.parametrize("said", ["1.234,5", "1,234", "12,5", "1'000", "1 000", "ten", "", "1e3", "nan", "٣", "1" * 16])
def test_what_two_countries_read_otherwise_is_refused(said):
    with pytest.raises(BadParameter) as error:
        amounts.positive("wage", said)
    right = f"The wage is {said.strip()[:40]!r}; write it with digits and a dot for decimals, as in 1234.5."
    assert str(error.value) == right


@pytest.mark.parametrize(
    ("read", "said", "right"),
    [
        (amounts.positive, "0", "The x is 0; it must be above 0."),
        (amounts.positive, "-12", "The x is -12; it must be above 0."),
        (amounts.not_negative, "-1", "The x is -1; it must not be below 0."),
        (amounts.span, "35-7", "The x is 35-7; the first number of a range is the lower one."),
        (amounts.share, "120%", "The x is 120%; it must be a share from 0% to 100%, such as 5%."),
        (amounts.share, "-5%", "The x is -5%; it must be a share from 0% to 100%, such as 5%."),
        (amounts.share, "5", "The x is 5; it must be a share from 0% to 100%, such as 5%."),
        (amounts.day, "1.5.2026", "The x is '1.5.2026'; write year-month-day, as in 2026-05-01."),
    ],
)
def test_what_is_refused_says_what_would_be_right(read, said, right):
    with pytest.raises(BadParameter) as error:
        read("x", said)
    assert str(error.value) == right


def test_ranges_and_shares():
    assert amounts.span("seconds", "7-35") == amounts.span("seconds", "7 to 35.0") == (7, 35)
    assert amounts.span("seconds", "10") == (10, 10)
    assert amounts.share("gold", "5%") == amounts.share("gold", ".05") == 0.05


def test_rounded_numbers_add_up():
    third = [Decimal(100) / 3] * 3
    assert amounts.rounded(third) == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert amounts.rounded([]) == []


def test_amounts_in_words():
    assert amounts.amount(Decimal("1243.5"), "EUR") == "1,244 EUR"
    assert amounts.amount(12.5) == "12.50"
    values = (1243.17, 98.765, 9.8765, 0.69444, 0.0001234, 0)
    assert [amounts.short(value) for value in values] == ["1,240", "98.8", "9.88", "0.694", "0.0001", "0"]
