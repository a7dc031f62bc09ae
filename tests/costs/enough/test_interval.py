"""The interval of a learning curve holds the truth where it is known: a small version of the benchmark."""

import pytest

from tests.benchmarks.enough_coverage import Photos, intervals, split


@pytest.mark.skipif(Photos.read() is None, reason="the real photos are not there")
def test_the_interval_holds_the_truth_of_real_photos():
    """Six splits, four seeds each, twice and 4.5 times the labels: 90 % are meant, nine of these twelve asked."""
    photos, right, widths = Photos.read(), 0, []
    for seed in range(6):
        found = split(photos, seed, seeds=4)
        for n, (low, mid, high) in intervals(found, times=80).items():
            right += low <= found.truths[n] <= high
            widths.append(high - low)
            assert low <= mid <= high
    assert len(widths) == 12
    assert right >= 9
    assert max(widths) < 0.4  # an interval of everything would hold all
