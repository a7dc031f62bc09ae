"""The energy balance against published numbers, the differential equations, and the laws of its noise."""

import csv
import json

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from datasel_core.analysis.climate.energy_balance import EnergyBalance
from datasel_core.errors import BadInput, BadParameter
from tests.conftest import conformance, real_data

MADE = EnergyBalance((5.0, 12.0, 90.0), (1.1, 2.2, 0.8), 1.25, 2.0, 0.6, 0.45, 7.6)


def fits() -> dict[str, EnergyBalance]:
    """Model/run -> what Cummins et al. fitted to its abrupt-4xCO2."""
    if real_data() is None or not (real_data() / "climate").is_dir():
        pytest.skip("the published energy balance numbers are not here")
    with open(real_data() / "climate" / "4xCO2_cummins_ebm3.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        of = {name: float(value) for name, value in row.items() if name not in ("model", "run", "conv")}
        found[f"{row['model']}/{row['run']}"] = EnergyBalance(
            (of["C1"], of["C2"], of["C3"]),
            (of["kappa1"], of["kappa2"], of["kappa3"]),
            of["epsilon"],
            of["gamma"],
            of["sigma_eta"],
            of["sigma_xi"],
            of["F_4xCO2"],
        )
    return found


def published(name: str) -> np.ndarray:
    return np.loadtxt(real_data() / "climate" / f"ebm3_cams-csm1-0_{name}.txt")


@pytest.fixture
def cams():
    return fits()["CAMS-CSM1-0/r1i1p1f1"]


def test_sensitivities_timescales_and_responses_are_published_ones(cams):
    said = json.loads((conformance() / "golden.json").read_text(encoding="utf-8"))["ebm3_cams_csm1"]
    assert cams.ecs() == pytest.approx(said["ecs"], rel=said["rtol"])
    assert cams.tcr() == pytest.approx(said["tcr"], rel=said["rtol"])
    assert [cams.ecs(), cams.tcr()] == pytest.approx(published("ecs_tcr"), rel=1e-8)
    timescale, response = cams.modes
    assert timescale == pytest.approx(published("timescales"), rel=1e-8)
    assert response == pytest.approx(published("response_coefficients"), rel=1e-8)


def test_temperatures_follow_from_published_disturbances(cams):
    """`stochastic_d`: what noise adds to forcing and layers in each of five steps without forcing; `temperature`: from
    0 on. The last disturbance acts after what is in the file.
    """
    drawn, said = published("stochastic_d"), published("temperature")
    state = cams.run(np.zeros(5), drawn)
    assert state[:5, 1:] == pytest.approx(said, abs=1e-10)
    # They are draws of numpy's old generator, seed 23, from the covariance of a step: ours is that covariance.
    old = np.random.RandomState(23).multivariate_normal(np.zeros(4), cams.step()[2], 5)  # noqa: NPY002
    assert old == pytest.approx(drawn, abs=1e-7)


def test_every_published_fit_is_stable_and_its_noise_is_a_covariance():
    """gamma goes up to 28 and beyond, where the exponential of the doubled matrix loses all digits."""
    every = fits()
    assert len(every) == 66
    for name, one in every.items():
        timescale, response = one.modes
        assert (timescale > 0).all(), name
        assert one.ecs() == pytest.approx(0.5 * one.forcing_4co2 / one.heat_transfer[0], rel=1e-9), name
        assert 0 < one.tcr() < one.ecs(), name
        assert np.linalg.eigvalsh(one.step()[2]).min() > -1e-12, name


@pytest.mark.parametrize("years", [1.0, 0.25, 7.0])
def test_a_step_solves_the_equations(years):
    """Against a Runge-Kutta integration of the four equations, layer by layer, with forcing that changes every step."""
    c, k = MADE.heat_capacity, MADE.heat_transfer
    forcing, state = (
        np.array([3.0, -1.0, 5.0]),
        MADE.run(np.array([3.0, -1.0, 5.0]), start=[0.5, 1, 0.5, 0.2], years=years),
    )

    def change(_, y, u):
        f, one, two, three = y
        first, second = k[1] * (one - two), k[2] * (two - three)
        return [
            -MADE.autocorrelation * (f - u),
            (f - k[0] * one - first) / c[0],
            (first - MADE.efficacy * second) / c[1],
            second / c[2],
        ]

    y = np.array([0.5, 1, 0.5, 0.2])
    for at, u in enumerate(forcing):
        y = solve_ivp(change, (0, years), y, args=(u,), rtol=1e-10, atol=1e-12).y[:, -1]
        assert state[at + 1] == pytest.approx(y, abs=1e-7)


def test_what_is_taken_up_is_what_the_layers_gain():
    """Fine steps: the heat content of all layers grows by the flux at the top."""
    state = MADE.run(np.linspace(0, 8, 4000), years=0.01)
    heat = state[:, 1:] @ np.array(MADE.heat_capacity)
    assert np.diff(heat) / 0.01 == pytest.approx((MADE.uptake(state)[1:] + MADE.uptake(state)[:-1]) / 2, abs=1e-4)


def test_sensitivities_are_those_of_long_runs():
    """TCR by forcing that grows evenly, in fine steps, acting at once; ECS at the end of 20,000 years."""
    quick = EnergyBalance(MADE.heat_capacity, MADE.heat_transfer, MADE.efficacy, 400.0, 0.0, 0.0, MADE.forcing_4co2)
    assert quick.run(np.full(20_000, 3.8))[-1, 1] == pytest.approx(quick.ecs(), rel=1e-9)
    end = np.log(2) / np.log(1.01)
    steps = 4000
    ramp = 3.8 * (np.arange(steps) + 0.5) / steps
    assert quick.run(ramp, years=end / steps)[-1, 1] == pytest.approx(quick.tcr(), rel=1e-3)


def test_noise_has_its_covariance_and_its_memory():
    rng = np.random.default_rng(5)
    turned, _, added = MADE.step()
    # Euler-Maruyama in 500 parts of a year: the covariance of what a year adds, to sampling error.
    state, part = np.zeros((4, 20_000)), 1 / 500
    slow = np.zeros((4, 4))
    slow[0, 0], slow[1, 0], slow[1:, 1:] = -MADE.autocorrelation, 1 / MADE.heat_capacity[0], MADE.matrix
    for _ in range(500):
        push = np.zeros_like(state)
        push[0] = MADE.forcing_noise * rng.standard_normal(20_000)
        push[1] = MADE.weather / MADE.heat_capacity[0] * rng.standard_normal(20_000)
        state = state + part * slow @ state + np.sqrt(part) * push
    size = np.sqrt(np.diag(added))
    assert np.cov(state) / np.outer(size, size) == pytest.approx(added / np.outer(size, size), abs=0.05)
    drawn = MADE.draw(40_000, rng)
    assert np.cov(drawn.T) / np.outer(size, size) == pytest.approx(added / np.outer(size, size), abs=0.03)
    # Stationary: a year of damping and noise gives the covariance that there was.
    assert turned @ MADE.stationary @ turned.T + added == pytest.approx(MADE.stationary, abs=1e-12)
    starts = np.stack([MADE.draw_start(rng) for _ in range(4000)])
    runs = np.stack([MADE.run(np.zeros(3), MADE.draw(3, rng), one)[:, 1] for one in starts])
    for lag, said in enumerate(MADE.autocovariance(4)):
        assert (runs[:, 0] * runs[:, lag]).mean() == pytest.approx(said, abs=0.06 * MADE.autocovariance(1)[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heat_capacity": (1.0,)}, "two layers at least, each with a heat capacity and a transfer"),
        ({"heat_transfer": (1.0, 2.0, -1.0)}, "must be finite and above 0"),
        ({"efficacy": float("nan")}, "must be finite and above 0"),
        ({"weather": -1.0}, "Noise must be finite and at least 0"),
    ],
)
def test_parameters_that_are_refused(change, said):
    with pytest.raises(BadParameter, match=said):
        EnergyBalance(**{**{name: getattr(MADE, name) for name in MADE.__dataclass_fields__}, **change})


def test_runs_that_are_refused():
    with pytest.raises(BadInput, match=r"Forcing must be finite, and disturbances \(2, 4\)"):
        MADE.run(np.zeros(2), np.zeros((2, 3)))
    with pytest.raises(BadInput, match="Forcing must be finite"):
        MADE.run(np.array([np.nan]))
    with pytest.raises(BadParameter, match="A step of 0 years was asked for; it must be above 0"):
        MADE.step(0)
