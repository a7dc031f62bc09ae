"""One round begun, and one round done."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence.appraisals.worth import WorthInRandom
from datasel_core.pools.persistence import load_pool
from datasel_core.rounds import effort
from datasel_core.rounds.project import Project, Round, find_project
from datasel_core.rounds.proposal import Proposal
from datasel_core.runs import manifest
from datasel_core.runs.measures import metrics_of_all
from datasel_core.runs.mixtures.answer import mix
from datasel_core.runs.mixtures.asking import Asked, ask
from datasel_core.runs.run import Run
from datasel_core.workspace.locks import Lock


def ask_next(project: Project, proposed: Proposal) -> Asked:
    """The question of the next round, with all earlier ones counted as chosen. Raises BadRequest in one line."""
    project.pool()
    runs = [run_of(project, one) for one in project.rounds]
    before = runs[-1].key if runs else None
    plan = project.plan
    return ask(project.workspace, plan.pool, proposed.recipe, str(proposed.budget), plan.seed, before)


def run_of(project: Project, one: Round) -> Run:
    """The selection of a round. Raises BadInput where it is gone, or is not what it was."""
    folder = project.workspace.run(one.run)
    try:
        said = manifest.intact(folder, "gone on from")
    except BadInput as error:
        raise BadInput(f"Round {one.at} of {project.plan.name} has lost its selection: {error}") from None
    if said["result"]["ids_sha256"] != one.ids_sha256:
        raise BadInput(f"Round {one.at} of {project.plan.name} kept other samples than {folder} holds now.")
    return Run(folder, said)


def begin_round(project: Project, proposed: Proposal, asked: Asked, progress: Progress) -> tuple[Round, Run]:
    """Chooses, and keeps the round; who asks twice gets one. Raises BadRequest, Stopped."""
    run = mix(asked, progress)
    items = len(run.ids)
    planned = effort.planned(project.plan.price, items)
    made = Round(
        at=proposed.at,
        recipe=proposed.recipe,
        budget=proposed.budget,
        run=run.key,
        ids_sha256=run.manifest["result"]["ids_sha256"],
        planned=planned,
        value=_value(project, run),
        failures=proposed.failures,
    )
    with Lock(project.folder).hold(progress.check):
        now = find_project(project.workspace, project.plan.name)
        if len(now.rounds) >= proposed.at:
            if now.rounds[proposed.at - 1].run != run.key:
                raise BadRequest(
                    f"Round {proposed.at} of {project.plan.name} was begun meanwhile, with another recipe."
                )
            return now.rounds[proposed.at - 1], run
        project.keep(made)
    return made, run


def _value(project: Project, run: Run) -> float | None:
    """The measure of the stop rule, with all rounds up to this one; None where it is not known yet."""
    measure = project.plan.stop.measure
    if measure == WorthInRandom.id:
        return (run.manifest["result"].get(measure) or {}).get("n")
    if measure == "coverage":
        far = (metrics_of_all(run.manifest) or {}).get(measure, {}).get("mean")
        return None if far is None else round(100 * (1 - far), 6)
    return None


def finish(
    project: Project,
    took: effort.Effort,
    failures: str | None = None,
    failed: int | None = None,
    disputed: float | None = None,
    accuracy: float | None = None,
) -> Round:
    """Says what the open round took, and what fails now. failures: a pool of it. Raises BadRequest."""
    _check_done(project, failures, failed, disputed, accuracy)
    if failures is not None:
        n = load_pool(project.workspace, failures).n
        failed = n if failed is None else failed
    with Lock(project.folder).hold():
        now = find_project(project.workspace, project.plan.name)
        if not now.is_open or len(now.rounds) != len(project.rounds):
            raise BadRequest(f"Round {len(project.rounds)} of {project.plan.name} is done already.")
        changes: dict[str, Any] = {"actual": took, "failed": failed, "disputed": disputed}
        changes |= {"failures": failures} if failures is not None else {}
        changes |= {"value": accuracy} if accuracy is not None else {}
        made = Round(**{**now.rounds[-1].model_dump(), **{k: _plain(v) for k, v in changes.items()}})
        project.keep(made)
    return made


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, effort.Effort) else value


def _check_done(
    project: Project, failures: str | None, failed: int | None, disputed: float | None, accuracy: float | None
) -> None:
    name, measure = project.plan.name, project.plan.stop.measure
    if not project.is_open:
        said = "has no round yet" if not project.rounds else f"has no open round: round {len(project.rounds)} is done"
        raise BadRequest(f"{name} {said}; begin one: python -m datasel_core rounds next {name}")
    if accuracy is not None and measure != "accuracy":
        raise BadRequest(
            f"{name} watches its {measure}, which is measured; --accuracy is for projects that watch that."
        )
    for flag, value, top in (("disputed", disputed, 100), ("accuracy", accuracy, 100), ("failed", failed, None)):
        if value is not None and not (value >= 0 and (top is None or value <= top)):
            raise BadRequest(f"--{flag} is {value:g}; it must be from 0 {'up' if top is None else f'to {top}'}.")


def took_of_labels(
    project: Project, labels: Mapping[str, Sequence[Any]]
) -> tuple[effort.Effort, int | None, float | None]:
    """What labels that came back say of the open round: what it took, how many fail, and per cent of these on which
    labellers disagree. labels: columns `id`, and where they are known `seconds`, `failed`, `disputed` (yes or no).
    Raises BadRequest.
    """
    if "id" not in labels:
        raise BadRequest(f"The labels have no column id; they have: {', '.join(labels) or 'none'}.")
    _check_done(project, None, None, None, None)
    run = run_of(project, project.rounds[-1])
    took = effort.measured(project.plan.price, run.ids, labels)
    marks = {name: {str(id) for id, value in zip(labels["id"], labels[name], strict=True) if _is_yes(value)}
             for name in ("failed", "disputed") if name in labels}  # fmt: skip
    if "failed" not in marks:
        return took, None, None
    failed = marks["failed"]
    both = len(failed & marks.get("disputed", set()))
    known = "disputed" in marks and failed
    return took, len(failed), 100 * both / len(failed) if known else None


def _is_yes(value: Any) -> bool:
    return str(value).strip().lower() in ("1", "1.0", "true", "yes", "y")


def with_budget(proposed: Proposal, project: Project, budget: int | None) -> Proposal:
    """The proposal with another budget. Raises BadRequest where it is above what is left."""
    if budget is None or budget == proposed.budget:
        return proposed
    if not 1 <= budget <= project.left:
        raise BadRequest(f"The budget of the round is {budget:,}; it must be from 1 to {project.left:,}, what is left.")
    return dataclasses.replace(proposed, budget=budget, planned=effort.planned(project.plan.price, budget))
