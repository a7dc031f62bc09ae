"""Days on which people work: the first so many of each week, from Monday on."""

from datetime import date, timedelta

from datasel_core.errors import BadParameter

_MOST = 36_500
"""Days that anything is planned ahead: a hundred years."""


def between(start: date, end: date, days_a_week: int) -> int:
    """How many working days there are from `start` to `end`, both among them."""
    weeks, rest = divmod((end - start).days + 1, 7)
    return weeks * days_a_week + sum((start.weekday() + at) % 7 < days_a_week for at in range(rest))


def last(start: date, days: int, days_a_week: int) -> date:
    """The last of so many working days, at least one, from `start` on. Raises BadParameter beyond a hundred years."""
    weeks = max(0, (days - 1) // days_a_week)
    if 7 * weeks > _MOST:
        raise BadParameter("This would take more than a hundred years; plan with more people or fewer samples.")
    day, left = start + timedelta(weeks=weeks), days - weeks * days_a_week
    for _ in range(14):
        left -= day.weekday() < days_a_week
        if left <= 0:
            break
        day += timedelta(days=1)
    return day
