"""Whether what is spent on influence comes back: operations that the plain run would need for the same loss, less those
of probes and predictions; and from how many tokens on they are equal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.evidence.differences import BETTER
from datasel_core.features.flops import of_training
from datasel_core.features.flops import said as flops_said
from datasel_core.stages.asked import JUDGE, RANDOM, REFERENCE, Asked

_OVERHEAD = ("probe", "fit", "predict")


def benefits(
    asked: Asked,
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    cost: Mapping[str, Mapping[str, Mapping[str, float]]],
    cells: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Of each arm, on the judge (on the reference where there is no other): `spared` tokens and FLOPs, that it needs
    fewer for the loss that the plain run has after the last stage, before the rate falls; `overhead` FLOPs; `net`;
    `break_even` tokens from which on it pays, where it spares as large a share of a longer run; `pays` and `words`.
    """
    found = []
    plain = [point for point in curves.get(RANDOM, ()) if not point["falls"]]
    names = [one.what for one in asked.judges]
    what = JUDGE if JUDGE in names else REFERENCE
    for arm, points in curves.items():
        mine = [point for point in points if not point["falls"]]
        if arm == RANDOM or len(mine) < 2 or len(plain) != len(mine):
            continue
        verdict = next((one["verdict"] for one in cells if (one["arm"], one["judge"]) == (arm, what)), None)
        overhead = sum(cost[arm]["flops"][part] for part in _OVERHEAD)
        found.append(_of(arm, what, mine, plain, overhead, _parameters(plain), verdict))
    return found


def reached(points: Sequence[Mapping[str, Any]], what: str, loss: float) -> float | None:
    """Tokens after which a curve first comes down to a loss, between its points as a line; None where it never does."""
    tokens = [point["tokens"] for point in points]
    losses = [point["losses"][what]["mid"] for point in points]
    for at in range(1, len(points)):
        if losses[at] <= loss:
            if losses[at - 1] <= loss:
                return float(tokens[at - 1])
            part = (losses[at - 1] - loss) / (losses[at - 1] - losses[at])
            return tokens[at - 1] + part * (tokens[at] - tokens[at - 1])
    return None


def _of(
    arm: str,
    what: str,
    mine: Sequence[Mapping[str, Any]],
    plain: Sequence[Mapping[str, Any]],
    overhead: float,
    parameters: float,
    verdict: str | None,
) -> dict[str, Any]:
    begin, end = mine[0]["tokens"], mine[-1]["tokens"]
    at = reached(mine, what, plain[-1]["losses"][what]["mid"])
    share = 0.0 if at is None or end <= begin else (end - at) / (end - begin)
    spared = share * (end - begin)
    flops = of_training(1, 1) * parameters * spared
    even = overhead / (of_training(1, 1) * parameters * share) if share > 0 and parameters else None
    said = {
        "arm": arm,
        "judge": what,
        "spared_tokens": round(spared),
        "spared_flops": round(flops),
        "overhead_flops": round(overhead),
        "net_flops": round(flops - overhead),
        "break_even_tokens": None if even is None else round(even),
        "pays": verdict == BETTER and flops > overhead,
    }
    return {**said, "words": _words(said, verdict)}


def _words(said: Mapping[str, Any], verdict: str | None) -> str:
    over = flops_said(said["overhead_flops"])
    if said["break_even_tokens"] is None:
        return f"{said['arm']} does not pay: it spends {over} on influence and spares nothing."
    spares, even = flops_said(said["spared_flops"]), _rounded(said["break_even_tokens"])
    if verdict != BETTER:
        return (
            f"{said['arm']} does not pay: it was not shown to be better. If what was seen is no chance, it spares "
            f"{spares} for {over}, and would pay from {even} tokens on."
        )
    if said["pays"]:
        return f"{said['arm']} pays: it spares {spares} for {over}; from {even} tokens on."
    return f"{said['arm']} does not pay yet: it spares {spares} for {over}, and would from {even} tokens on."


def _parameters(plain: Sequence[Mapping[str, Any]]) -> float:
    """As the plain run's operations say, which are 6 a parameter and token."""
    tokens, flops = plain[-1]["tokens"], plain[-1]["flops"]
    return flops / (of_training(1, 1) * tokens) if tokens else 0.0


def _rounded(tokens: float) -> str:
    """`3,000,000`: two digits are more than is known."""
    return f"{float(f'{tokens:.2g}'):,.0f}"
