"""When another round is not worth it: a rule that is declared before the first, and said in words."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MEASURES = {
    "coverage": ("% covered", "how near the pool is to the nearest kept, 100 % is the same"),
    "worth": ("random samples", "how many random samples do as well on the held-out ones"),
    "accuracy": ("% right", "what a model trained on the labels names rightly, as it is typed"),
}
"""Measure of the gain -> its unit, and what it is."""


class Stop(BaseModel):
    """measure: what a round is to gain. gain: points of it that 100 of money must bring; without prices, 100 samples.
    reach: the measure at which it is enough. disputed: per cent of failures that labellers disagree on, at which more
    labels no longer help. The budget ends it in any case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    measure: Literal["coverage", "worth", "accuracy"] = "coverage"
    gain: float | None = Field(None, ge=0)
    reach: float | None = Field(None, ge=0)
    disputed: float | None = Field(None, gt=0, le=100)

    def words(self, currency: str, is_priced: bool) -> str:
        """`Stop when 100 EUR bring less than 0.5 % covered, at 95 % covered, or when the budget is spent.`"""
        unit = MEASURES[self.measure][0]
        said = [f"when {_hundred(currency, is_priced)} bring less than {self.gain:g} {unit}"] if self.gain else []
        said += [f"at {self.reach:g} {unit}"] if self.reach else []
        said += [f"when labellers disagree on {self.disputed:g} % of the failures"] if self.disputed else []
        return f"Stop {', '.join(said)}{', or ' if said else ''}when the budget is spent."


class State(BaseModel):
    """What the rule looks at after each finished round: the measure, None where it is not known; money spent in it, or
    samples; per cent of its failures that labellers disagree on.
    """

    model_config = ConfigDict(frozen=True)

    value: float | None
    spent: float
    disputed: float | None = None


def rates(states: Sequence[State]) -> list[float | None]:
    """Points gained per 100 spent, of each round; None where it is not known, as of the first, before which is none."""
    found, before = [], None
    for state in states:
        known = state.value is not None and before is not None and state.spent > 0
        found.append(100 * (state.value - before) / state.spent if known else None)
        before = state.value
    return found


def reasons(rule: Stop, states: Sequence[State], left: int, currency: str, is_priced: bool) -> list[str]:
    """Why it is time to stop, a sentence each; empty while it goes on. left: samples of the budget."""
    if not states:
        return []
    last, rate, unit = states[-1], rates(states)[-1], MEASURES[rule.measure][0]
    found = []
    if rule.gain and rate is not None and rate < rule.gain:
        hundred = _hundred(currency, is_priced)
        found.append(f"{hundred} brought {rate:,.2f} {unit} in the last round, less than {rule.gain:g}.")
    if rule.reach and last.value is not None and last.value >= rule.reach:
        found.append(f"{last.value:.3g} {unit} are reached; {rule.reach:g} were asked for.")
    if rule.disputed and last.disputed is not None and last.disputed >= rule.disputed:
        found.append(
            f"Labellers disagree on {last.disputed:.0f} % of what fails now; more labels would repeat the quarrel. "
            "Write the guideline anew."
        )
    if left <= 0:
        found.append("The budget is spent.")
    return found


def _hundred(currency: str, is_priced: bool) -> str:
    return f"100 {currency}".strip() if is_priced else "100 samples"
