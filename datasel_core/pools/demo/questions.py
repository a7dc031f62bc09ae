"""The demo pool `questions`: prompts and responses from ten sources, some easy, some hard, one that nobody can learn.
All sentences are ours.

A language model that trains on them for a few minutes learns the sources at different speeds: what it copies or fills
into a fixed sentence first, what needs steps later, and invented numbers never.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.pools.demo.question_words import DAYS, FAMILY_NAMES, FIRST_NAMES, SHOPS, SYMBOLS, THINGS, UNITS, WORDS
from datasel_core.workspace.files import writing

PER_SOURCE = 240

Asked = tuple[str, str, int]
"""Prompt, response, and how many steps lead to it."""


def make_questions(folder: Path, per_source: int = PER_SOURCE, progress: Progress | None = None) -> Path:
    """Writes questions.jsonl: the same samples every time, sources in turn."""
    named = (progress or Progress()).over(SOURCES.items(), len(SOURCES), "writing questions")
    columns = [_unique(number, name, make, per_source) for number, (name, make) in enumerate(named)]
    with writing(folder / "questions.jsonl") as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for rows in zip(*columns, strict=True):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return folder / "questions.jsonl"


def _unique(
    number: int, source: str, make: Callable[[np.random.Generator], Asked], n: int
) -> list[dict[str, str | int]]:
    """n samples of one source with different prompts; they do not depend on the other sources."""
    rng = np.random.default_rng([4, number])
    found: dict[str, Asked] = {}
    while len(found) < n:
        asked = make(rng)
        found.setdefault(asked[0], asked)
    return [
        {"id": f"{source}-{at:04d}", "source": source, "prompt": prompt, "response": response, "steps": steps}
        for at, (prompt, response, steps) in enumerate(found.values())
    ]


def _one(rng: np.random.Generator, choices: list) -> object:
    return choices[int(rng.integers(len(choices)))]


def _number(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _addition(rng: np.random.Generator) -> Asked:
    """Digit by digit from the right, as on paper."""
    a, b = _number(rng, 12, 9_999), _number(rng, 12, 9_999)
    lines, carry, place = [], 0, 0
    while a // 10**place or b // 10**place:
        left, right = a // 10**place % 10, b // 10**place % 10
        total = left + right + carry
        lines.append(
            f"{left} + {right}{' + 1' if carry else ''} = {total}: write "
            f"{total % 10}{', carry 1' if total > 9 else ''}."
        )
        carry, place = total // 10, place + 1
    if carry:
        lines.append("Write the carried 1 in front.")
    return f"Add {a} and {b}. Show every column.", "\n".join([*lines, f"#### {a + b}"]), len(lines)


def _shopping(rng: np.random.Generator) -> Asked:
    who, thing, price, many = _one(rng, FIRST_NAMES), _one(rng, THINGS), _number(rng, 2, 12), _number(rng, 3, 15)
    lost, paid = _number(rng, 1, many - 1), many * price + _number(rng, 1, 30)
    kind = _number(rng, 0, 2)
    buys = f"{who} buys {many} {thing} for {price} coins each"
    first = f"The {thing} cost {many} x {price} = {many * price} coins."
    if kind == 0:
        asked = f"{buys} and pays with {paid} coins. How many coins does {who} get back?"
        return (
            asked,
            f"{first}\n{paid} - {many * price} = {paid - many * price} coins are left.\n#### {paid - many * price}",
            2,
        )
    left, gain = many - lost, _number(rng, 1, 6)
    lines = [
        first,
        f"{many} - {lost} = {left} {thing} are left.",
        f"They are sold for {price} + {gain} = {price + gain} coins each.",
        f"That makes {left} x {price + gain} = {left * (price + gain)} coins.",
    ]
    asked = f"{buys}, loses {lost} of them, and sells the others for {gain} coins more than each one cost."
    if kind == 1:
        return f"{asked} How many coins does the sale bring?", "\n".join([*lines, f"#### {left * (price + gain)}"]), 4
    result = left * (price + gain) - many * price
    lines.append(f"{left * (price + gain)} - {many * price} = {result}.")
    return f"{asked} How many coins does {who} win? Give a loss with a minus.", "\n".join([*lines, f"#### {result}"]), 5


def _units(rng: np.random.Generator) -> Asked:
    large, small, factor = _one(rng, UNITS)
    many = _number(rng, 2, 400)
    if rng.random() < 0.5:
        return (
            f"How many {small} are {many} {large}?",
            f"One of the {large} is {factor} {small}.\n{many} x {factor} = {many * factor}\n#### {many * factor}",
            1,
        )
    total = many * factor
    return (
        f"How many {large} are {total} {small}?",
        f"{factor} {small} make one of the {large}.\n{total} / {factor} = {many}\n#### {many}",
        1,
    )


def _calendar(rng: np.random.Generator) -> Asked:
    today, later = _number(rng, 0, 6), _number(rng, 3, 120)
    then = DAYS[(today + later) % 7]
    steps = (
        f"{later} days are {later // 7} weeks and {later % 7} days.\n{later % 7} days after {DAYS[today]} comes {then}."
    )
    return f"Today is {DAYS[today]}. Which day of the week is it in {later} days?", f"{steps}\n#### {then}", 2


def _reversal(rng: np.random.Generator) -> Asked:
    word = "".join(str(_one(rng, WORDS)) for _ in range(_number(rng, 1, 2)))
    return f"Write backwards: {word}", word[::-1], 1


def _sorting(rng: np.random.Generator) -> Asked:
    words = [WORDS[at] for at in rng.permutation(len(WORDS))[: _number(rng, 3, 7)]]
    return f"Sort these words by the alphabet: {', '.join(words)}", ", ".join(sorted(words)), len(words)


def _logic(rng: np.random.Generator) -> Asked:
    parts, words = [bool(rng.integers(2))], []
    text = str(parts[0]).lower()
    for _ in range(_number(rng, 2, 5)):
        word, negated, value = str(_one(rng, ["and", "or"])), bool(rng.integers(2)), bool(rng.integers(2))
        meant = value != negated
        parts.append(parts[-1] and meant if word == "and" else parts[-1] or meant)
        words.append(f"{str(parts[-2]).lower()} {word} {str(meant).lower()} is {str(parts[-1]).lower()}.")
        text = f"{f'({text})' if words[1:] else text} {word} {'not ' if negated else ''}{str(value).lower()}"
    return f"True or false? {text}", "\n".join([*words, f"So it is {str(parts[-1]).lower()}."]), len(words)


def _copying(rng: np.random.Generator) -> Asked:
    said = " ".join(str(_one(rng, WORDS)) for _ in range(_number(rng, 4, 10)))
    return f"Repeat after me: {said}", said, 1


def _orders(rng: np.random.Generator) -> Asked:
    """Near-duplicates: one letter to customers, in which only two words change."""
    shop, number = _one(rng, SHOPS), _number(rng, 1_000, 9_999)
    said = (
        f"Thank you for your order {number} from {shop}. We have packed it with care and it leaves our house tomorrow "
        "morning. "
        "If anything is not as you wished, write to us within thirty days and we will make it right. With kind "
        "regards, your team."
    )
    return f"Confirm order {number} of a customer of {shop}.", said, 1


def _telephone(rng: np.random.Generator) -> Asked:
    """Invented: nothing in the prompt says anything about the answer."""
    who = f"{_one(rng, FIRST_NAMES)} {_one(rng, FAMILY_NAMES)}"
    digits = "".join(map(str, rng.integers(0, 10, 12)))
    return (
        f"What is written beside the name {who} in the old telephone book?",
        f"{digits[:3]} {digits[3:6]} {digits[6:9]} {_one(rng, SYMBOLS)}{digits[9:]}",
        1,
    )


SOURCES: dict[str, Callable[[np.random.Generator], Asked]] = {
    "copying": _copying,
    "orders": _orders,
    "units": _units,
    "calendar": _calendar,
    "logic": _logic,
    "sorting": _sorting,
    "addition": _addition,
    "word-problems": _shopping,
    "reversal": _reversal,
    "telephone": _telephone,
}
"""Name -> one sample, easier ones first; `telephone` cannot be learned, only remembered."""
