"""The question that a run answers, as plain values that stand in spec.json."""

import shlex
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datasel_core.base.declare import ARGUMENT, HIDDEN, called
from datasel_core.errors import BadRequest


class Spec(BaseModel):
    """A question, as it stands in spec.json: names of a pool, a method, features and earlier selections."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    method: str = Field(description="One of {method}.", json_schema_extra=ARGUMENT)
    params: dict[str, Any] = Field(
        {},
        description="Parameters of the method; the command methods says what each does when it goes up or down.",
        json_schema_extra=called("set"),
    )
    budget: str = Field(description="How many samples to keep: a count, or a share of the pool such as 10%.")
    seed: int = Field(0, description="Start of the random numbers: the same seed gives the same selection.")
    use: dict[str, str] = Field({}, description="role=feature (for group: role=column; of the target: target.role).")
    target: str | None = Field(None, description="Pool of examples of what we want to be good at.")
    within: str | None = Field(
        None, description="An earlier selection (folder, key, name): choose only among what it kept."
    )
    already: str | None = Field(
        None, description="An earlier selection (folder, key, name) that counts as chosen, with what it counted."
    )
    where: str | None = Field(None, description="SQL condition on the pool's columns and its numbers.")
    holdout: str | None = Field(
        None,
        description="What is set aside: of the pool as it is now by default; none, or the file of a manifest.",
        json_schema_extra=HIDDEN,
    )
    target_holdout: str | None = Field(
        None,
        description="The same of the target: what is held out of it now by default; none, or the file of a manifest.",
        json_schema_extra=HIDDEN,
    )
    command: str = Field("", description="What the manifest says was typed.", json_schema_extra=HIDDEN)

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        """Specs once said what kind of work they are."""
        return {name: value for name, value in values.items() if name != "do"} if isinstance(values, dict) else values


def parse_spec(**asked: Any) -> Spec:
    """A question from plain values. Raises BadRequest when one is of the wrong type or has no such name."""
    try:
        return Spec(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}.") from None


def command_line(spec: Spec) -> str:
    """The command that asks the same."""
    words = ["python", "-m", "datasel_core", "select", spec.pool, spec.method]
    words += ["--budget", spec.budget, "--seed", str(spec.seed)]
    for flag, pairs in (("--use", spec.use), ("--set", spec.params)):
        for name, value in pairs.items():
            words += [flag, f"{name}={'none' if value is None else value}"]
    for flag, value in (
        ("--target", spec.target),
        ("--within", spec.within),
        ("--already", spec.already),
        ("--where", spec.where),
    ):
        if value:
            words += [flag, value]
    return shlex.join(words)
