"""How often the interval of a worth in random samples holds the truth: 95 % is meant.

Measured (600 repetitions each, 120 held out): see what it prints; one random choice against what it is truly worth, and
eight of them against their own size.
"""

import numpy as np

from tests.benchmarks._measure import size
from tests.evidence.simulated import World


def main() -> None:
    rng, times = np.random.default_rng(0), size(600)
    world = World.made(rng)
    for n in (14, 40, 100):
        met = np.array([world.holds(rng, n, 120) for _ in range(times)])
        one, many = met.mean(0)
        print(f"{n} of {len(world.gaps)}: one choice {one:.1%}, eight {many:.1%} of {times} intervals hold the truth")


if __name__ == "__main__":
    main()
