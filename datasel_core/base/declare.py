"""Declarations: one frozen class whose fields are the parameters of a method, feature, metric or pool.

The form on the screen, the command line, the check and the cache key all read the same fields.
"""

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from datasel_core.errors import BadParameter

__all__ = ["ARGUMENT", "HIDDEN", "HOW", "Declared", "Field", "called", "flagged", "spoken"]

HOW = {"how": True}
"""`json_schema_extra=HOW` marks a parameter that changes how fast an answer comes, never the answer."""
ARGUMENT = {"argument": True}
"""Marks a field that stands on the command line without a name."""
HIDDEN = {"hidden": True}
"""Marks a field that no command line has."""


def flagged(flag: str) -> dict[str, list[str]]:
    """Marks a field whose option is a word that no field can have: `flagged("--from")`."""
    return {"flags": [flag]}


def called(option: str) -> dict[str, str]:
    """Marks a field whose option has another name than the field: `called("set")` for parameters."""
    return {"option": option}


def spoken(words: Mapping[str, str]) -> dict[str, Any]:
    """What values of a field are called where people read them; `none` is no value. Typed and kept they stay as they
    are.
    """
    return {"words": dict(words)}


class Declared(BaseModel):
    """Parameters of one declared thing. `id`, `version` and `title` are set by the registry's decorator.

    Raises BadParameter when a parameter is unknown (naming the nearest one), of the wrong type (`True` is no int), or
    out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    id: ClassVar[str] = ""
    version: ClassVar[int] = 0
    title: ClassVar[str] = ""

    def __init__(self, /, **params: Any):
        try:
            super().__init__(**params)
        except ValidationError as error:
            raise BadParameter(_one_line(error, type(self))) from None

    @classmethod
    def parse(cls, words: Mapping[str, str], **known_values: Any) -> Self:
        """From strings, as a command line gives them (`none` stands for no value), beside values that are known
        already.
        """
        values: dict[str, Any] = dict(known_values)
        for name, word in words.items():
            known = cls.model_fields.get(name)
            if known is None or word.strip().lower() == "none":
                values[name] = None if known else word
                continue
            try:
                values[name] = TypeAdapter(known.annotation).validate_strings(word)
            except ValidationError:
                values[name] = word  # the constructor says what would be right
        return cls(**values)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """From plain values, of which text may stand for what a command line would mean by it."""
        words = {name: value for name, value in params.items() if isinstance(value, str)}
        return cls.parse(words, **{name: value for name, value in params.items() if name not in words})

    def what(self) -> dict[str, Any]:
        """Id, version and every parameter that decides the result: the part that enters keys and manifests."""
        return {"id": self.id, "version": self.version, "params": self._params(how=False)}

    def how(self) -> dict[str, Any]:
        """The parameters that only decide how it is computed."""
        return self._params(how=True)

    @classmethod
    def is_how(cls, name: str) -> bool:
        extra = cls.model_fields[name].json_schema_extra
        return isinstance(extra, dict) and bool(extra.get("how"))

    @classmethod
    def label(cls, name: str) -> str:
        """The field's title; without one, its name as the command line knows it, `batch_size` as `Batch size`."""
        return cls.model_fields[name].title or name.replace("_", " ").capitalize()

    @classmethod
    def word(cls, name: str, value: Any) -> str:
        """What a value of this field is called where people read it."""
        extra = cls.model_fields[name].json_schema_extra
        words = extra.get("words", {}) if isinstance(extra, dict) else {}
        plain = "none" if value is None else str(value)
        return str(words.get(plain, plain)) if isinstance(words, dict) else plain

    @classmethod
    def summary(cls) -> str:
        """The first paragraph of the docstring, on one line."""
        return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())

    def _params(self, how: bool) -> dict[str, Any]:
        return {name: value for name, value in self.model_dump(mode="json").items() if self.is_how(name) is how}


def _one_line(error: ValidationError, cls: type[Declared]) -> str:
    parts = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"] if not str(part).startswith("function"))
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, list(cls.model_fields), n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(cls.model_fields) or 'no parameters'}."
            parts.append(f"{cls.id or cls.__name__} has no parameter {name}. {hint}")
        else:
            wrong = problem["msg"].removeprefix("Input ").removeprefix("Value error, ").rstrip(".")
            if problem["type"] == "missing":
                parts.append(f"{name} is missing.")
            else:
                parts.append(
                    f"{name} is {problem['input']!r}; it {wrong}."
                    if wrong.startswith("should")
                    else f"{name} is {problem['input']!r}: {wrong}."
                )
    return " ".join(dict.fromkeys(parts)).replace("it should be", "it must be").replace("it should", "it must")
