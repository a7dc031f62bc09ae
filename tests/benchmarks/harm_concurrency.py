"""Commands at the same moment on one workspace: what no order, one after the other, would have left, counted."""

import tempfile
from collections import Counter
from pathlib import Path

from tests.benchmarks._measure import size, table
from tests.harm.rivals import Rivals
from tests.harm.stage import Stage

_FIRST = 1000
"""Seeds below it are those of the tests."""


def main() -> None:
    n = size(100)
    with tempfile.TemporaryDirectory() as name:
        rivals = Rivals(Stage(Path(name)))
        rounds, refused, bad = Counter(), Counter(), 0
        for seed in range(_FIRST, _FIRST + n):
            found = rivals.round(seed)
            rounds[found.meeting] += 1
            refused[found.meeting] += found.refused
            if found.harm:
                bad += 1
                print(f"seed {seed}, {found.meeting}: {'; '.join(found.harm)}", flush=True)
    table([{"meeting": one, "rounds": many, "refused in one line": refused[one]} for one, many in rounds.items()])
    print(f"{n:,} rounds: {bad} in which something is as no order leaves it, or a command ended without a clear line.")


if __name__ == "__main__":
    main()
