"""How far an emulator of climate can be relied on that is fitted to the years of a selection: a reliability card."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.climate.emulators.driver import DRIVERS, TRUE
from datasel_core.analysis.climate.emulators.kinds import KINDS
from datasel_core.analysis.climate.emulators.pattern_scaling import PatternScaling
from datasel_core.analysis.climate.emulators.training import WEIGHTINGS
from datasel_core.analysis.climate.emulators.variability import Variability
from datasel_core.analysis.climate.forcing import HOW_TO_BRING
from datasel_core.base.declare import ARGUMENT, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.asked import Asked, Wanted, ask
from datasel_core.evidence.emulators.document import document
from datasel_core.evidence.emulators.fits import Fitted, fit
from datasel_core.evidence.emulators.page import page
from datasel_core.exports import climate_emulator, guard
from datasel_core.exports.climate_emulator import About
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

_PERIOD = re.compile(r"\s*(\d{1,4})\s*-\s*(\d{1,4})\s*")
_OWN = ("of", "card", "out", "overwrite", "period")
EXPORTED = ("pattern_scaling", "variability")
"""Emulators that are tables of numbers, so that a short script can use them."""


@task("emulator", version=1, title="Judge an emulator")
class JudgeEmulator(Task):
    """Fits an emulator of climate to the years of a selection, or of a pool, and judges it on a scenario that was
    neither trained on nor the reference: a reliability card, with baselines, the noise floor and a verdict by a stated
    rule beside every number.
    """

    part: ClassVar[str] = cards.PART
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "Seconds for pattern scaling; up to half a minute for a Gaussian process, more for a network."

    run: str = Field(
        description="A kept selection of simulated years (folder, key or name), or a pool: then all of its years.",
        json_schema_extra=ARGUMENT,
    )
    target: str = Field(description="What judges: SCENARIO, or SCENARIO/MEMBER; nothing of it may be trained on.")
    reference: str | None = Field(
        None, description="Scenario towards which was chosen; by default that of the selection's target pool."
    )
    training: str | None = Field(
        None, description="Scenarios or runs to train on, with commas between; by default all others."
    )
    kind: Literal["pattern_scaling", "gaussian_process", "cnn", "variability"] = Field(
        "pattern_scaling",
        description="Which emulator: pattern_scaling, gaussian_process, cnn or variability.",
        json_schema_extra=spoken({name: one.title for name, one in KINDS.items()}),
    )
    driver: Literal["gmst", "emulated", "forcing"] = Field(
        TRUE,
        description="What it is told of the target: its true global mean, one emulated from forcing, or forcing.",
        json_schema_extra=spoken(DRIVERS),
    )
    forcing: str | None = Field(None, description=f"Table of forcing: {HOW_TO_BRING}.")
    weighting: Literal["years", "scenarios", "scenario_years"] = Field(
        "years",
        description="How scenarios are weighed against one another: years, scenarios or scenario_years.",
        json_schema_extra=spoken(WEIGHTINGS),
    )
    period: str = Field("2080-2100", description="First and last year that scores are of.")
    seeds: int = Field(1, ge=1, le=20, description="Fits of what begins at random, which is the network alone.")
    seed: int = Field(0, ge=0, description="The first seed; of ensembles, too.")
    members: int = Field(50, ge=2, le=1000, description="Members of the ensemble that is drawn, where there is one.")
    regions: str | None = Field(
        None,
        description="Regions to score: a file, GeoJSON or the published table of the AR6 regions; or ar6, where "
        "regionmask has fetched them before.",
    )
    card: str | None = Field(None, description="Also write the card to this file: .html or .json.")
    out: str | None = Field(None, description="Also write the emulator to this folder, for use without this program.")
    overwrite: bool = Field(False, description="Replace what others wrote there.")

    @field_validator("period")
    @classmethod
    def _is_span(cls, value: str) -> str:
        found = _PERIOD.fullmatch(value)
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError("it must be two years, the first one first, as in 2080-2100")
        return f"{int(found[1])}-{int(found[2])}"

    def prepare(self, workspace: Workspace) -> Work:
        if self.card is not None:
            if Path(self.card).suffix not in (".html", ".json"):
                raise BadRequest(f"The card is written as .html or .json; {Path(self.card).name} is neither.")
            guard.check_file(workspace, self.card, self.overwrite)
        if self.out is not None:
            if self.kind not in EXPORTED:
                title = KINDS[self.kind].title
                raise BadRequest(f"{title} is no table of numbers that a short script could use; leave out --out.")
            guard.check_folder(workspace, self.out, self.overwrite)
        asked = ask(workspace, self._wanted())
        folder = workspace.emulator(key_of({"emulator": type(self).version, **asked.what()}))
        return Work(folder, lambda progress: self._judged(workspace, asked, folder, progress))

    def headline(self) -> str:
        return f"Judging {KINDS[self.kind].title.lower()} of {Path(self.run).name} on {self.target}"

    def _wanted(self) -> Wanted:
        first, last = map(int, self.period.split("-"))
        named = {name: getattr(self, name) for name in Wanted.__dataclass_fields__ if name not in _OWN}
        return Wanted(of=self.run, period=(first, last), **named)

    def _judged(self, workspace: Workspace, asked: Asked, folder: Path, progress: Progress) -> Outcome:
        said, fitted = cards.whole(folder), None
        if said is None or self.out is not None:
            fitted = fit(asked, progress)
        if said is None:
            said = cards.keep(folder, *document(asked, fitted, progress))
        written = []
        if self.card is not None:
            written.append(_write(workspace, self.card, said, self.overwrite))
        if self.out is not None:
            about = _about(asked, fitted, said)
            written.append(climate_emulator.write(workspace, self.out, fitted.first, about, progress, self.overwrite))
        lines = [*_lines(said), *(f"Written: {one}" for one in written)]
        result = {"key": said["key"], "verdict": said["verdict"]["word"], "files": [str(one) for one in written]}
        return Outcome(result, said, lines, said["notes"])


def _write(workspace: Workspace, out: str, said: dict[str, Any], overwrite: bool) -> Path:
    if Path(out).suffix == ".json":
        text = json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = page(said, cards.maps(workspace, said["key"]))
    with guard.new_file(workspace, out, overwrite) as (path, temporary):
        temporary.write_text(text, encoding="utf-8")
    return path


def _about(asked: Asked, fitted: Fitted, said: dict[str, Any]) -> About:
    task, origin = said["task"], said["provenance"]
    assert isinstance(fitted.first, PatternScaling | Variability)
    made_of = f"{task['years']} years of {', '.join(task['training_runs'])}; ids sha256:{origin['kept_sha256']}"
    return About(
        asked.grid.lat,
        asked.grid.lon,
        asked.grid.variable,
        asked.grid.units,
        dict(zip(fitted.driver.names, fitted.driver.units, strict=True)),
        asked.grid.baseline,
        task["weighting"],
        made_of,
        origin["files"],
    )


def _lines(said: dict[str, Any]) -> list[str]:
    """The card for a terminal: errors beside baselines and the noise floor, then the verdict."""
    job, floor = said["task"], said["floor"]
    units, (first, last) = job["units"], job["period"]
    lines = [
        f"{job['title']} on {job['years']:,} years of {', '.join(job['training'])}; judged on {job['target']}, "
        f"{first}-{last}. Driver: {job['driver']}."
    ]
    lines += [
        f"  {one['title']}: RMSE_s {one['rmse_s']:.3f} {units}, RMSE_g {one['rmse_g']:.3f} {units}"
        for one in said["errors"].values()
    ]
    noise = said["reasons"].get("floor", "") if floor is None else f"{floor['s']:.3f} {units} ({floor['between']})"
    lines.append(f"  Noise floor: {noise}")
    warned = [said["over_fit"]] if said["over_fit"] else []
    return [*lines, *warned, *said["drivers"]["sentences"], said["verdict"]["sentence"], f"Card: {said['key']}"]
