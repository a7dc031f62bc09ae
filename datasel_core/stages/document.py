"""All that is known of a run in stages, as plain data: for `--json`, for the page, and while it is still at work."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasel_core.stages import lines
from datasel_core.stages.asked import ARMS, STAGED, WHAT, Asked
from datasel_core.stages.benefit import benefits
from datasel_core.stages.verdicts import over_fit, verdicts

Lines = Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]
"""Arm -> of each seed its lines, by stage."""
PARTS = ("train", "probe", "fit", "predict")


def document(asked: Asked, notes: Sequence[str] = ()) -> dict[str, Any]:
    """pool, judges, sizes; `arms`: of each the lines of each seed; `stages`: what is known of the influence of each;
    `curves`: losses with bands over seeds; `verdicts`, `over_fit`, `cost`, `benefits`, `checkpoint`, `notes`.
    """
    found: Lines = {arm: [lines.read(asked.folder, seed, arm) for seed in range(asked.seeds)] for arm in asked.arms}
    said = verdicts(asked, found)
    curves = {arm: _curves(asked, of_seeds) for arm, of_seeds in found.items()}
    cost = {arm: _cost(of_seeds) for arm, of_seeds in found.items()}
    return {
        "pool": asked.pool.name,
        "judges": [
            {"what": one.what, "name": one.name, "n": len(one.rows), "is": WHAT[one.what]} for one in asked.judges
        ],
        "asked": {
            "stages": asked.stages,
            "warm_up": asked.warm_up,
            "chosen": asked.chosen,
            "probes": asked.probe.n_probes,
            "decay": asked.decay,
            "epochs": asked.epochs,
            "seeds": asked.seeds,
            "model": asked.probe.model,
        },
        "arms": {
            arm: {"title": ARMS[arm], "lines": [list(one) for one in of_seeds]} for arm, of_seeds in found.items()
        },
        "stages": _influence(found),
        "curves": curves,
        "verdicts": said,
        "over_fit": over_fit(said),
        "cost": cost,
        "benefits": benefits(asked, curves, cost, said),
        "checkpoint": _checkpoint(asked, found),
        "finished": _finished(asked, found),
        "notes": [*asked.notes, *notes, *_uneven(asked, found)],
    }


def _checkpoint(asked: Asked, found: Lines) -> str | None:
    """The folder of the first seed's warm-up: where other methods can be compared from (`--probe decay`)."""
    first = next((of_seeds[0][0] for of_seeds in found.values() if of_seeds and of_seeds[0]), None)
    return first and str(asked.folder / "trainings" / first["training"] / "checkpoint")


def _finished(asked: Asked, found: Lines) -> bool:
    wanted = asked.stages + (2 if asked.decay else 1)
    return all(len(one) >= wanted for of_seeds in found.values() for one in of_seeds)


def _influence(found: Lines) -> list[dict[str, Any]]:
    """Of each stage and seed: how well the prediction ranks (`spearman`), how like it is to that of the stage before
    (`drift`), and what share of all that was chosen until then another arm chose, too (`overlap`).
    """
    known = []
    for at, mine in enumerate(found.get(STAGED, ())):
        for line in mine:
            if "spearman" not in line:
                continue
            others = {arm: one[at] for arm, one in found.items() if arm != STAGED}
            overlap = {
                arm: one[line["stage"]]["overlap"].get(STAGED)
                for arm, one in others.items()
                if len(one) > line["stage"]
            }
            names = ("seed", "stage", "spearman", "probes", "checked", "measured", "predicted", "run")
            known.append({**{name: line[name] for name in names}, "drift": line.get("drift"), "overlap": overlap})
    return sorted(known, key=lambda one: (one["stage"], one["seed"]))


def _curves(asked: Asked, of_seeds: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """A point after each stage that all seeds have reached: `tokens` and `flops` from the beginning (with those of
    probes), `step`, `falls` (whether the rate fell), and of each judge the mean loss with its band: `low` and `high`
    are a standard error of the mean over seeds, the same where there is one.
    """
    found, sums = [], np.zeros((len(of_seeds), 2))
    for stage in range(min(map(len, of_seeds), default=0)):
        here = [one[stage] for one in of_seeds]
        sums += [[line["tokens"], sum(line["flops"].values())] for line in here]
        tokens, flops = sums.mean(axis=0)
        losses = {one.what: _band([line["losses"][one.what] for line in here]) for one in asked.judges}
        at = {
            "stage": stage,
            "step": round(np.mean([line["step"] for line in here])),
            "falls": bool(here[0].get("falls")),
        }
        found.append({**at, "tokens": round(tokens), "flops": round(flops), "losses": losses})
    return found


def _band(values: Sequence[float]) -> dict[str, float]:
    mid, n = float(np.mean(values)), len(values)
    error = float(np.std(values, ddof=1) / n**0.5) if n > 1 else 0.0
    return {"low": mid - error, "mid": mid, "high": mid + error}


def _cost(of_seeds: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, float]]:
    """FLOPs and seconds of each part, the mean over seeds; what arms share counts for each."""
    n = max(1, len(of_seeds))
    every = [line for one in of_seeds for line in one]
    return {
        what: {part: sum(line[what].get(part, 0) for line in every) / n for part in PARTS}
        for what in ("flops", "seconds")
    }


def _uneven(asked: Asked, found: Lines) -> list[str]:
    """Where an arm learned more tokens than another: as many samples are not as many words."""
    tokens = {arm: sum(line["tokens"] for one in of_seeds for line in one) for arm, of_seeds in found.items()}
    tokens = {arm: n for arm, n in tokens.items() if n}
    if len(tokens) < 2 or max(tokens.values()) <= 1.02 * min(tokens.values()):
        return []
    most, least = max(tokens, key=tokens.get), min(tokens, key=tokens.get)
    more = tokens[most] / tokens[least] - 1
    return [f"{most} learned {more:.0%} more tokens than {least}: as many samples and steps, but longer texts."]
