"""How many bits a parameter the user's own shape of model stores, over several seeds, with an interval."""

from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.evidence.facts import answers
from datasel_core.features.facts_training.calibration import ASKED, Calibration, calibrate
from datasel_core.workspace.layout import Workspace

LEVEL = 0.95


def place(workspace: Workspace, layers: int, width: int, heads: int, exposures: int) -> Path:
    """Where all seeds of a shape lie: more of them only add."""
    shape = {"layers": layers, "width": width, "heads": heads, "exposures": exposures, "asked": list(ASKED)}
    return answers.place(workspace, "calibration", shape)


def measured(
    folder: Path, layers: int, width: int, heads: int, exposures: int, seeds: int, device: str, progress: Progress
) -> dict[str, Any]:
    """rho, low, high (None of one seed), and points, an amount of facts each. Raises BadParameter, Stopped."""
    found = [
        calibrate(layers, width, heads, exposures, seed, ASKED, device, folder / "points", progress)
        for seed in range(seeds)
    ]
    return {
        "layers": layers,
        "width": width,
        "heads": heads,
        "exposures": exposures,
        "seeds": seeds,
        "parameters": found[0].parameters,
        **over_seeds(found),
    }


def over_seeds(found: list[Calibration]) -> dict[str, Any]:
    """The amount of facts of which most bits a parameter are stored, on average over the seeds, with Student's interval
    of 95 % for that mean. An amount that was chosen as the best of three is a little flattered where seeds differ.
    """
    stored = np.array([[point.stored / one.parameters for point in one.points] for one in found])
    best = int(stored.mean(axis=0).argmax())
    low, high = zip(*(_interval(values) for values in stored.T), strict=True)
    points = [
        {
            "facts": point.facts,
            "bits": point.bits,
            "asked": point.bits / found[0].parameters,
            "stored": float(stored[:, at].mean()),
            "low": low[at],
            "high": high[at],
            "memorised": float(np.mean([one.points[at].memorised for one in found])),
        }
        for at, point in enumerate(found[0].points)
    ]
    return {"rho": float(stored[:, best].mean()), "low": low[best], "high": high[best], "points": points}


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    if len(values) < 2:
        return None, None
    from scipy import stats

    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half
