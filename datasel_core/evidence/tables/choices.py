"""What the methods of a table choose, budget by budget and seed by seed; each choice is made once and kept at once,
with all that is measured of it, so that a kill costs one.
"""

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.evidence.judged import each_of
from datasel_core.evidence.measures import Measure
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import Candidates
from datasel_core.runs.engine import choose
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.arrays import read_arrays, write_arrays
from datasel_core.workspace.layout import Workspace

RANDOM = "random"
_ROWS, _SECONDS, _DRAWS = "rows", "seconds", "draws"
_USE = "use."


@dataclass(frozen=True)
class Choice:
    """One answer of a method. rows: (b,) of the pool. seconds: that choosing took; of a longer choice where this is the
    beginning of one. draws: whether another seed may give another answer.
    """

    key: str
    rows: np.ndarray
    seconds: float
    draws: bool


@dataclass(frozen=True)
class Choices:
    """Choices that are kept in a folder, a file each: `KEY.npz` with the rows, and with what was measured of them."""

    folder: Path

    def read(self, key: str) -> dict[str, np.ndarray]:
        """Empty where nothing is kept, or it is damaged: then it is made once more."""
        with contextlib.suppress(BadInput, FileNotFoundError):
            found = read_arrays(self._path(key))
            return found if {_ROWS, _SECONDS, _DRAWS} <= found.keys() else {}
        return {}

    def of(self, asked: Question, longest: int, progress: Progress) -> Choice:
        """asked: with its budget and seed. longest: the largest budget of the table, at which a method of which smaller
        answers are the beginning is asked. Raises BadRequest, Stopped.
        """
        if (known := self._choice(asked)) is not None:
            return known
        whole = asked.at(longest) if asked.method.prefix else asked
        if whole.budget != asked.budget and (known := self._choice(whole)) is not None:
            return self._keep(asked, known.rows, known.seconds, known.draws)
        rng = np.random.default_rng(asked.spec.seed)
        before, start = rng.bit_generator.state, time.perf_counter()
        rows = choose(whole, Progress(should_stop=progress.should_stop), rng=rng).rows
        seconds, draws = time.perf_counter() - start, rng.bit_generator.state != before
        self._keep(whole, rows, seconds, draws)
        return self._keep(asked, rows, seconds, draws)

    def measured(self, choice: Choice, measures: Mapping[str, Measure], progress: Progress) -> dict[str, np.ndarray]:
        """Of each measure, by the name under which it is kept, one number per held-out sample."""
        kept = self.read(choice.key)
        lacking = {name: one for name, one in measures.items() if name not in kept}
        new = each_of(lacking, choice.rows, progress)
        if new:
            about = {_ROWS: choice.rows, _SECONDS: np.float64(choice.seconds), _DRAWS: np.bool_(choice.draws)}
            write_arrays(self._path(choice.key), {**kept, **about, **new})
        return {name: new[name] if name in new else kept[name] for name in measures}

    def _choice(self, asked: Question) -> Choice | None:
        kept = self.read(asked.key)
        return Choice(asked.key, kept[_ROWS], float(kept[_SECONDS]), bool(kept[_DRAWS])) if kept else None

    def _keep(self, asked: Question, rows: np.ndarray, seconds: float, draws: bool) -> Choice:
        made = Choice(asked.key, rows[: asked.budget], seconds, draws)
        about = {_ROWS: made.rows, _SECONDS: np.float64(seconds), _DRAWS: np.bool_(draws)}
        write_arrays(self._path(made.key), {**self.read(made.key), **about})
        return made

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


@dataclass(frozen=True)
class Entry:
    """A method of the table. name: as it was asked for: `freesel:sampler=farthest`. asked: at the largest budget."""

    name: str
    asked: Question

    def settings(self) -> dict[str, Any]:
        """What it was asked with, so that the same can be chosen: parameters, features by key, target."""
        spec, used = self.asked.spec, self.asked.roles.about(self.asked.method.roles())
        use = {role: about.get("key") or about["column"] for role, about in used.items() if role in spec.use}
        if spec.target is not None:
            use |= {role: name for role, name in spec.use.items() if role.startswith("target.")}
        return {"params": dict(spec.params), "use": use, "target": spec.target}


def entries(
    workspace: Workspace,
    pool: Pool,
    names: Sequence[str],
    budget: str,
    params: Mapping[str, str],
    use: Mapping[str, str],
    target: str | None,
) -> list[Entry]:
    """names: `ID` or `ID:parameter=value:parameter=value`, of which `use.ROLE=FEATURE` is for this one alone. params:
    of every method that has them. Raises BadRequest, with one line that names the method, before anything is computed.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise BadRequest(f"{twice} stands twice among the methods; a table has a row for each.")
    given = [_parsed(name) for name in names if name != RANDOM]
    if not given:
        raise BadRequest("Name at least one method to compare with random: --methods A,B.")
    classes = [find("method", id) for id, _ in given]
    for name in params:
        if not any(name in cls.model_fields for cls in classes):
            raise BadParameter(f"No method of the table has a parameter {name}; of the probe it is probe.{name}.")
    if target is not None and not any(cls.needs_target for cls in classes):
        raise BadRequest(f"No method of the table takes a target; leave out --target {target}.")
    found = []
    for name, cls, (id, own) in zip([one for one in names if one != RANDOM], classes, given, strict=True):
        mine = {one[len(_USE) :]: value for one, value in own.items() if one.startswith(_USE)}
        own = {one: value for one, value in own.items() if not one.startswith(_USE)}
        own = {**{one: value for one, value in params.items() if one in cls.model_fields}, **own}
        towards = target if cls.needs_target else None
        spec = Spec(pool=pool.name, method=id, params=own, budget=budget, use={**use, **mine}, target=towards)
        try:
            found.append(Entry(name, resolve(workspace, spec, pool)))
        except BadRequest as error:
            raise BadRequest(f"{name}: {error}") from None
    return found


def among(asked: Question, rows: np.ndarray) -> Question:
    """The same question, of these rows alone. Raises BadRequest."""
    other = dataclasses.replace(asked)
    given = np.intersect1d(asked.candidates.given, rows)
    other.__dict__["candidates"] = Candidates(given, given[:0], given)
    return other.check()


def _parsed(name: str) -> tuple[str, dict[str, str]]:
    id, *pairs = name.split(":")
    found = {}
    for pair in pairs:
        parameter, equals, value = pair.partition("=")
        if not equals or not parameter:
            raise BadRequest(f"{name} must look like METHOD or METHOD:parameter=value.")
        found[parameter] = value
    return id, found
