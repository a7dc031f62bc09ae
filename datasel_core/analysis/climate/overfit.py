"""Whether a choice that was made by its effect on a reference holds elsewhere.

Years with the highest leave-one-out influence on a reference lower the error there: they were chosen by it. Whether the
emulator became better only a scenario can say that chose nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """scenario: where it was measured. before, after: the error without and with the choice."""

    scenario: str
    before: float
    after: float

    @property
    def worse(self) -> bool:
        return self.after > self.before


def overfitted(reference: Change, others: Sequence[Change], unit: str = "K") -> str:
    """One sentence that warns where the error fell on the reference and rose on another scenario, by the one where it
    rose most; empty where it did not. others: scenarios that chose nothing.
    """
    risen = [one for one in others if one.worse]
    if reference.worse or not risen:
        return ""
    worst = max(risen, key=lambda one: one.after - one.before)
    return (
        f"Warning: chosen by influence on {reference.scenario}, the error there falls from {reference.before:.3f} to "
        f"{reference.after:.3f} {unit} but rises on {worst.scenario}, which chose nothing, from {worst.before:.3f} to "
        f"{worst.after:.3f} {unit}: the choice fits its reference more than the climate."
    )
