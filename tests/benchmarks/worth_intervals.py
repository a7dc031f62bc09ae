"""How often the interval of a worth in random samples holds the truth: 95 % is meant.

Measured (600 repetitions each, 120 held out): see what it prints; one random choice against what it is truly worth, and
eight of them against their own size.
"""

import sys

import numpy as np

from tests.evidence.simulated import World


def main(times: int = 600) -> None:
    rng = np.random.default_rng(0)
    world = World.made(rng)
    for size in (14, 40, 100):
        met = np.array([world.holds(rng, size, 120) for _ in range(times)])
        one, many = met.mean(0)
        print(
            f"{size} of {len(world.gaps)}: one choice {one:.1%}, eight {many:.1%} of {times} intervals hold the truth"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
