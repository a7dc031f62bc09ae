"""Whether an arm is better than the plain run: paired by seed, on each judge, with what may be said of all together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.evidence.differences import BETTER, PILOT, Difference, paired
from datasel_core.evidence.differences import verdicts as words_of
from datasel_core.stages.asked import RANDOM, REFERENCE, Asked
from datasel_core.workspace.arrays import read_arrays


def verdicts(asked: Asked, found: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]) -> list[dict[str, Any]]:
    """A cell for each arm and judge: its mean loss less that of the plain run after the last stage, in nats, with an
    interval over seeds and texts; below 0 is better. Of seeds that both have finished; fewer than eight are a pilot.
    Nothing where no plain run is at its end.
    """
    last = asked.stages + (1 if asked.decay else 0)
    cells, differences = [], []
    for arm in (one for one in asked.arms if one != RANDOM and RANDOM in found):
        both = zip(found[arm], found[RANDOM], strict=True)
        pairs = [(mine[last], plain[last]) for mine, plain in both if min(len(mine), len(plain)) > last]
        losses = [tuple(_losses(asked, line) for line in pair) for pair in pairs]
        losses = [pair for pair in losses if None not in pair]
        for judge in asked.judges if losses else ():
            each = np.array([mine[judge.what].astype(float) - plain[judge.what] for mine, plain in losses])
            each = each[:, np.isfinite(each).all(axis=0)]
            differences.append(_difference(each))
            cells.append({"arm": arm, "judge": judge.what, "name": judge.name, "texts": each.shape[1]})
    said = words_of(differences, higher_is_better=False)
    return [
        {**cell, **_numbers(one), "verdict": word} for cell, one, word in zip(cells, differences, said, strict=True)
    ]


def over_fit(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each arm that is better on the reference: on which judges it is, too."""
    said = []
    for arm in dict.fromkeys(one["arm"] for one in cells):
        mine = {one["judge"]: one for one in cells if one["arm"] == arm}
        others = [one for what, one in mine.items() if what != REFERENCE]
        if mine[REFERENCE]["verdict"] != BETTER or not others:
            continue
        gained, name = f"{arm} is better than the plain run on the reference", mine[REFERENCE]["name"]
        lost = [one["name"] for one in others if one["verdict"] != BETTER]
        if lost:
            said.append(f"{gained} {name}, and not shown to be on {' and '.join(lost)}: over-fit to the reference.")
        else:
            said.append(f"{gained} {name}, and on {' and '.join(one['name'] for one in others)}, too.")
    return said


def sentence(cell: Mapping[str, Any]) -> str:
    """`staged on judge books: .012 nats lower than the plain run (.002 to .022), better`."""
    of, change = f"{cell['arm']} on the {cell['judge']} {cell['name']}", cell["difference"]
    way = "lower" if change < 0 else "higher"
    low, high = sorted((abs(cell["low"]), abs(cell["high"]))) if cell["low"] is not None else (None, None)
    if low is not None and cell["low"] < 0 < cell["high"]:
        between = f" ({-cell['low']:.4f} lower to {cell['high']:.4f} higher)"
    else:
        between = "" if low is None else f" ({low:.4f} to {high:.4f})"
    seeds = "1 seed" if cell["seeds"] == 1 else f"{cell['seeds']} seeds"
    word = f"a pilot of {seeds}, no verdict" if cell["verdict"] == PILOT else cell["verdict"]
    return f"{of}: {abs(change):.4f} nats {way} than the plain run{between}, {word}"


def _difference(each: np.ndarray) -> Difference:
    """each: (seeds, texts). Of one seed or text nothing is known of chance."""
    if min(each.shape) < 2:
        mean = float(each.mean()) if each.size else 0.0
        return Difference(mean, float("nan"), float("nan"), 1.0, each.shape[0])
    return paired(each)


def _numbers(one: Difference) -> dict[str, Any]:
    known = {name: getattr(one, name) for name in ("difference", "low", "high", "p")}
    return {**{name: value if np.isfinite(value) else None for name, value in known.items()}, "seeds": one.seeds}


def _losses(asked: Asked, line: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """What -> (n,) loss of each text; None where that is gone."""
    try:
        return read_arrays(asked.folder / "trainings" / line["training"] / "losses.npz")
    except (BadInput, FileNotFoundError):
        return None
