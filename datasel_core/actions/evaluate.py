"""Measuring a selection: its metrics, and a probe that trains on what was kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.pools.changed import changes
from datasel_core.probes.evaluate import REST, run_probe
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.measures import KEPT, named_metrics, recorded_metrics
from datasel_core.workspace.layout import Workspace

FLATTERS = (
    "Tested on what was not kept: a method that keeps the rare and the hard leaves an easier rest, and looks better "
    "for it. A held-out set, drawn before anything is chosen, does not."
)


@task("evaluate", version=1, title="Evaluate a selection")
class Evaluate(Task):
    """Metrics of a selection, and optionally a probe."""

    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "What the probe costs; metrics are there already."

    run: str = Field(description="Folder of the selection, its key, or its name.", json_schema_extra=ARGUMENT)
    probe: str | None = Field(None, description="Train small on the kept, test on the pool's held-out set: {probe}.")
    params: dict[str, Any] = Field({}, description="Parameters of the probe.", json_schema_extra=called("set"))
    held_out: str | None = Field(
        None,
        description="Pool to test on instead of the held-out set, for {probe.elsewhere}; or rest: what was not kept of "
        "the pool, which makes methods that leave the easy samples look better than they are.",
    )

    def prepare(self, workspace: Workspace) -> Work:
        if self.probe is None and (self.params or self.held_out):
            raise BadRequest("--set and --held-out are for a probe; name one with --probe.")
        if self.probe is not None:
            find("probe", self.probe).of(self.params)
        folder = find_folder(workspace, self.run)
        said = manifest.intact(folder, "evaluated")
        return Work(self.own_folder(workspace), lambda progress: self._measured(workspace, folder, said, progress))

    def headline(self) -> str:
        return f"Evaluating {Path(self.run).name}"

    def _measured(self, workspace: Workspace, folder: Path, said: Mapping[str, Any], progress: Progress) -> Outcome:
        changed = changes(workspace, said["pool"], manifest.kept_table(folder), progress)
        found, counts, notes = recorded_metrics(said), manifest.counts(said), changed.lines()
        lines = named_lines(said)
        if self.probe is not None:
            measured = run_probe(workspace, folder, self.probe, progress, self.params, self.held_out)
            found["probe"] = {"id": self.probe, **measured}
            lines += metric_lines({self.probe: found["probe"]})
            notes += [FLATTERS] if self.held_out == REST else []
            notes += [f"The probe learns from both: {counts.parts}."] if counts.earlier else []
        return Outcome(found, lines=lines, notes=notes)


def named_lines(said: Mapping[str, Any]) -> list[str]:
    """A line per metric of a selection; where some were chosen earlier, each part under a line that says of whom."""
    found = named_metrics(said)
    return [line for of, one in found.items() for line in ([f"{of}:"] if of != KEPT else []) + metric_lines(one)]


def metric_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line per metric, tables left out."""
    return [
        f"  {id}: " + ", ".join(f"{name} {value}" for name, value in numbers.items() if not isinstance(value, dict))
        for id, numbers in metrics.items()
    ]
