"""A selection made of several methods' shares, under quotas."""

from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.runs.catalog import names
from datasel_core.runs.catalog.label import checked_name, checked_note
from datasel_core.runs.mixtures.answer import mix, quotas_kept
from datasel_core.runs.mixtures.asking import Asked, ask
from datasel_core.runs.mixtures.options import Options
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace


@task("mix", version=1, title="Choose by several methods")
class Mix(Options, Task):
    """Chooses by several methods' shares under quotas: quotas are met first, then shares; an id counts once, a cap is
    never broken.
    """

    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "What the methods cost, one after the other; again where a quota stands against their picks."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    budget: str = Field(description="How many to keep: a count, or a share such as 10%; of units where these count.")
    seed: int = Field(0, description="Start of the random numbers: the same seed gives the same selection.")
    already: str | None = Field(None, description="An earlier selection (folder, key, name) that counts as chosen.")
    within: str | None = Field(None, description="An earlier selection: choose only among what it kept.")
    where: str | None = Field(None, description="SQL condition on the pool's columns and its numbers.")
    name: str | None = Field(None, description="What to call the selection; by default its methods and budget.")
    note: str | None = Field(None, description="A note about it; it stays in the workspace, as the name does.")
    out: str | None = Field(None, description="Folder for a copy of the run.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        if self.out is not None:
            check_out(workspace, self.out, self.overwrite)
        recipe = self.made(workspace)
        asked = ask(workspace, self.pool, recipe, self.budget, self.seed, self.already, self.within, self.where)
        names.check_free(workspace, checked_name(self.name or ""), workspace.run(key_of(asked.what())))
        checked_note(self.note or "")
        return Work(self.own_folder(workspace), lambda progress: self._mixed(asked, progress), [recipe.words()])

    def headline(self) -> str:
        return f"Choosing {self.budget} of {self.pool} by several methods"

    def _mixed(self, asked: Asked, progress: Progress) -> Outcome:
        run = mix(asked, progress)
        if self.name is not None or self.note is not None:
            names.give(asked.workspace, run.folder, self.name, self.note)
        shown = run if self.out is None else copy_run(run, self.out, self.overwrite)
        return Outcome(
            {"run": run.key, "n": run.manifest["result"]["n"]},
            {"run": str(shown.folder), "key": run.key, "manifest": run.manifest, "quotas": quotas_kept(run)},
            [*told(run), str(shown.folder)],
        )


def told(run: Run) -> list[str]:
    """How many each share brought, and whether quotas were met, a line each."""
    said, shares = run.manifest, run.selection.why["share"].tolist()
    lines = [f"{said['result']['n']:,} samples kept. ids_sha256 {said['result']['ids_sha256']}"]
    for at, share in enumerate(said["method"]["params"]["recipe"]["shares"], 1):
        towards = f" towards {share['target']}" if share["target"] else ""
        lines.append(f"{shares.count(at):,} by {share['method']}{towards}, {share['percent']:g} %")
    for share, why in said["method"]["params"]["short"].items():
        lines.append(f"share {share} fell short, the others made up for it: {why}")
    for bound in ("least", "most"):
        if one := [quota for quota in quotas_kept(run) if bound in quota]:
            n = [quota["n"] for quota in one]
            lines.append(f"at {bound} {one[0][bound]:,} per {one[0]['per']}: met, {min(n):,} to {max(n):,} of each")
    return lines
