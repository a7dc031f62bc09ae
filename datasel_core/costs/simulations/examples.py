"""Rates of simulations from the literature, each with its source: examples, nobody's own machine."""

from datasel_core.costs.rates import Rate

CORE_HOURS = Rate(
    2000.0,
    low=2000.0,
    high=7430.0,
    source="an example: IPSL-CM6 planned 14 million core-hours for 7,000 years at low resolution, 52 million at medium "
    "(IPSL, performance of IPSLCM6, 2017)",
)
"""Core-hours of a simulated year (CHSY, Balaji et al. 2017, https://doi.org/10.5194/gmd-10-19-2017)."""
TERABYTES = Rate(
    1.0,
    source="an example: CMIP6, about 40 PB of about 40,000 simulated years (CPMIP, Balaji et al. 2017)",
)
"""Terabytes of a simulated year, all variables."""
