"""Setting samples aside before anything is chosen."""

import dataclasses
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.actions.yardstick import made as measured
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.yardstick import yardsticks
from datasel_core.pools import holdout
from datasel_core.pools.holdout import CALLED, GOLD, HOLDOUT, SetAside
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@task("holdout", version=1, title="Draw a held-out set")
class HoldOut(Task):
    """Sets samples aside that no method may see or choose, so that what is chosen can be tested on them; without
    --share, says what is set aside.
    """

    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "Nothing; with near-duplicates about a minute for 100,000 samples. Where the pool has an embedding, random "
        "choices are then measured on it: seconds, with groups up to a minute."
    )

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    share: str | None = Field(None, description="How many: a count, or a share of the pool such as 20%.")
    by: str | None = Field(None, description="A column whose values are never split, such as a patient or a video.")
    near: bool = Field(False, description="Keep near-duplicates (embedding, cosine from .95) on one side.")
    gold: bool = Field(False, description="Draw a gold set, for checking labellers, instead of a held-out set.")
    seed: int = Field(0, ge=0, description="Start of the random numbers.")
    remove: bool = Field(False, description="Give the set up; its samples can be chosen again.")

    @property
    def kind(self) -> str:
        return GOLD if self.gold else HOLDOUT

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        if self.share is None and (self.by or self.near):
            raise BadRequest("--by and --near say how a set is drawn; say how large it is with --share.")
        if self.share is not None and self.remove:
            raise BadRequest("--remove gives the set up; draw another one after that, without --remove.")
        if self.share is not None:
            drawing.check(pool, self.kind, self.share, self.by)
        return Work(self.own_folder(workspace), lambda progress: self._done(workspace, pool, progress))

    def headline(self) -> str:
        return f"Setting samples of {self.pool} aside"

    def _done(self, workspace: Workspace, pool: Pool, progress: Progress) -> Outcome:
        if self.remove:
            holdout.forget(pool, self.kind)
            return Outcome(
                {"ids": []}, lines=[f"{pool.name} has no {CALLED[self.kind]} any more; its samples can be chosen."]
            )
        if self.share is None:
            found = holdout.read(pool, self.kind)
            return Outcome({"ids": []}, lines=[_none(pool, self.kind)]) if found is None else _said(pool, found)
        made = drawing.draw(workspace, pool, self.share, self.by, self.near, self.kind, self.seed, progress)
        before = drawing.kept_before(workspace, pool, made)
        notes = [
            f"{before:,} kept {'selection was' if before == 1 else 'selections were'} made before this set was drawn; "
            "what they show on it proves nothing: choose again."
        ]
        said = _said(pool, made, notes if before and not self.gold else ())
        if found := [] if self.gold else yardsticks(workspace, pool, holdout.of(pool)):
            return dataclasses.replace(said, lines=[*said.lines, *measured(found, progress).lines])
        return said


def _said(pool: Pool, found: SetAside, notes: tuple[str, ...] | list[str] = ()) -> Outcome:
    about, there = found.about, len(found.rows(pool))
    how = " and ".join([f"by {about['by']}"] * bool(about["by"]) + ["near-duplicates together"] * bool(about["near"]))
    line = (
        f"{CALLED[found.kind]} of {pool.name}: {about['n']:,} of {about['pool']['n']:,} samples in "
        f"{about['parts']:,} parts{f', drawn {how}' if how else ''}; no selection can choose them."
    )
    gone = [f"{about['n'] - there:,} of them are no longer in the pool."] if there < about["n"] else []
    plain = {name: value for name, value in about.items() if name not in ("schema", "sha256", "table_sha256")}
    return Outcome(
        {"kind": found.kind, "ids": found.ids, **plain}, lines=[line[0].upper() + line[1:]], notes=[*gone, *notes]
    )


def _none(pool: Pool, kind: str) -> str:
    flag = " --gold" if kind == GOLD else ""
    return (
        f"{pool.name} has no {CALLED[kind]}; draw one before anything is chosen: "
        f"python -m datasel_core holdout {pool.name} --share 20%{flag}"
    )
