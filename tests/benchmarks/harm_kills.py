"""Commands killed at a drawn moment, or left without room on the disk: what of it did harm, counted."""

import tempfile
from collections import Counter
from pathlib import Path

from tests.benchmarks._measure import size, table
from tests.harm.kills import Kills
from tests.harm.stage import Stage

_FIRST = 1000
"""Seeds below it are those of the tests."""


def main() -> None:
    n = size(1000)
    with tempfile.TemporaryDirectory() as name:
        kills = Kills(Stage(Path(name)))
        counts, bad, most, between = Counter(), 0, 0, 0
        for seed in range(_FIRST, _FIRST + n):
            found = kills.round(seed)
            counts[found.action, found.died] += 1
            most = max(most, found.again)
            between += found.between
            if found.harm:
                bad += 1
                print(f"seed {seed}, {found.action}, {found.death}: {'; '.join(found.harm)}", flush=True)
            if (done := seed + 1 - _FIRST) % 100 == 0:
                print(f"{done:,} of {n:,}: {bad} with harm", flush=True)
    actions = {action: None for action, _ in counts}
    table(
        [
            {"action": action, "died": counts[action, True], "came to its end": counts[action, False]}
            for action in actions
        ]
    )
    died = sum(many for (_, died), many in counts.items() if died)
    print(f"{n:,} kills ({died:,} before the end): {bad} that lost or changed anything or gave another answer;")
    print(f"{between} left an export between its old record and its new one, refused until it was asked again;")
    print(f"at most {most} samples of a feature were computed again.")


if __name__ == "__main__":
    main()
