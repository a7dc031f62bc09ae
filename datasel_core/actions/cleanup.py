"""Making room: what of the workspace can go, and taking it away."""

from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import Field
from datasel_core.errors import BadParameter, UnknownName
from datasel_core.runs.catalog import cleanup
from datasel_core.runs.catalog.cleanup import KINDS, Item, Removed, Space
from datasel_core.workspace.files import size
from datasel_core.workspace.layout import Workspace


@task("cleanup", version=1, title="Make room")
class Cleanup(Task):
    """Lists what of the workspace can go, with its size; with --yes it goes. Nothing that a kept selection depends on
    is among it, nor what is being worked on. Features, brought vectors, runs in stages and unfinished work go only
    where --kinds names them.
    """

    cost: ClassVar[str] = "Reads all records of the workspace once."

    older: str | None = Field(None, description="Only what was not written for so long: 30d, 12h, 2w.")
    kinds: str | None = Field(None, description=f"Only these, separated by commas: {', '.join(KINDS)}.")
    yes: bool = Field(False, description="Take it away; without, it is only listed.")

    def prepare(self, workspace: Workspace) -> Work:
        seconds = 0.0 if self.older is None else cleanup.age(self.older)
        kinds = self._named()
        return Work(self.own_folder(workspace), lambda _: self._made(workspace, seconds, kinds))

    def headline(self) -> str:
        return "Making room"

    def _named(self) -> list[str] | None:
        if self.kinds is None:
            return None
        named = [one.strip() for one in self.kinds.split(",") if one.strip()]
        if not named:
            raise BadParameter(f"--kinds names nothing; give some of: {', '.join(KINDS)}.")
        for one in named:
            if one not in KINDS:
                raise UnknownName("kind of thing that can go", one, KINDS)
        return named

    def _made(self, workspace: Workspace, seconds: float, kinds: list[str] | None) -> Outcome:
        there = cleanup.space(workspace, seconds)
        shown = [item for item in there.items if kinds is None or item.kind in kinds]
        going = [item for item in shown if kinds is not None or KINDS[item.kind].at_once]
        removed = cleanup.remove(workspace, [item.name for item in going], seconds) if self.yes and going else None
        document = {
            "total": there.total,
            "can_go": sum(item.bytes for item in going),
            "items": [_about(item, item in going) for item in shown],
            "stays": list(there.stays),
            "deleted": None if not self.yes else list(removed.names) if removed else [],
            "freed": removed.bytes if removed else 0,
            "failed": list(removed.failed) if removed else [],
        }
        lines = _listed(there, shown, going) if removed is None else _told(removed)
        return Outcome(document, lines=lines, notes=there.stays, code=1 if removed and removed.failed else 0)


def _about(item: Item, goes: bool) -> dict[str, object]:
    return {"kind": item.kind, "name": item.name, "bytes": item.bytes, "used": round(item.used), "goes": goes}


def _listed(there: Space, shown: list[Item], going: list[Item]) -> list[str]:
    lines = [f"{size(there.total)} in all, {size(sum(item.bytes for item in going))} can go with --yes"]
    for kind, about in KINDS.items():
        mine = [item for item in shown if item.kind == kind]
        if mine:
            named = "" if mine[0] in going else f" (only with --kinds {kind})"
            lines.append(f"{about.title}: {size(sum(item.bytes for item in mine))}; {about.then}{named}")
            lines += [f"  {item.name}\t{size(item.bytes)}" + (f"\t{item.words}" if item.words else "") for item in mine]
    return lines if shown else ["Nothing can go."]


def _told(removed: Removed) -> list[str]:
    return [f"{len(removed.names):,} things deleted, {size(removed.bytes)} freed", *removed.failed]
