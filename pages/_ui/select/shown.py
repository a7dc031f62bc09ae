"""Which answer is on the screen: the one to what is asked, or, while there is none, the one of the earlier settings."""

from dataclasses import dataclass

from datasel_core.runs.question import Question
from pages._ui.kit import disk, keys, look, palette
from pages._ui.question import answers
from pages._ui.question.answers import Answer


@dataclass(frozen=True)
class Shown:
    """An answer and what it answers. is_earlier: it is not what is asked now."""

    choice: Question
    answer: Answer
    is_earlier: bool


def of(choice: Question, n: int, answer: Answer | None) -> Shown | None:
    """answer: to this question for a budget of n, where there is one; the next time it may be the earlier one."""
    pool = choice.pool
    state = pool.table_sha256, disk.aside(pool)
    if answer is not None:
        keys.put("select.shown", (state, choice, n))
        return Shown(choice, answer, is_earlier=False)
    before = keys.get("select.shown")
    if before is None or before[0] != state:  # another pool, or other samples are set aside by now
        return None
    earlier = answers.answer(before[1], before[2])
    return None if earlier is None else Shown(before[1], earlier, is_earlier=True)


def words(found: Shown) -> str:
    """`50 of 929 photos`, and that they answer the earlier settings where they do."""
    counts = found.answer.counts
    when = f" of the earlier settings ({found.choice.method.title})" if found.is_earlier else ""
    return f"{counts.words} {look.unit(found.choice.pool, counts.pool)}{when}"


def told(found: Shown) -> tuple[str, str]:
    """For the strip: what is shown and not kept, and the colour of its method."""
    return f"preview: {words(found)}, not kept", palette.colour_of(found.choice.method.id)
