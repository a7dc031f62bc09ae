"""How far pruning by the loss hangs on the length of the warm-up, and on beta."""

from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.capacity import check_columns, facts_in
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.facts.capacity import capacity, rho
from datasel_core.analysis.facts.table import answer_bits
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.evidence.facts import answers, sensitivities
from datasel_core.evidence.facts.sensitivities import Losses
from datasel_core.features.encoders.answer_loss import AnswerLoss
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@task("sensitivity", version=1, title="See what pruning hangs on")
class Sensitivity(Task):
    """Which facts pruning by the loss would keep after warm-ups of several lengths and for several betas, how far these
    agree, and whether a loss tells frequent facts from rare ones. Lengths are those after which `answer_loss` was
    computed, where these are several, else the checkpoints of loss trajectories.
    """

    cost: ClassVar[str] = "Seconds; the losses are there already."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    parameters: int = Field(ge=1, description="Parameters of the model that will learn the facts.")
    exposures: float = Field(100, gt=0, description="How often training will show each fact; bits a parameter follow.")
    rho: float | None = Field(None, gt=0, le=100, description="Bits a parameter, where that was measured.")
    bits_per_fact: float | None = Field(
        None, gt=0, le=1000, description="Bits of a fact, where they are known; by default estimated of each relation."
    )
    answer: str = Field("answer", description="Column of the answers.")
    relation: str = Field("relation", description="Column of what each question asks for.")
    fact: str | None = Field(None, description="Column of which equal values mean one fact; by default fact.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        check_columns(pool, self.answer, self.relation, self.fact)
        found = sensitivities.sources(workspace, Roles.of(workspace, pool))
        return Work(self.own_folder(workspace), lambda progress: self._said(workspace, pool, found, progress))

    def headline(self) -> str:
        return f"Looking what pruning of {self.pool} hangs on"

    def _said(self, workspace: Workspace, pool: Pool, found: Losses, progress: Progress) -> Outcome:
        facts, rows, named = facts_in(pool, self.answer, self.relation, self.fact)
        progress.check()
        at = rho(self.exposures) if self.rho is None else self.rho
        room = capacity(self.parameters, at)
        of, loss, known = sensitivities.losses(found, rows)
        which = np.searchsorted(rows, known)
        bits = answer_bits(facts)[which] if self.bits_per_fact is None else np.full(len(known), self.bits_per_fact)
        said = {
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "loss": found.by.key,
            "lengths": {"features": [one.key for one in found.lengths], "whole_answers": found.are_whole()},
            "capacity_bits": room,
            "bits_per_fact": self.bits_per_fact,
            **sensitivities.measured(of, loss, facts.of[which], bits, room, named),
        }
        folder = answers.place(workspace, "sensitivity", {"pool": pool.fingerprint})
        kept = answers.keep(folder, said)
        notes = []
        if len(of) < 2:
            notes.append(
                f"One length of warm-up; for others: python -m datasel_core feature compute {pool.name} "
                f"{AnswerLoss.id} --set steps=N"
            )
        elif not found.are_whole():
            notes.append("Losses of trajectories are means over the tokens of an answer, not their sum.")
        document = {name: value for name, value in kept.items() if name != "order"}
        return Outcome({"warm_ups": len(said["warm_ups"])}, document, _lines(said), notes)


def _lines(said: dict[str, Any]) -> list[str]:
    lines = []
    for one in said["warm_ups"]:
        told = "" if one["with_frequency"] is None else f"; against frequency {one['with_frequency']:.2f}"
        lines.append(
            f"warm-up of {one['steps']:,} steps: {one['facts']:,} facts kept, {one['overlap']:.0%} as after the "
            f"longest; ranks as the longest, Spearman {one['spearman']:.2f}{told}"
        )
    return lines + [
        f"beta {one['beta']:g}: {one['facts']:,} facts in {one['samples']:,} samples, {one['overlap']:.0%} as at 1"
        for one in said["betas"]
    ]
