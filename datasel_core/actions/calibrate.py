"""How many bits a parameter a shape of model stores: measured, and kept in the workspace."""

import time
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import HOW, Field
from datasel_core.base.progress import Progress
from datasel_core.base.trouble import in_words
from datasel_core.evidence.facts import answers, calibrations
from datasel_core.features.facts_training.calibration import DIGITS
from datasel_core.features.facts_training.learning import HEAD
from datasel_core.features.language.models import check_sizes
from datasel_core.workspace.layout import Workspace


@task("calibrate", version=1, title="Measure bits a parameter")
class Calibrate(Task):
    """Trains a model of a shape on random numbers, in three amounts and under several seeds, and measures how many bits
    a parameter it stores: what `capacity` else takes from what others published.
    """

    part: ClassVar[str] = "evidence"
    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    cost: ClassVar[str] = "About 15 minutes on two cores for 80 thousand parameters, 100 exposures and 3 seeds."

    layers: int = Field(2, ge=1, le=100, description="Layers of the model.")
    width: int = Field(48, ge=8, le=10_000, description="Width of the model.")
    heads: int | None = Field(None, ge=1, description="Attention heads; by default as many as are 8 wide.")
    exposures: int = Field(100, ge=1, le=1_000_000, description="How often each fact is seen.")
    seeds: int = Field(3, ge=1, le=100, description="Trainings of each amount; one alone has no interval.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )

    def prepare(self, workspace: Workspace) -> Work:
        heads = self.heads or max(1, self.width // HEAD)
        check_sizes(self.width, heads)
        folder = calibrations.place(workspace, self.layers, self.width, heads, self.exposures)
        return Work(folder, lambda progress: self._measured(folder, heads, progress))

    def headline(self) -> str:
        return f"Measuring the bits a parameter of {self.layers} layers {self.width} wide"

    def _measured(self, folder: Any, heads: int, progress: Progress) -> Outcome:
        found = answers.read(folder)
        if found is None or found["seeds"] != self.seeds:
            shape = self.layers, self.width, heads, self.exposures, self.seeds
            with in_words(
                "Nothing could be measured",
                "Take another shape (--layers, --width, --heads).",
                "Take a smaller width, or close other programs; what was finished is kept.",
            ):
                said = calibrations.measured(folder, *shape, self.device, progress)
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                found = answers.keep(folder, {**said, "created_utc": now})
        said = {name: value for name, value in found.items() if name != "order"}
        return Outcome({"rho": said["rho"]}, {**said, "folder": str(folder)}, _lines(said))


def _lines(said: dict[str, Any]) -> list[str]:
    between = "" if said["low"] is None else f" (95 % interval {said['low']:.2f} to {said['high']:.2f})"
    rows = [
        f"  {one['facts']:,} numbers of {DIGITS} digits, {one['asked']:.2f} bits a parameter: {one['stored']:.2f} "
        f"stored, {one['memorised']:,.0f} known whole"
        for one in said["points"]
    ]
    return [
        f"{said['rho']:.2f} bits a parameter{between} at {said['exposures']:,} exposures; {said['parameters']:,} "
        f"parameters, {said['seeds']} {'seed' if said['seeds'] == 1 else 'seeds'}.",
        *rows,
    ]
