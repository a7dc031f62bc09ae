"""A climate of a few layers of ocean that exchange heat, with random forcing and weather.

    C_1 dT_1 = [F - kappa_1 T_1 - kappa_2 (T_1 - T_2)] dt + sigma_xi dW       dF = -gamma (F - u(t)) dt + sigma_eta dW'
    C_2 dT_2 = [kappa_2 (T_1 - T_2) - epsilon kappa_3 (T_2 - T_3)] dt         C_3 dT_3 = kappa_3 (T_2 - T_3) dt

Cummins, Stephenson & Stott 2020, https://doi.org/10.1175/JCLI-D-19-0589.1, in the form that FaIR uses it: Leach et al.
2021, https://doi.org/10.5194/gmd-14-3007-2021. A step is exact for forcing that is constant during it: the exponential
of the matrix. The covariance of what noise adds in a step is S - E S E', with S the stationary one (A S + S A' + Q = 0)
and E the exponential. The usual form, one exponential of a matrix of twice the size (Van Loan 1978), holds e^gamma and
loses all digits where gamma is large, as it is in published fits.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

from datasel_core.errors import BadInput, BadParameter

YEARS_TO_DOUBLE = math.log(2) / math.log(1.01)
"""At 1 % a year."""


@dataclass(frozen=True)
class EnergyBalance:
    """heat_capacity: (layers,) W yr m-2 K-1 and heat_transfer: (layers,) W m-2 K-1, from the top; two layers at least.
    efficacy: of the heat that the lowest layer takes up. autocorrelation: gamma, 1/yr. forcing_noise: sigma_eta, W m-2
    yr-1/2. weather: sigma_xi, W m-2 yr1/2. forcing_4co2: W m-2.
    """

    heat_capacity: tuple[float, ...]
    heat_transfer: tuple[float, ...]
    efficacy: float
    autocorrelation: float
    forcing_noise: float
    weather: float
    forcing_4co2: float

    def __post_init__(self):
        numbers = (*self.heat_capacity, *self.heat_transfer, self.efficacy, self.autocorrelation)
        if len(self.heat_capacity) != len(self.heat_transfer) or len(self.heat_capacity) < 2:
            raise BadParameter("An energy balance has two layers at least, each with a heat capacity and a transfer.")
        if not all(math.isfinite(one) and one > 0 for one in numbers):
            raise BadParameter("Capacities, transfers, efficacy and autocorrelation must be finite and above 0.")
        if not all(math.isfinite(one) and one >= 0 for one in (self.forcing_noise, self.weather)):
            raise BadParameter("Noise must be finite and at least 0.")

    @functools.cached_property
    def matrix(self) -> np.ndarray:
        """(layers, layers) 1/yr: how temperatures change by themselves."""
        capacity, transfer = np.array(self.heat_capacity), np.array(self.heat_transfer)
        n = len(capacity)
        out = np.append(transfer[1:], 0.0)
        if n > 1:
            out[-2] *= self.efficacy
        found = np.diag(-(transfer + out)) + np.diag(out[:-1], 1) + np.diag(transfer[1:], -1)
        return found / capacity[:, None]

    @functools.cached_property
    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """(layers,) years, shortest first, and (layers,) K per W m-2: surface temperature after a step of forcing is
        the sum of response (1 - exp(-t / timescale)).
        """
        values, vectors = np.linalg.eig(self.matrix)
        timescale = -1 / values.real
        response = timescale * vectors[0].real * np.linalg.inv(vectors)[:, 0].real / self.heat_capacity[0]
        order = np.argsort(timescale)
        return timescale[order], response[order]

    def ecs(self, ratio: float = 0.5) -> float:
        """K, equilibrium warming at twice the CO2. ratio: of the forcing at 2 and at 4 times."""
        return float(ratio * self.forcing_4co2 * self.modes[1].sum())

    def tcr(self, ratio: float = 0.5) -> float:
        """K, warming when CO2 has doubled at 1 % a year, after 69.66 years of forcing that grows evenly."""
        timescale, response = self.modes
        behind = timescale / YEARS_TO_DOUBLE * -np.expm1(-YEARS_TO_DOUBLE / timescale)
        return float(ratio * self.forcing_4co2 * (response * (1 - behind)).sum())

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """(layers + 1, layers + 1) 1/yr: the same with the forcing in front."""
        n = len(self.heat_capacity)
        found = np.zeros((n + 1, n + 1))
        found[0, 0], found[1, 0] = -self.autocorrelation, 1 / self.heat_capacity[0]
        found[1:, 1:] = self.matrix
        return found

    @functools.cached_property
    def stationary(self) -> np.ndarray:
        """(layers + 1, layers + 1) covariance of forcing and temperatures around what is forced, once noise has acted
        for long.
        """
        noise = np.zeros_like(self.whole)
        noise[0, 0], noise[1, 1] = self.forcing_noise**2, (self.weather / self.heat_capacity[0]) ** 2
        found = solve_continuous_lyapunov(self.whole, -noise)
        return (found + found.T) / 2

    def step(self, years: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of one step: (layers + 1, layers + 1) what the state becomes, (layers + 1,) what a W m-2 of forcing adds, and
        (layers + 1, layers + 1) the covariance of what noise adds.
        """
        if not (math.isfinite(years) and years > 0):
            raise BadParameter(f"A step of {years} years was asked for; it must be above 0.")
        return _stepped(self, float(years))

    def run(
        self,
        forcing: np.ndarray,
        disturbance: np.ndarray | None = None,
        start: np.ndarray | None = None,
        years: float = 1.0,
    ) -> np.ndarray:
        """(steps + 1, layers + 1) states: the forcing that acts, W m-2, and temperatures, K; the start and the end of
        each step. forcing: (steps,) W m-2, constant in each. disturbance: (steps, layers + 1) as drawn by `draw`.
        start: (layers + 1,), 0 by default. Raises BadInput.
        """
        turned, added, _ = self.step(years)
        forcing = np.asarray(forcing, np.float64)
        wanted = (len(forcing), len(added))
        if not np.isfinite(forcing).all() or (disturbance is not None and np.shape(disturbance) != wanted):
            raise BadInput(
                f"Forcing must be finite, and disturbances {wanted}: one for each step and part of the state."
            )
        state = np.zeros((len(forcing) + 1, len(added)))
        if start is not None:
            state[0] = start
        for at, u in enumerate(forcing):
            state[at + 1] = turned @ state[at] + added * u
            if disturbance is not None:
                state[at + 1] += disturbance[at]
        return state

    def draw(self, steps: int, rng: np.random.Generator, years: float = 1.0) -> np.ndarray:
        """(steps, layers + 1) what noise adds in each step."""
        return _normal(self.step(years)[2], steps, rng)

    def draw_start(self, rng: np.random.Generator) -> np.ndarray:
        """(layers + 1,) a state of the climate without forcing, as after centuries of noise."""
        return _normal(self.stationary, 1, rng)[0]

    def uptake(self, state: np.ndarray) -> np.ndarray:
        """(...,) W m-2 that the Earth takes up: F - kappa_1 T_1 + (1 - epsilon) kappa_n (T_{n-1} - T_n), which is what
        all layers gain together. state: (..., layers + 1).
        """
        deep = (1 - self.efficacy) * self.heat_transfer[-1] * (state[..., -2] - state[..., -1])
        return state[..., 0] - self.heat_transfer[0] * state[..., 1] + deep

    def autocovariance(self, lags: int) -> np.ndarray:
        """(lags,) K^2 of annual surface temperature around what is forced, from lag 0."""
        turned, found, covariance = self.step()[0], [], self.stationary
        for _ in range(lags):
            found.append(covariance[1, 1])
            covariance = turned @ covariance
        return np.array(found)


@functools.lru_cache(maxsize=64)
def _stepped(of: EnergyBalance, years: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `EnergyBalance.step`; kept, since every run asks for the same, and so not to be written to."""
    turned = expm(of.whole * years)
    push = np.zeros(len(turned))
    push[0] = of.autocorrelation
    added = np.linalg.solve(of.whole, (turned - np.eye(len(turned))) @ push)
    noise = of.stationary - turned @ of.stationary @ turned.T
    found = turned, added, (noise + noise.T) / 2
    for one in found:
        one.flags.writeable = False
    return found


def _normal(covariance: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, k) draws with mean 0; eigenvalues that rounding makes negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return rng.standard_normal((n, len(values))) * np.sqrt(np.maximum(values, 0)) @ vectors.T
