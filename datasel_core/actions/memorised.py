"""How many facts a small model knows by heart, trained on everything and on a selection alone."""

from typing import Any, ClassVar

from datasel_core.actions.facts import selection_of
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.registry import find
from datasel_core.evidence.facts import memory
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool
from datasel_core.probes.evaluate import check_opens
from datasel_core.probes.numbers.facts import BESIDE, DROPPED
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.layout import Workspace

_SAID = {
    "memorised": "facts known by heart, beyond guessing",
    "exact_match": "right of what was trained",
    "rephrased_match": "right in wordings that were not",
    "bits_a_parameter": "bits a parameter",
    "weighted_accuracy": "right of all, as often as they are stated",
}

_DROPPED = dict(zip(DROPPED, ("right", "the answer of another fact", "neither"), strict=True))


@task("memorised", version=1, title="Measure what is memorised")
class Memorised(Task):
    """Trains a small model on everything and one on the kept alone, with equal steps and the same seeds, and asks both
    what they know by heart; of what was dropped each says right, the answer of another fact, or neither.
    """

    part: ClassVar[str] = "evidence"
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "Minutes: about 20 ms a step and seed, twice, and the questions."

    run: str = Field(description="Folder of the selection, its key, or its name.", json_schema_extra=ARGUMENT)
    params: dict[str, Any] = Field(
        {}, description="Of the probe facts, such as n=1500 steps, n_seeds=3.", json_schema_extra=called("set")
    )

    def prepare(self, workspace: Workspace) -> Work:
        probe = find("probe", memory.PROBE).of(self.params)
        said = manifest.intact(find_folder(workspace, self.run), "measured")
        pool = load_pool(workspace, said["pool"]["name"])
        run = selection_of(workspace, pool, self.run, "measured")
        check_opens(probe, pool)
        roles = Roles.of(workspace, pool, needs=probe.needs)
        folder = memory.place(workspace, roles, run, probe)
        return Work(folder, lambda progress: _outcome(memory.measured(folder, roles, run, probe, progress)))

    def headline(self) -> str:
        return "Measuring what is memorised before and after"


def _outcome(said: dict[str, Any]) -> Outcome:
    arms = said["arms"]
    short = {name: arms[name]["memorised"] for name in arms}
    lines = []
    for name, words in _SAID.items():
        both = [f"{arm} {_number(found, name)}" for arm, found in arms.items() if found.get(name) is not None]
        lines += [f"{words}: {', '.join(both)}"] if both else []
    lines += [
        f"of {found['asked'][asked]:,} questions about what was dropped, {arm} says: {_shares(found)}"
        for (arm, found), asked in zip(arms.items(), (BESIDE, "dropped"), strict=True)
        if found.get("dropped_right") is not None
    ]
    if said["moved"]:
        parts = ", ".join(f"{word} {memory.points(said['moved'], name)}" for name, word in _DROPPED.items())
        lines.append(f"so pruning changed, in percentage points: {parts}")
    return Outcome(short, {name: value for name, value in said.items() if name != "order"}, lines)


def _shares(found: dict[str, Any]) -> str:
    """`right 3.1%, the answer of another fact 20.0%, neither 76.9%`."""
    return ", ".join(f"{word} {found[name]:.1%}" for name, word in _DROPPED.items())


def _number(found: dict[str, Any], name: str) -> str:
    """`123 (110 to 136)`."""
    low, high = found.get(f"{name}_low"), found.get(f"{name}_high")
    between = "" if low is None else f" ({low:,.4g} to {high:,.4g})"
    return f"{found[name]:,.4g}{between}"
