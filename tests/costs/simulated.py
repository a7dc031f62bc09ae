"""Labelling campaigns that are played: single items and labels are drawn one by one, nothing follows a formula."""

import numpy as np

from datasel_core.costs.campaign import Campaign
from datasel_core.costs.plan import plan
from datasel_core.costs.rates import Rate
from datasel_core.costs.timings import Timing, fit


def log_normal(rng: np.random.Generator, mean: float, cv: float, size) -> np.ndarray:
    """cv: standard deviation over mean."""
    s2 = np.log1p(cv**2)
    return rng.lognormal(np.log(mean) - s2 / 2, np.sqrt(s2), size)


def counts(rng: np.random.Generator, mean: float, cv: float, size) -> np.ndarray:
    """Whole numbers with this mean and standard deviation over mean, at least Poisson: negative binomial."""
    more = (mean * cv) ** 2 - mean
    if more <= 0:
        return rng.poisson(mean, size)
    shape = mean**2 / more
    return rng.negative_binomial(shape, shape / (shape + mean), size)


def _held(found, hours: float) -> bool:
    return found.hours.low <= hours <= found.hours.high


def by_labels(
    rng, n: int, mean: float, cv: float, labels: float, labels_cv: float, times: int, passes: int = 1
) -> float:
    """How often a plan from known means and spreads holds: share of so many campaigns."""
    spread = np.sqrt(max(labels, (labels * labels_cv) ** 2))
    campaign = Campaign(n, Rate(labels, float(spread)), Rate(mean, mean * cv), passes=passes)
    found, held = plan(campaign), 0
    for _ in range(times):
        many = passes * int(counts(rng, labels, labels_cv, n).sum())
        held += _held(found, log_normal(rng, mean, cv, many).sum() / 3600)
    return held / times


def by_pilot(rng, n: int, mean: float, cv: float, k: int, times: int, law=log_normal) -> float:
    """How often a plan made from a pilot of k items holds the campaign that follows; a pilot of its own for each."""
    held = 0
    for _ in range(times):
        timed = fit([Timing(str(at), "", float(s)) for at, s in enumerate(law(rng, mean, cv, k))], "pilot")
        found = plan(Campaign(n, seconds=timed.seconds, per="item"))
        held += _held(found, law(rng, mean, cv, n).sum() / 3600)
    return held / times


def by_counted(rng, n: int, labels: float, labels_cv: float, k: int, times: int) -> float:
    """The same of money, where a label has a price and a pilot counted the objects."""
    held = 0
    for _ in range(times):
        seen = counts(rng, labels, labels_cv, k)
        if not seen.any():
            held += 1  # the pilot says that it cannot plan
            continue
        timed = fit([Timing(str(at), "", 5.0, int(many)) for at, many in enumerate(seen)], "pilot")
        money = plan(Campaign(n, labels=timed.objects, price=Rate(0.04))).money
        held += float(money.low) <= 0.04 * counts(rng, labels, labels_cv, n).sum() <= float(money.high)
    return held / times
