"""The course of one seed: a warm-up, then stage after stage all arms side by side; each line is on disk as it comes."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.rank_correlation import spearman
from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.influence import INFLUENCE, Influence
from datasel_core.features.encoders.influence_probe import InfluenceProbe
from datasel_core.features.stored import StoredFeature
from datasel_core.runs.catalog import lists, names
from datasel_core.runs.engine import select
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.stages import lines
from datasel_core.stages.asked import RANDOM, STAGED, Asked
from datasel_core.stages.asking import MATES
from datasel_core.stages.trainings import Trained, Trainings

_SIZES = ("samples", "steps", "step", "tokens", "parameters", "unreadable")


@dataclass
class _Arm:
    """Where an arm is. run: the last one that chose. used: (n,) how many stages had each sample. chosen: rows of all
    stages. values: influence as it was predicted last.
    """

    trained: Trained
    run: Run | None
    used: np.ndarray
    chosen: list[np.ndarray] = field(default_factory=list)
    values: np.ndarray | None = None


@dataclass(frozen=True)
class _Known:
    """Influence at a checkpoint: of some samples measured, of all predicted."""

    measured: StoredFeature
    predicted: StoredFeature

    def said(self) -> dict[str, Any]:
        """spearman, probes, and what it cost: flops and seconds of each part. Learning and predicting are one work, of
        which only the seconds of both are known.
        """
        probed, learned = self.measured.meta["facts"], self.predicted.meta["facts"]
        flops = learned.get("flops", {})
        return {
            "measured": self.measured.key,
            "predicted": self.predicted.key,
            "spearman": learned["spearman"],
            "probes": learned["n_probed"],
            "checked": learned["n_validation"],
            "flops": {
                "probe": probed["flops"]["probes"],
                "fit": flops.get("fit", 0),
                "predict": flops.get("predict", 0),
            },
            "seconds": {"probe": self.measured.meta["seconds"], "fit": self.predicted.meta["seconds"]},
        }


class Course:
    """One seed of a run in stages. tell: called when there is more to be known."""

    def __init__(self, asked: Asked, trainings: Trainings, seed: int, tell: Callable[[], object]):
        self.asked, self.trainings, self.seed, self.tell = asked, trainings, seed, tell
        self.known: dict[str, _Known] = {}
        self.held: set[str] = set()

    def run(self, progress: Progress) -> None:
        """To the end of all arms. Raises BadRequest, Failed, Stopped; what was finished is found the next time."""
        asked = self.asked
        progress.enter(phase(asked, self.seed, 0))
        run, rows = None, np.empty(0, np.int64)
        if asked.warm_up:
            run = self._chosen(0, RANDOM, Spec(method=RANDOM, **self._same(0, asked.warm_up)), progress)
            rows = run.selection.rows
        begun = self.trainings.begin(self.seed, rows, progress, self._label("warming up"))
        self.warm, arms = begun, {}
        self.held.add(begun.key)
        for name in asked.arms:
            used = np.zeros(asked.pool.n, np.int64)
            used[rows] += 1
            arms[name] = _Arm(begun, run, used)
            self._line(name, 0, run, begun, {})
        for stage in range(1, asked.stages + 1):
            progress.enter(phase(asked, self.seed, stage))
            for name, arm in arms.items():
                self._stage(name, arm, stage, arms, progress)
            self.tell()

    def _stage(self, name: str, arm: _Arm, stage: int, arms: Mapping[str, _Arm], progress: Progress) -> None:
        asked, known, said = self.asked, None, {}
        if name != RANDOM:
            at, since = (arm.trained, stage) if name == STAGED else (self.warm, 1)
            known = self._influence(at, since, self._place(stage, name), progress)
            said = known.said() if since == stage else {"predicted": known.predicted.key}
        spec = self._spec(name, arm, stage, known)
        before = arm.trained
        arm.run = self._chosen(stage, name, spec, progress)
        rows = arm.run.selection.rows
        arm.used[rows] += 1
        arm.chosen.append(rows)
        if name == STAGED:
            values = np.asarray(known.predicted.values(), dtype=np.float64)
            said |= {} if arm.values is None else {"drift": _alike(values, arm.values)}
            arm.values = values
        before_it = [other for other in arms if len(arms[other].chosen) >= stage and other != name]
        said["overlap"] = {other: _overlap(arm, arms[other]) for other in before_it}
        order, last = asked.drawn(self.seed, stage), stage == asked.stages
        falling = self._falling(rows) if last and asked.decay else rows[:0]
        label = self._label(f"training, stage {stage} of {asked.stages}, {name}")
        arm.trained = self.trainings.go_on(before, np.setdiff1d(rows, falling), order, False, progress, label)
        self._line(name, stage, arm.run, arm.trained, said)
        self._hold(name, before, arm.trained)
        if len(falling):
            label = self._label(f"training while the rate falls, {name}")
            end = self.trainings.go_on(arm.trained, falling, order, True, progress, label)
            self._line(name, stage + 1, arm.run, end, {"falls": True})
        if last:
            self._hold(name, arm.trained)

    def _hold(self, name: str, *trained: Trained) -> None:
        """Checkpoints of the staged arm stay, from which its influence was measured; those of others go once they are
        gone on from. The last of `trained` is not yet, where there are several.
        """
        if name == STAGED:
            self.held |= {one.key for one in trained}
        for one in trained[: max(1, len(trained) - 1)]:
            if one.key not in self.held:
                self.trainings.let_go(one)

    def _influence(self, at: Trained, stage: int, place: str, progress: Progress) -> _Known:
        """At this checkpoint; measured once where several arms are there."""
        if at.key not in self.known:
            asked, seed = self.asked, self.asked.drawn(self.seed, stage)
            probe = InfluenceProbe(**{**asked.probe.model_dump(), "model": str(at.folder), "seed": seed})
            with _in_our_options(place):
                measured = compute_feature(asked.workspace, asked.pool, probe, progress)
                model = Influence(**{**asked.model.model_dump(), "measured": measured.key, "seed": seed})
                predicted = compute_feature(asked.workspace, asked.pool, model, progress)
            self.known[at.key] = _Known(measured, predicted)
        return self.known[at.key]

    def _spec(self, name: str, arm: _Arm, stage: int, known: _Known | None) -> Spec:
        same = {**self._same(stage, self.asked.chosen), "already": self._already(arm)}
        if known is None:
            return Spec(method=RANDOM, **same)
        use = {INFLUENCE.name: known.predicted.key}
        return Spec(method=MATES, params=dict(self.asked.mates), use=use, **same)

    def _same(self, stage: int, budget: int) -> dict[str, Any]:
        return {"pool": self.asked.pool.name, "budget": str(budget), "seed": self.asked.drawn(self.seed, stage)}

    def _already(self, arm: _Arm) -> str | None:
        """What counts as chosen: by lineage all that was, in several epochs what was as often as it may be."""
        if self.asked.epochs == 1:
            return None if arm.run is None else arm.run.key
        spent = np.flatnonzero(arm.used >= self.asked.epochs)
        words = f"Learned {self.asked.epochs} times"
        return lists.keep(self.asked.workspace, self.asked.pool, spent, words).value if len(spent) else None

    def _chosen(self, stage: int, name: str, spec: Spec, progress: Progress) -> Run:
        place = self._place(stage, name)
        with _in_our_options(place):
            run = select(self.asked.workspace, spec, progress)
        if not run.note:
            names.give(self.asked.workspace, run.folder, note=f"{place}, of a run in stages.")
        return run

    def _place(self, stage: int, name: str) -> str:
        return (
            f"Stage {stage} of {self.asked.stages}, {name}, seed {self.seed}" if stage else f"Warm-up, seed {self.seed}"
        )

    def _falling(self, rows: np.ndarray) -> np.ndarray:
        """Those of the last stage that are learned while the rate falls, drawn."""
        seed = self.asked.drawn(self.seed, self.asked.stages + 1)
        return np.random.default_rng(seed).permutation(np.sort(rows))[: self.asked.decay]

    def _line(self, name: str, stage: int, run: Run | None, trained: Trained, more: Mapping[str, Any]) -> None:
        said = {"seed": self.seed, "arm": name, "stage": stage, "run": run and run.key, "training": trained.key}
        flops = {"train": trained.said["flops"], **more.get("flops", {})}
        seconds = {"train": trained.said["seconds"], **more.get("seconds", {})}
        losses = {what: float(np.nanmean(one)) for what, one in trained.losses.items()}
        sizes = {name: trained.said[name] for name in _SIZES}
        lines.write(self.asked.folder, {**sizes, **more, **said, "flops": flops, "seconds": seconds, "losses": losses})

    def _label(self, what: str) -> str:
        return what if self.asked.seeds == 1 else f"{what}, seed {self.seed + 1} of {self.asked.seeds}"


def phase(asked: Asked, seed: int, stage: int) -> str:
    """What a part of the work is called."""
    part = f"stage {stage} of {asked.stages}" if stage else "warm-up"
    return part if asked.seeds == 1 else f"seed {seed + 1} of {asked.seeds}, {part}"


_OPTIONS = {
    "--set steps=": "--set probe.steps=",
    "--set share=...": "--warm-up ...",
    "--set overlap": "--set probe.overlap",
}
"""Options of what measures and chooses, and what they are called here."""


@contextlib.contextmanager
def _in_our_options(place: str) -> Iterator[None]:
    """What is refused within is said with the stage where it was, and with the options of this command."""
    try:
        yield
    except (BadRequest, Failed) as error:
        words = str(error)
        for theirs, ours in _OPTIONS.items():
            words = words.replace(theirs, ours)
        kind = next(one for one in (BadInput, BadRequest, Failed) if isinstance(error, one))
        raise kind(f"{place}: {words}") from None


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    there = np.isfinite(one) & np.isfinite(other)
    return float(spearman(one[there], other[there]))


def _overlap(arm: _Arm, other: _Arm) -> float:
    """The share of what an arm has chosen until now that another one, which chose as often, has chosen, too."""
    return float(np.isin(np.concatenate(arm.chosen), np.concatenate(other.chosen)).mean())
