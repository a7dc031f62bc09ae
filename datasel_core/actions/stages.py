"""Training in stages, each on what the model as it is then would gain most from, beside a plain run."""

import shlex
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.phases import Phase
from datasel_core.base.progress import Progress
from datasel_core.base.trouble import in_words
from datasel_core.features.flops import said as flops_said
from datasel_core.stages.asked import ARMS, JUDGE, OTHER, REFERENCE, Asked
from datasel_core.stages.asking import ask
from datasel_core.stages.course import phase
from datasel_core.stages.run import run
from datasel_core.stages.verdicts import sentence
from datasel_core.workspace.layout import Workspace


@task("stages", version=1, title="Choose in stages")
class Stages(Task):
    """Trains a language model in stages: at each its influence is measured anew, predicted for the whole pool, and what
    would help most is chosen by MATES from what is unused. Beside it a plain run on random samples, and one whose
    influence is never measured again; losses on reference, judge and other after each stage.
    """

    part: ClassVar[str] = "stages"
    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "Probes take most of it: 1 to 5 a second on two cores; 3 stages of 500 probes some 10 to 20 minutes a seed."
    )

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    reference: str = Field(description="Pool on which influence is measured: what the model is to be good at.")
    judge: str | None = Field(None, description="Pool of the same kind as the reference, unused, that judges.")
    other: str | None = Field(None, description="Pool of another kind, unused, that judges, too.")
    stages: int = Field(3, ge=1, le=100, description="How many stages after the warm-up.")
    warm_up: str = Field("20%", description="Samples of the warm-up, drawn: a count, or a share of the pool.")
    share: str = Field("20%", description="Samples of each stage: a count, or a share of the pool.")
    probes: int = Field(500, ge=20, description="Samples whose influence is measured at each stage.")
    passes: int = Field(1, ge=1, description="How often each sample of a stage is seen.")
    decay: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Share of the last stage's samples that is learned while the rate falls to nothing.",
    )
    epochs: int = Field(1, ge=1, description="How many stages may have the same sample, the warm-up among them.")
    seeds: int = Field(1, ge=1, le=1000, description="Seeds, paired; with fewer than 8 nothing is said of better.")
    arms: str = Field(",".join(ARMS), description=f"Which are trained, of {', '.join(ARMS)}.")
    params: dict[str, Any] = Field(
        {},
        description="Of mates (temperature, law, diverse, weak); probe.NAME of influence_probe (probe.steps of the "
        "warm-up, probe.model, probe.rate), influence.NAME of the prediction (influence.by).",
        json_schema_extra=called("set"),
    )

    def prepare(self, workspace: Workspace) -> Work:
        judges = {REFERENCE: self.reference, JUDGE: self.judge, OTHER: self.other}
        asked = ask(
            workspace,
            self.pool,
            judges,
            self.stages,
            self.warm_up,
            self.share,
            self.probes,
            self.passes,
            self.decay,
            self.epochs,
            self.seeds,
            [part.strip() for part in self.arms.split(",") if part.strip()],
            self.params,
        )
        return Work(
            asked.folder,
            lambda progress: _outcome(asked, self._run(asked, progress)),
            asked.notes,
            phases=_phases(asked),
            size=asked.seeds * asked.stages * asked.probe.n_probes,
        )

    def headline(self) -> str:
        return f"Training on {self.pool} in {self.stages} stages"

    def _run(self, asked: Asked, progress: Progress) -> dict[str, Any]:
        with in_words(
            f"No language model could be trained on {self.pool} in stages",
            "Take other parameters (--set probe.NAME=value).",
            "Take a smaller model (--set probe.width=96), or close other programs; what was finished is kept.",
        ):
            return run(asked, progress)


def _phases(asked: Asked) -> list[Phase]:
    seeds = range(asked.seeds)
    return [
        Phase(phase(asked, seed, stage), 1 + 3 * (stage > 0)) for seed in seeds for stage in range(asked.stages + 1)
    ]


def _outcome(asked: Asked, said: dict[str, Any]) -> Outcome:
    short = {"stages": asked.folder.name, "verdicts": said["verdicts"], "finished": said["finished"]}
    return Outcome(short, {**said, "folder": str(asked.folder)}, [*told(said), str(asked.folder)], said["notes"])


def told(said: dict[str, Any]) -> list[str]:
    """What came out, a line each."""
    lines = []
    for one in said["stages"]:
        rank = one["spearman"]
        drift = "" if one["drift"] is None else f"; ranks all samples as the stage before: {one['drift']:.2f}"
        lines.append(
            f"stage {one['stage']}, seed {one['seed']}: predicted against measured influence, Spearman "
            f"{rank['mid']:.2f} ({rank['low']:.2f} to {rank['high']:.2f}){drift}"
        )
    lines += [sentence(cell) for cell in said["verdicts"]]
    lines += said["over_fit"]
    lines += [one["words"] for one in said["benefits"]]
    lines += [_spent(arm, one) for arm, one in said["cost"].items()]
    return [*lines, f"Other methods from the same checkpoint: {cheap(said)}"]


def cheap(said: dict[str, Any]) -> str:
    """The command that compares other methods by short runs from the checkpoint of the warm-up."""
    judges = ",".join(one["name"] for one in said["judges"] if one["what"] != REFERENCE)
    words = ["python", "-m", "datasel_core", "evidence", said["pool"], "--methods", "mates,bm25", "--budgets", "10%"]
    words += ["--target", next(one["name"] for one in said["judges"] if one["what"] == REFERENCE)]
    words += [
        "--probe",
        "decay",
        "--set",
        f"probe.model={said['checkpoint']}",
        *(["--judges", judges] if judges else []),
    ]
    return shlex.join(words)


def _spent(arm: str, cost: dict[str, dict[str, float]]) -> str:
    parts = [f"{part} {flops_said(flops)}" for part, flops in cost["flops"].items() if flops]
    return f"{arm} cost: {', '.join(parts)}; {sum(cost['seconds'].values()):,.0f} s"
