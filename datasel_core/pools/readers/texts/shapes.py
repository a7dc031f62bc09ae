"""The shapes in which people write text samples: which columns together are one, and what of them is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.pools.readers.tables.typed import is_missing
from datasel_core.pools.readers.texts.preferences import CHOSEN, is_nested
from datasel_core.pools.readers.texts.samples import (
    BEFORE,
    BESIDE,
    CHATS,
    PROMPTS,
    Sample,
    is_plain,
    pair,
    preference,
    single,
)
from datasel_core.pools.readers.texts.spans import USUAL as USUAL_SPANS
from datasel_core.pools.readers.texts.spans import spans_of
from datasel_core.pools.readers.texts.turns import DEFINITIONS, BadRow, Said, is_answer, shown

PAIRS = (
    ("instruction", "response"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("instruction", "output"),
    ("question", "answer"),
)
"""What people usually write; where none of these is there, any prompt goes with any response."""
_RESPONSES = tuple(dict.fromkeys(response for _, response in PAIRS))
USUAL = frozenset({"text", *CHATS, *BESIDE, *BEFORE, *CHOSEN, *DEFINITIONS, *PROMPTS, *_RESPONSES, *USUAL_SPANS})
"""Columns that are needed though they hold lists."""


class NoShape(BadRow):
    """Nothing that could be a sample stands in the row."""


class Ambiguous(BadRow):
    """The row can be read in two ways that say different things."""


@dataclass(frozen=True)
class Shape:
    """Columns that together are a sample: one with text or a conversation, a prompt and its response, or (preference)
    two responses with or without their prompt. usual: it goes before others that are there.
    """

    needs: tuple[str, ...]
    usual: bool = True
    preference: bool = False

    def __str__(self) -> str:
        return " + ".join(self.needs)


@dataclass(frozen=True)
class Shapes:
    """Which columns hold the samples, as far as options say."""

    text: str | None = None
    prompt: str | None = None
    response: str | None = None
    spans: str | None = None

    def __post_init__(self) -> None:
        if self.text is not None and (self.prompt or self.response):
            raise BadInput(
                "The option text_column cannot be given together with prompt_column or response_column; a sample is "
                "one or the other."
            )

    def known(self) -> list[Shape]:
        """Conversations first, then pairs, then running text; last what is not usual."""
        if self.text is not None:
            return [Shape((self.text,))]
        if self.prompt or self.response:
            usual, preferences = self._named(), []
        else:
            usual = [*((name,) for name in CHATS), *PAIRS, ("text",)]
            preferences = [*((name, *CHOSEN) for name in (*PROMPTS, *CHATS)), CHOSEN]
        pairs = _pairs(self.prompt or PROMPTS, self.response or _RESPONSES)
        return [
            *(Shape(needs) for needs in usual),
            *(Shape(needs, usual=False, preference=True) for needs in preferences),
            *(Shape(needs, usual=False) for needs in pairs if needs not in usual),
        ]

    def _named(self) -> list[tuple[str, str]]:
        answers, asked = dict(PAIRS), {response: prompt for prompt, response in PAIRS}
        return _pairs(
            self.prompt or asked.get(self.response or "") or PROMPTS,
            self.response or answers.get(self.prompt or "") or _RESPONSES,
        )


def _pairs(prompts: str | Sequence[str], responses: str | Sequence[str]) -> list[tuple[str, str]]:
    some, others = ((names,) if isinstance(names, str) else names for names in (prompts, responses))
    return [(prompt, response) for prompt in some for response in others if prompt != response]


class Reader:
    """Reads rows in some shapes."""

    def __init__(self, shapes: list[Shape], spans: str | None = None):
        """spans: the column that marks facts in running text; None for one with a usual name."""
        self._shapes, self._spans = shapes, spans
        self._there: dict[tuple[str, ...], list[Shape]] = {}

    def read(self, row: Mapping[str, Any]) -> Sample:
        """Raises BadRow with the reason."""
        found = [shape for shape in self._of(tuple(row)) if not any([is_missing(row[name]) for name in shape.needs])]
        if len(found) > 1:  # a table of several kinds of rows has empty cells
            filled = [shape for shape in found if all(row[name] not in ("", []) for name in shape.needs)]
            found = _likely(row, filled) if len(filled) > 1 else filled or found[:1]
        if not found:
            raise _nothing(row, self._shapes)
        return self._marked(row, _read(row, found[0]))

    def span_columns(self) -> tuple[str, ...]:
        """Where facts may be marked."""
        return USUAL_SPANS if self._spans is None else (self._spans,)

    def _marked(self, row: Mapping[str, Any], sample: Sample) -> Sample:
        """With the facts that are marked in its text."""
        if sample.turns[0].role != "text":
            if self._spans is not None and not is_missing(row.get(self._spans)):
                raise BadRow(
                    f"its {self._spans} marks facts, and it is no running text, in which alone they are marked"
                )
            return sample
        if (found := spans_of(row, sample.turns[0].text, self._spans)) is None:
            return sample
        return sample._replace(used=(*sample.used, found[0]), spans=found[1] or None)

    def only(self, names: tuple[str, ...]) -> tuple[str, ...] | None:
        """The columns of the sample where rows with these columns are read in one way alone: as plain text, or as
        prompt and response, if all are filled with text.
        """
        there = self._of(names)
        found = [shape for shape in there if shape.usual] or there
        if len(found) != 1 or any(shape.preference for shape in there):
            return None
        return found[0].needs if is_plain(found[0].needs, names) else None

    def _of(self, names: tuple[str, ...]) -> list[Shape]:
        """Shapes whose columns are there; most rows of a file have the same."""
        if names not in self._there:
            if len(self._there) > 1000:
                self._there.clear()
            self._there[names] = [shape for shape in self._shapes if set(shape.needs) <= set(names)]
        return self._there[names]


def _likely(row: Mapping[str, Any], shapes: list[Shape]) -> list[Shape]:
    """One of several shapes: two responses where both are turns; else what is usual; else two responses as texts."""
    preferences = [shape for shape in shapes if shape.preference and _is_prompt(row, shape)]
    usual = [shape for shape in shapes if shape.usual]
    if preferences and (is_nested(row) or not usual):
        return preferences[:1]
    likely = usual or [shape for shape in shapes if not shape.preference]
    return _same(row, likely) if len(likely) > 1 else likely


def _is_prompt(row: Mapping[str, Any], shape: Shape) -> bool:
    """Whether what stands before two responses is their prompt; a conversation may be a copy of the chosen one."""
    chosen = row[CHOSEN[0]]
    return shape.needs[0] not in CHATS or is_answer(chosen[0] if isinstance(chosen, list) and chosen else chosen)


def _same(row: Mapping[str, Any], shapes: list[Shape]) -> list[Shape]:
    """One of several shapes, where they say the same: a conversation beside its first prompt and last response, or text
    made of prompt and response.
    """
    turns = [_read(row, shape).turns for shape in shapes]
    for shape, other in zip(shapes[1:], turns[1:], strict=True):
        if other[-1].text == next((turn.text for turn in reversed(turns[0]) if turn.role == "assistant"), None):
            continue
        if other[0].role == "text" and all(text in other[0].text for text in _texts(row, shapes[0], turns[0])):
            continue
        raise Ambiguous(f"it can be read as {shapes[0]} or as {shape}")
    return shapes[:1]


def _texts(row: Mapping[str, Any], shape: Shape, turns: Sequence[Said]) -> list[str]:
    """What text made of a sample holds; what stands beside a prompt is under a heading of its own there."""
    if len(shape.needs) == 2 and all(isinstance(row[name], str) for name in shape.needs):
        return [row[name] for name in shape.needs]
    return [turn.text for turn in turns]


def _nothing(row: Mapping[str, Any], shapes: list[Shape]) -> BadRow:
    there = [shape for shape in shapes if all(name in row for name in shape.needs)]
    if there:
        return BadRow(f"its {next(name for name in there[0].needs if is_missing(row[name]))} is missing")
    half = next(
        (shape for shape in shapes if len(shape.needs) == 2 and any(row.get(name) for name in shape.needs)), None
    )
    if half is not None:
        has = half.needs[0] if row.get(half.needs[0]) else half.needs[1]
        return NoShape(f"it has {_a(has)} and no {' or '.join(_partners(has, shapes))}")
    return NoShape(f"it has none of {_listed(shapes)}; it has: {named(row)}")


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _partners(name: str, shapes: list[Shape]) -> list[str]:
    pairs = [shape.needs for shape in shapes if len(shape.needs) == 2 and name in shape.needs]
    return list(dict.fromkeys(other for needs in pairs for other in needs if other != name))


def _listed(shapes: list[Shape]) -> str:
    """Shapes for an error line: `text, prompt / question + response / answer`."""
    single = [str(shape) for shape in shapes if len(shape.needs) == 1]
    pairs = [shape.needs for shape in shapes if len(shape.needs) == 2 and not shape.preference]
    both = " + ".join(" / ".join(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
    two = [str(shape) for shape in shapes if shape.needs == CHOSEN]
    return ", ".join([*single, *([both] if both else []), *two])


def named(names: Any) -> str:
    """Names of columns for an error line."""
    names = list(names)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(shown(str(name), 60) for name in names[:20]) or "nothing") + more


def _read(row: Mapping[str, Any], shape: Shape) -> Sample:
    """Raises BadRow."""
    if shape.preference:
        return preference(row, shape.needs)
    return pair(row, *shape.needs) if len(shape.needs) == 2 else single(row, shape.needs[0])
