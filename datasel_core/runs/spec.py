"""The question that a run answers, as plain values that stand in spec.json."""

import shlex
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from datasel_core.errors import BadRequest


class Spec(BaseModel):
    """A question, as it stands in spec.json. within, already: folders of earlier selections. use: role -> feature id or
    key, or column for group; `target.ROLE` -> feature of the target.

    target: the name of a pool of examples, for methods that choose towards one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: str = "select"
    pool: str
    method: str
    params: dict[str, Any] = {}
    budget: str
    seed: int = 0
    use: dict[str, str] = {}
    target: str | None = None
    within: str | None = None
    already: str | None = None
    where: str | None = None
    command: str = ""


def parse_spec(**asked: Any) -> Spec:
    """A question from plain values. Raises BadRequest when one is of the wrong type or has no such name."""
    try:
        return Spec(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}.") from None


def command_line(spec: Spec) -> str:
    """The command that asks the same."""
    words = [
        "python",
        "-m",
        "datasel_core",
        "select",
        spec.pool,
        spec.method,
        "--budget",
        spec.budget,
        "--seed",
        str(spec.seed),
    ]
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
