"""Internal variability: the numbers that the published procedure finds on real fields, and the laws of draws."""

import functools

import numpy as np
import pytest
from scipy import stats

from datasel_core.analysis.climate.emulators import autoregression, covariance, forced, variability
from datasel_core.analysis.climate.emulators.autoregression import Autoregression
from datasel_core.analysis.climate.emulators.training import Training
from tests.analysis.climate.emulators import real

PUBLISHED_KM = 2000


def published(name: str):
    import xarray as xr

    with xr.open_dataset(real.climate() / "variability_ssp126" / f"{name}.nc") as file:
        return file.load()


@functools.cache
def fitted() -> tuple[variability.Variability, np.ndarray]:
    """On historical and ssp126 r1, the cells that the published parameters have; and the positions of those cells."""
    latitude, longitude, weight = real.grid()
    wanted = published("local-trends")
    place = {(lat, lon): at for at, (lat, lon) in enumerate(zip(latitude, longitude, strict=True))}
    cells = [place[lat, lon % 360] for lat, lon in zip(wanted.lat.values, wanted.lon.values, strict=True)]
    parts = [real.run("historical"), real.run("ssp126")]
    fields = np.concatenate([one.field for one in parts])
    fields[:, np.setdiff1d(np.arange(400), cells)] = np.nan
    year = np.concatenate([one.year for one in parts])
    found = variability.fit(
        fields,
        np.concatenate([one.gmst for one in parts]),
        weight,
        np.repeat(["historical", "ssp126"], [len(one.year) for one in parts]),
        year=year,
        distance=covariance.distances(latitude, longitude),
        depth=real.aerosol_depth(year),
        radii=[1750, PUBLISHED_KM],
    )
    return found, np.array(cells)


def test_volcanoes_and_the_globe_are_the_published_ones():
    found, _ = fitted()
    globe = published("global-variability")
    assert found.volcanic == pytest.approx(float(published("volcanic").aod), abs=1e-10)
    assert found.globe.coefficients == pytest.approx(globe.coeffs.values, abs=1e-10)
    assert found.globe.intercept == pytest.approx(float(globe.intercept), abs=1e-10)
    assert found.globe.variance == pytest.approx(float(globe.variance), abs=1e-10)


def test_trends_and_what_is_left_are_the_published_ones():
    found, cells = fitted()
    trends, local = published("local-trends"), published("local-variability")
    pairs = {
        "intercept": (found.intercept, trends.intercept),
        "forced": (found.slope[0], trends.tas),
        "residual": (found.slope[1], trends.tas_resids),
        "local intercept": (found.local_intercept, local.intercept),
        "local coefficient": (found.local_coefficient, local.coeffs[:, 0]),
        "local variance": (found.local_variance, local.variance),
    }
    for name, (ours, theirs) in pairs.items():
        assert ours[cells] == pytest.approx(theirs.values, abs=1e-10), name
        assert np.isnan(np.delete(ours, cells)).all(), name


def test_covariances_are_the_published_ones():
    found, cells = fitted()
    wanted = published("covariance")
    order = np.argsort(np.argsort(cells))  # the published order among our known cells, which ascend
    assert found.km == int(wanted.localization_radius)
    for ours, name in (
        (found.whole, "covariance"),
        (found.localized, "localized_covariance"),
        (found.noise, "localized_covariance_adjusted"),
    ):
        assert ours[np.ix_(order, order)] == pytest.approx(wanted[name].values, abs=1e-10), name


def test_the_published_radius_is_the_largest_that_was_tried():
    """On these 118 cells the likelihood rises far beyond 2,000 km; a choice at the end of what was tried is told."""
    found, _ = fitted()
    assert found.radius.at_end
    assert found.radius.losses[0] > found.radius.losses[1]


def test_the_real_emulator_draws_around_its_mean():
    found, cells = fitted()
    driver = real.run("ssp126").gmst
    drawn = found.draw(driver, 40, np.random.default_rng(3))
    assert drawn.shape == (40, 86, 400)
    assert np.isfinite(drawn[:, :, cells]).all()
    assert np.isnan(np.delete(drawn, cells, axis=2)).all()
    mean = found.intercept + found.slope[0] * forced.smooth(driver)[:, None]
    assert np.nanmean(drawn - mean) == pytest.approx(0, abs=0.1)


def test_smoothing_is_a_local_line_with_tricube_weights(rng):
    series = np.cumsum(rng.standard_normal(120))
    found, year = forced.smooth(series), np.arange(120.0)
    for at in range(120):
        away = np.abs(year - at)
        near = np.sort(away)[forced.SPAN - 1]
        weight = np.clip(1 - (away / near) ** 3, 0, None) ** 3
        slope, level = np.polyfit(year, series, 1, w=np.sqrt(weight))
        assert found[at] == pytest.approx(level + slope * at, abs=1e-8)
    assert forced.smooth(2 * year[:20] + 1) == pytest.approx(2 * year[:20] + 1)  # a line of few years is itself
    assert forced.smooth(series[:2]) == pytest.approx(series[:2])


def test_gaspari_cohn_is_the_convolution_of_two_cones():
    """Their equation 4.10 is the correlation in space of two balls whose density falls linearly (their section 4.3)."""
    step = 0.05
    axis = np.arange(-1, 1 + step / 2, step) + step / 2

    def cone(x, y, z):
        return np.clip(1 - np.sqrt(x**2 + y**2 + z**2), 0, None)

    x, y, z = np.meshgrid(np.arange(-1, 3, step) + step / 2, axis, axis, indexing="ij")
    here = cone(x, y, z)
    for r in (0.3, 0.7, 1.0, 1.4, 1.9):
        found = (here * cone(x - r, y, z)).sum() / (here**2).sum()
        assert covariance.gaspari_cohn(r) == pytest.approx(found, abs=2e-3)
    assert covariance.gaspari_cohn(np.array([0, 2, 2.5, 40])).tolist() == [1, 0, 0, 0]
    assert covariance.gaspari_cohn(1 - 1e-9) == pytest.approx(covariance.gaspari_cohn(1 + 1e-9), abs=1e-7)


def test_the_radius_is_the_first_dip_of_a_slow_likelihood(rng):
    distance = np.abs(np.subtract.outer(np.arange(12), np.arange(12))) * 100.0
    true = np.exp(-((distance / 250) ** 2)) + 0.3 * np.eye(12)
    residual, weight = rng.multivariate_normal(np.zeros(12), true, 64), rng.uniform(0.5, 2, 64)
    radii = [50, 100, 200, 300, 400, 800, 1600, 3200]
    slow = []
    for km in radii:
        total, taper = 0.0, covariance.gaspari_cohn(distance / km)
        for fold in range(30):
            out = np.arange(64) % 30 == fold
            inside = np.cov(residual[~out].T, aweights=weight[~out]) * taper
            law = stats.multivariate_normal(np.zeros(12), inside)
            total -= (law.logpdf(residual[out]) * weight[out] / weight.mean()).sum()
        slow.append(total)
    first = next(at for at in range(1, len(slow)) if slow[at + 1 : at + 2] and slow[at + 1] > slow[at])
    found = covariance.radius(residual, weight, distance, radii)
    assert 0 < first < len(radii) - 1
    assert found.km == radii[first]
    assert found.losses == pytest.approx(slow[: first + 2])
    assert not found.at_end
    assert covariance.radius(residual, weight, distance, radii[: first + 1]).at_end


def test_distances_are_those_of_the_ellipsoid():
    """A quarter of the meridian of WGS84 is 10,001.966 km; a degree of its equator 111.3195 km."""
    found = covariance.distances([0, 90, 0, 0], [0, 0, 1, 360])
    assert found[0, 1] == pytest.approx(10_001.9657, abs=1e-3)
    assert found[0, 2] == pytest.approx(111.3195, abs=1e-4)
    assert found[0, 3] == pytest.approx(0, abs=1e-9)


def test_what_is_drawn_in_the_cells_has_the_covariance_that_was_measured(rng):
    """The known error of public code: noise that covaries as the residuals themselves do makes each cell vary
    1 / (1 - phi^2) times as much; the coefficient is squared. 4,000 members, five sigma.
    """
    phi = np.array([0.1, 0.5, 0.8])
    whole = np.array([[1.0, 0.5, 0.3], [0.5, 2.0, 0.6], [0.3, 0.6, 1.5]])
    noise = covariance.innovations(whole, phi)
    emulator = made(phi, whole, noise)
    left = emulator.draw(np.zeros((20, 2)), 4000, np.random.default_rng(11))
    theory = covariance.stationary(noise, phi)
    assert np.diag(theory) == pytest.approx(np.diag(whole), rel=1e-12)
    assert (np.abs(theory) <= np.abs(whole) + 1e-12).all()
    at = left[:, [0, 19]]  # the first year and the last: it has settled before the first
    for year in (0, 1):
        found = np.cov(at[:, year].T)
        error = np.sqrt((theory**2 + np.outer(np.diag(theory), np.diag(theory))) / 4000)
        assert (np.abs(found - theory) < 5 * error).all(), year
    lagged = np.mean(left[:, 1:] * left[:, :-1], axis=(0, 1))
    assert lagged == pytest.approx(phi * np.diag(whole), abs=0.03)


def made(phi, whole, noise, globe=None) -> variability.Variability:
    """An emulator with these parameters, whose global residual is next to nothing unless one is given."""
    cells = len(phi)
    return variability.Variability(
        intercept=np.zeros(cells),
        slope=np.ones((2, cells)),
        volcanic=0.0,
        globe=globe or Autoregression(0.0, np.zeros(0), 1e-30),
        local_intercept=np.zeros(cells),
        local_coefficient=np.asarray(phi, float),
        local_variance=np.diag(noise),
        known=np.ones(cells, bool),
        whole=whole,
        localized=whole,
        noise=noise,
        km=1.0,
        radius=None,
    )


def test_the_globe_is_drawn_from_where_it_settles():
    """AR(2): mean c / (1 - a - b), variance by Yule and Walker, from the first year on; 5 sigma."""
    a, b, level, variance = 0.52, -0.26, 0.02, 0.0123
    law = Autoregression(level, np.array([a, b]), variance)
    rng = np.random.default_rng(5)
    drawn = np.array([law.draw(rng.standard_normal(law.spin_up() + 3)) for _ in range(8000)])
    first = a / (1 - b)
    wanted = variance / (1 - a * first - b * (b + a * first))
    assert law.mean() == pytest.approx(level / (1 - a - b))
    for year in range(3):
        assert drawn[:, year].mean() == pytest.approx(law.mean(), abs=5 * np.sqrt(wanted / 8000))
        assert drawn[:, year].var() == pytest.approx(wanted, rel=5 * np.sqrt(2 / 8000))
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(first, abs=5 / np.sqrt(8000))


def test_members_do_not_hang_on_how_many_follow(rng):
    emulator = made([0.2, 0.6], np.eye(2), np.diag([0.96, 0.64]), Autoregression(0.1, np.array([0.5]), 0.3))
    few = emulator.draw(np.zeros((5, 2)), 2, np.random.default_rng(1))
    many = emulator.draw(np.zeros((5, 2)), 6, np.random.default_rng(1))
    assert (few == many[:2]).all()
    assert (few[0] != few[1]).all()


def world(rng, years=90):
    """Two members of a history and one of a scenario in five cells: what they are made of is known."""
    names = np.repeat(["historical", "historical", "ssp585"], years)
    member = np.repeat(["r1", "r2", "r1"], years)
    year = np.concatenate([np.tile(np.arange(1900, 1900 + years), 2), np.arange(2015, 2015 + years)])
    trend = np.concatenate([np.tile(np.linspace(0, 1, years), 2), np.linspace(1, 4, years)])
    driver = trend + 0.15 * rng.standard_normal(3 * years)
    slope = np.array([0.5, 1, 1.5, 2, 0.8])
    distance = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0))) * 500
    noise = rng.multivariate_normal(np.zeros(5), np.exp(-distance / 1000), 3 * years)
    return slope * driver[:, None] + 0.3 * noise, driver, names, member, year, distance


def test_members_share_what_is_forced_and_order_of_rows_is_nothing(rng):
    fields, driver, names, member, year, distance = world(rng)
    training = Training.of(fields, driver, np.ones(5), names, member, year)
    parts = forced.split(training)
    assert (parts.forced[:90] == parts.forced[90:180]).all()
    assert parts.forced[:90] == pytest.approx(forced.smooth((driver[:90] + driver[90:180]) / 2), abs=1e-12)
    assert parts.forced + parts.residual == pytest.approx(driver, abs=1e-12)
    fit = functools.partial(variability.fit, distance=distance)
    found = fit(fields, driver, np.ones(5), names, member, year)
    mixed = rng.permutation(len(year))
    again = fit(fields[mixed], driver[mixed], np.ones(5), names[mixed], member[mixed], year[mixed], radii=[found.km])
    assert again.noise == pytest.approx(found.noise, abs=1e-12)
    assert again.slope == pytest.approx(found.slope, abs=1e-12)
    assert again.globe.coefficients == pytest.approx(found.globe.coefficients, abs=1e-12)
    assert np.abs(found.slope[0] - [0.5, 1, 1.5, 2, 0.8]).max() < 0.1


def test_volcanoes_are_told_by_the_depth_alone(rng):
    """One coefficient for all runs, least squares through 0 on what members are away from the smooth curve."""
    fields, driver, names, member, year, _ = world(rng)
    depth = np.where(np.isin(year, [1915, 1963, 1964]), 0.1, 0.0)
    training = Training.of(fields, driver - 2.5 * depth, np.ones(5), names, member, year)
    calm, found = forced.split(training), forced.split(training, depth)
    wanted = np.linalg.lstsq(depth[:, None], calm.residual, rcond=None)[0][0]
    assert found.volcanic == pytest.approx(wanted)
    assert found.volcanic == pytest.approx(-2.5, abs=1.5)
    assert found.forced == pytest.approx(calm.forced + wanted * depth, abs=1e-12)
    assert found.forced + found.residual == pytest.approx(driver - 2.5 * depth, abs=1e-12)


def test_the_order_that_made_a_series_is_found(rng):
    truth = Autoregression(0.0, np.array([0.5, -0.5, 0.4]), 1.0)
    series = [truth.draw(rng.standard_normal(truth.spin_up() + 500)) for _ in range(3)]
    groups = [forced.Run("a", "1", np.arange(500)), forced.Run("a", "2", np.arange(500))]
    groups.append(forced.Run("b", "1", np.arange(500)))
    assert autoregression.order(series, groups) == 3
    found = autoregression.autoregression(series, groups, 3)
    alone = [autoregression.autoregression([one], groups[:1], 3).coefficients for one in series]
    assert found.coefficients == pytest.approx((alone[0] + alone[1]) / 4 + alone[2] / 2)
    assert found.coefficients == pytest.approx(truth.coefficients, abs=0.12)


def test_local_autoregressions_are_those_of_a_library(rng):
    from statsmodels.tsa.ar_model import AutoReg

    left = np.cumsum(rng.standard_normal((70, 2)), axis=0)
    groups = [forced.Run("a", "1", np.arange(30)), forced.Run("b", "1", np.arange(30, 70))]
    found = autoregression.first_order(left, groups)
    for cell in range(2):
        fits = [AutoReg(left[one.rows, cell], 1).fit() for one in groups]
        wanted = np.mean([[*one.params, one.sigma2] for one in fits], axis=0)
        assert found[:, cell] == pytest.approx(wanted, abs=1e-10)


def test_what_has_no_variability_to_learn_is_refused_in_one_line(rng):
    fields, driver, names, member, year, distance = world(rng)
    keep = np.delete(np.arange(len(year)), 40)

    def fit(rows=slice(None), values=fields, **changes):
        options = {"distance": distance, **changes}
        drivers = options.pop("driver", driver)
        return variability.fit(
            values[rows], drivers[rows], np.ones(5), names[rows], member[rows], year[rows], **options
        )

    still = fields.copy()
    still[:, 2] = 7.0
    cases = [
        (lambda: fit(keep), "In historical/r1 the year 1941 follows 1939; internal variability needs consecutive"),
        (lambda: fit(slice(70, 180)), "historical/r1 has 20 years; internal variability needs at least 30"),
        (lambda: fit(driver=np.c_[driver, driver]), "has 2 columns; internal variability goes by the global mean"),
        (lambda: fit(distance=distance[1:]), r"shape \(4, 5\); they must be km between 5 cells"),
        (lambda: fit(values=still), "1 cells do not vary beyond their trend"),
        (lambda: fit(depth=np.zeros(270)), "aerosol depth is 0 in every year"),
        (lambda: fit(depth=np.full(270, -1.0)), "must be one finite number of at least 0"),
        (lambda: fit(radii=[2000, 1000]), "from small to large"),
        (lambda: fit().draw(driver[:90], 0, rng), "members is 0; it must be at least 1"),
        (lambda: autoregression.steps(1.02), "root of modulus 1.0200, so what it draws would not settle"),
        (lambda: covariance.root(np.ones((2, 2))), "localised covariance has no root"),
        (lambda: covariance.distances([91], [0]), "latitudes from -90 to 90"),
    ]
    for call, words in cases:
        with pytest.raises((ValueError, RuntimeError), match=words):
            call()
