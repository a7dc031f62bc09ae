"""Finding samples of a pool."""

import dataclasses
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.find import found, words
from datasel_core.runs.find.found import Asked, Found
from datasel_core.workspace.layout import Workspace


@task("find", version=1, title="Find samples")
class Find(Task):
    """Finds samples: by words in names, captions and texts, by what is similar to one, by what a text says of a
    picture, or by a condition. Words all have to occur; "a phrase" in quotes, -word for without, capitals and accents
    make no difference. First comes the sample that is called so, then where the words occur most often.
    """

    cost: ClassVar[str] = "A second for 100,000 texts; a model is loaded first for what a text says of a picture."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    query: str = Field(
        "", title="words", description="What to look for, such as 'red dress' -black.", json_schema_extra=ARGUMENT
    )
    similar: str | None = Field(None, description="Id of a sample: what is most alike it, by the pool's embedding.")
    image_text: str | None = Field(None, description="What a picture shows: the nearest by the pool's CLIP model.")
    where: str | None = Field(None, description="SQL condition on the pool's columns and its numbers.")
    n: int = Field(20, ge=1, description="How many are shown; of what is merely near, how many are found.")
    use: dict[str, str] = Field({}, description="role=feature, where it is not the newest.")
    keep_list: bool = Field(False, description="Keep all that was found as a list, for select --within.")

    def prepare(self, workspace: Workspace) -> Work:
        pool, asked = load_pool(workspace, self.pool), self.asked()
        if asked.by == found.WORDS:
            words.read(asked.words)
        return Work(self.own_folder(workspace), lambda progress: self._said(workspace, pool, asked, progress))

    def headline(self) -> str:
        return f"Looking through {self.pool}"

    def asked(self) -> Asked:
        """What is looked for."""
        return Asked(self.query, self.similar, self.image_text, self.where, self.n, self.use)

    def _said(self, workspace: Workspace, pool: Pool, asked: Asked, progress: Progress) -> Outcome:
        answer = found.find(workspace, pool, asked, progress)
        if self.keep_list:
            answer = dataclasses.replace(answer, listed=found.keep(workspace, answer))
        document = found.document(answer, self.n)
        return Outcome(document, lines=_lines(answer, self.n), notes=answer.notes)


def _lines(answer: Found, n: int) -> list[str]:
    shown = found.document(answer, n)["results"]
    lines = [f"{len(answer.rows):,} of {answer.of:,} samples of {answer.pool.name}"]
    if len(shown) < len(answer.rows):
        lines[0] += f", the first {len(shown):,}:"
    for one in shown:
        number = one.get("occurrences", one.get("cosine"))
        places = "; ".join(f"{column}: {' '.join(text.split())}" for column, text in one.get("where", {}).items())
        lines.append("\t".join(part for part in (one["id"], "" if number is None else str(number), places) if part))
    if answer.listed:
        lines.append(f"Kept as a list: --within {answer.listed}")
    return lines
