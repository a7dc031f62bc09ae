"""Scores of climate emulators as written down, one cell, year and member at a time; slow and obviously right."""

import math


def weights(lat):
    shares = [math.cos(math.pi * one / 180) for one in lat]
    return [one / math.fsum(shares) for one in shares]


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def area(row, weight):
    """Of one field; cells without a value do not count, nor do their weights."""
    there = [(value, share) for value, share in zip(row, weight, strict=True) if not math.isnan(value)]
    return math.fsum(value * share for value, share in there) / math.fsum(share for _, share in there)


def rmse_s(truth, predicted, weight):
    gone = [mean(p[c] for p in predicted) - mean(t[c] for t in truth) for c in range(len(weight))]
    return math.sqrt(area([one**2 for one in gone], weight))


def rmse_g(truth, predicted, weight):
    return math.sqrt(mean((area(t, weight) - area(p, weight)) ** 2 for t, p in zip(truth, predicted, strict=True)))


def norm(truth, weight):
    return abs(area([mean(t[c] for t in truth) for c in range(len(weight))], weight))


def mse(truth, predicted, weight):
    return mean(
        area([(b - a) ** 2 for a, b in zip(t, p, strict=True)], weight) for t, p in zip(truth, predicted, strict=True)
    )


def line(y, x):
    """Slope and intercept of least squares."""
    at, over = mean(x), mean(y)
    slope = math.fsum((a - at) * (b - over) for a, b in zip(x, y, strict=True)) / math.fsum((a - at) ** 2 for a in x)
    return slope, over - slope * at


def crps(truth, law, low, high, steps=60_000):
    """The integral of (law(x) - [x >= truth])^2, by the midpoint rule."""
    width = (high - low) / steps
    points = (low + (at + 0.5) * width for at in range(steps))
    return width * math.fsum((law(x) - (x >= truth)) ** 2 for x in points)


def crps_fair(truth, members):
    m = len(members)
    pairs = math.fsum(abs(a - b) for a in members for b in members)
    return mean(abs(one - truth) for one in members) - pairs / (2 * m * (m - 1))


def spread_skill(truth, members, weight):
    m, cells = len(members), range(len(weight))
    variances, squares = [], []
    for year in range(len(truth)):
        row, square = [], []
        for cell in cells:
            values = [one[year][cell] for one in members]
            middle = mean(values)
            row.append(math.fsum((one - middle) ** 2 for one in values) / (m - 1))
            square.append((middle - truth[year][cell]) ** 2)
        variances.append(area(row, weight))
        squares.append(area(square, weight))
    return math.sqrt((m + 1) / m * mean(variances) / mean(squares))


def influence(fields, driver, at, truth, truth_driver, weight):
    """Of one year on a reference: mean squared error of pattern scaling without it, less that with it; both fitted."""
    without = [year for year in range(len(driver)) if year != at]
    found = []
    for years in (without, range(len(driver))):
        lines = [line([fields[y][c] for y in years], [driver[y] for y in years]) for c in range(len(weight))]
        made = [[a + b * x for b, a in lines] for x in truth_driver]
        found.append(mse(truth, made, weight))
    return found[0] - found[1]
