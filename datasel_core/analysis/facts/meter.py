"""The capacity meter: what facts take, what a model holds, and how many of them anybody could then answer."""

from typing import Any

import numpy as np

from datasel_core.analysis.facts.bound import bound, curve, uniform_accuracy
from datasel_core.analysis.facts.capacity import RANGE, capacity
from datasel_core.analysis.facts.entropy import Profile
from datasel_core.analysis.facts.table import Facts, frequency, rank_frequency, relation_rows, total_bits

_POINTS = 40
FITS, NEAR, TOO_MANY = "fits", "near", "too many"
"""What a meter says: all estimates of the bits are within the capacity, some are, none is."""


def taken(facts: Facts) -> dict[str, Any]:
    """What the facts take, whatever the model: relations (a line each), bits (by estimator), frequency, rank_frequency
    (two lists, to draw) and conflicting (facts said in two ways).
    """
    rank, exposures = rank_frequency(facts.exposures)
    return {
        "relations": relation_rows(facts),
        "bits": total_bits(facts),
        "frequency": frequency(facts),
        "rank_frequency": {"rank": rank.tolist(), "exposures": exposures.tolist()},
        "conflicting": facts.conflicting,
    }


def held(given: Profile, bits: dict[str, float], parameters: int, rho: float) -> dict[str, Any]:
    """What a model of so many parameters holds of them at rho bits a parameter: capacity_bits, verdict, accuracy (the
    highest there can be on all facts), guess (the accuracy without any), fitting (how many facts fit whole, by the
    plug-in), range (the same at the least and the most that was published) and curve (over the number kept).

    bits: of all facts, by estimator. Raises BadParameter.
    """
    room, total = capacity(parameters, rho), int(given.facts().sum())
    ends = [{"rho": end, **_at(given, bits, capacity(parameters, end), total)} for end in RANGE]
    return {
        "parameters": parameters,
        "rho": rho,
        **_at(given, bits, room, total),
        "guess": float(given.facts() @ given.commonest() / total),
        "range": ends,
        "curve": curve(given, room),
    }


def _at(given: Profile, bits: dict[str, float], room: float, total: int) -> dict[str, Any]:
    verdict = FITS if room >= max(bits.values()) else TOO_MANY if room < min(bits.values()) else NEAR
    whole = total if bits["plug_in"] <= room else int(np.floor(total * room / bits["plug_in"]))
    return {"capacity_bits": room, "verdict": verdict, "fitting": whole, "accuracy": bound(given, room).accuracy}


def known(facts: int, bits_a_fact: float, parameters: int, rho: float) -> dict[str, Any]:
    """As `held`, where the bits of a fact are known and its answers are as likely, such as random numbers of which a
    pool shows too few. Raises BadParameter.
    """
    answers, total = 2.0**bits_a_fact, facts * bits_a_fact

    def at(room: float) -> dict[str, Any]:
        verdict = FITS if room >= total else TOO_MANY
        accuracy = uniform_accuracy(facts, answers, room)
        return {
            "capacity_bits": room,
            "verdict": verdict,
            "fitting": min(facts, int(np.floor(room / bits_a_fact))),
            "accuracy": accuracy,
        }

    room = capacity(parameters, rho)
    kept = np.unique(np.round(np.linspace(0, facts, _POINTS + 1)).astype(np.int64))[1:].tolist()
    found = [uniform_accuracy(many, answers, room) for many in kept]
    return {
        "parameters": parameters,
        "rho": rho,
        **at(room),
        "guess": 1 / answers,
        "range": [{"rho": end, **at(capacity(parameters, end))} for end in RANGE],
        "curve": [{"facts": many, "accuracy": one, "right": many * one} for many, one in zip(kept, found, strict=True)],
    }


def sentence(said: dict[str, Any], bits: dict[str, float], facts: int) -> str:
    """What a meter says, in a sentence for people."""
    low, high = min(bits.values()), max(bits.values())
    bits_taken = f"{low:,.0f} to {high:,.0f} bits, by estimate" if round(high - low) else f"{low:,.0f} bits"
    takes = f"{facts:,} facts take {bits_taken}"
    holds = f"a model of {said['parameters']:,} parameters holds about {said['capacity_bits']:,.0f}"
    then = {
        FITS: "all fit, and pruning would only lose some.",
        NEAR: "whether all fit hangs on the estimate; measure before you prune.",
        TOO_MANY: (
            f"about {said['fitting']:,} fit, with so many bits at most {said['accuracy']:.1%} of all can be right, "
            "and pruning may help."
        ),
    }[said["verdict"]]
    return f"{takes}; {holds}: {then}"
