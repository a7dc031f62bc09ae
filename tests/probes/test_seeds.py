"""What several seeds say together, against SciPy's own interval."""

import numpy as np
import pytest
from scipy import stats

from datasel_core.probes.numbers.seeds import SHARE, of_seeds


def test_the_interval_is_that_of_the_mean_of_the_seeds(rng):
    values = rng.normal(3, 1, (6, 40))
    found = of_seeds("loss", values)
    mean = values.mean(axis=1)
    low, high = stats.t.interval(0.95, 5, loc=mean.mean(), scale=stats.sem(mean))
    assert (found["loss"], found["loss_low"], found["loss_high"]) == pytest.approx((mean.mean(), low, high), abs=2e-6)
    assert found["loss_sd"] == pytest.approx(mean.std(ddof=1), abs=1e-6)


def test_the_interval_of_a_share_ends_where_shares_end(rng):
    """Nearly all right, by three seeds: the interval of the mean alone would say more than all."""
    nearly = np.array([[1.0, 1.0], [1.0, 0.9], [1.0, 1.0]])
    assert of_seeds("right", nearly)["right_high"] > 1
    for values, end in ((nearly, "right_high"), (1 - nearly, "right_low")):
        free, cut = of_seeds("right", values), of_seeds("right", values, SHARE)
        assert cut[end] == (1.0 if end == "right_high" else 0.0)
        assert {name: one for name, one in cut.items() if name != end} == {
            name: one for name, one in free.items() if name != end
        }
