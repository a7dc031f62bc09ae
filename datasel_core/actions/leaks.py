"""Looking for samples of one pool in another: what is chosen must not be what it is tested on."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence.leaks import report as leak_report
from datasel_core.evidence.leaks.between import between, comparable
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

_ANSWER = "leaks.json"


@task("leaks", version=1, title="Look for leaks")
class Leaks(Task):
    """Looks for samples of one pool in another: the same or nearly the same texts, pictures and embeddings, and groups
    in both. Exit 1: something overlaps.
    """

    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "Seconds for 20,000 texts; photos are opened once, some 500 a second."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    against: str = Field(description="The other pool, such as the one to test on.")
    by: str | None = Field(None, description="Column of both, such as a patient or a video: equal values are a leak.")
    ngram: int = Field(
        13,
        ge=2,
        le=100,
        description="Words of a run that two texts share. Each character of Chinese or Japanese counts as one: 20 say "
        "there about what 13 words say elsewhere.",
    )
    common: int = Field(
        10, ge=1, description="Runs of words that more samples of a pool have are phrases of many, and no leak."
    )
    jaccard: float = Field(0.7, gt=0, le=1, description="Share of runs of three words in common: nearly the same text.")
    picture: float = Field(
        0.97, gt=0, le=1, description="Correlation of pictures, squashed to 32 x 32: nearly the same picture."
    )
    cosine: float = Field(0.95, gt=0, le=1, description="Cosine of embeddings: nearly the same.")

    def prepare(self, workspace: Workspace) -> Work:
        one, other = load_pool(workspace, self.pool), load_pool(workspace, self.against)
        if one.name == other.name:
            raise BadRequest(f"{one.name} overlaps with itself; name another pool with --against.")
        comparable(one, other, self.by)
        folder = self.folder(one, other)
        return Work(folder, lambda progress: self._looked(one, other, folder, progress))

    def headline(self) -> str:
        return f"Looking for {self.pool} in {self.against}"

    def folder(self, one: Pool, other: Pool) -> Path:
        """Where the answer for these two, as they are now, lies."""
        pools = [pool.table_sha256 for pool in (one, other)]
        return one.workspace.task(key_of({**self.spec(), "pools": pools}))

    def limits(self) -> Limits:
        return Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__})

    def _looked(self, one: Pool, other: Pool, folder: Path, progress: Progress) -> Outcome:
        found = between(one, np.arange(one.n), other, np.arange(other.n), progress, self.limits())
        document = leak_report.document(found)
        write_json(folder / _ANSWER, document)
        short = {name: document[name] for name in ("overlaps", "samples", "against_samples", "counts")}
        code = 1 if document["overlaps"] else 0
        return Outcome(short, document, leak_report.lines(found), document["notes"], code)


def read_answer(folder: Path) -> dict[str, Any] | None:
    """What was found last, as `leak_report.document` gives it; None where nobody looked, or the file is damaged."""
    try:
        return read_json(folder / _ANSWER)
    except BadInput:
        return None
