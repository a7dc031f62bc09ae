"""The loss of a language model that learned what a method chose. It takes minutes, so a selection never measures it: it
is read from the pool's table of evidence, where that has the language probe for this very question.
"""

import shlex

import numpy as np

from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.evidence.promises.kind import Kind, Lack, Said
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import NONE, place
from datasel_core.pools.holdout import HOLDOUT
from datasel_core.runs.question import Question

_PROBE = "lm"
"""By its id: what is not asked is not loaded."""


def _read(asked: Question, rows: np.ndarray, progress: Progress) -> Said | None:
    if asked.aside is None or HOLDOUT not in asked.aside.sets:
        return None
    folder = place(asked.workspace, asked.pool, asked.aside.sets[HOLDOUT])
    if not any(folder.glob(f"*/{asked.under(0).key}.npz")):  # with these features, or at all, it was never compared
        return None
    try:
        table = paper.last(folder)
    except BadInput:
        return None
    for cell in paper.every(table) if table else ():
        if (cell["measure"], cell["budget"]) == (_PROBE, asked.budget) and _is_of(asked, table, cell):
            said = {name: cell[name] for name in ("value", "random", "low", "high", "seeds", "verdict")}
            return {"measure": "loss", **said, "kept": cell["kept"], "measured_on": table["holdout"]["measured_on"]}
    return None


def _is_of(asked: Question, table: Said, cell: Said) -> bool:
    """Whether a cell is of this method with these parameters; `s2l:n_clusters=5` is one with its own."""
    if cell["control"] or cell["method"].partition(":")[0] != asked.method.id:
        return False
    own = dict(pair.split("=", 1) for pair in cell["method"].split(":")[1:])
    params = {**table["methods"][cell["method"]]["params"], **own}
    return type(asked.method).of(params).what() == asked.method.what()


def _words(said: Said) -> str:
    return (
        f"A language model that learns {said['kept']:,.0f} chosen like this has a loss of {said['value']:.2f} nats a "
        f"token on {said['measured_on']:,} held-out responses; from random ones {said['random']:.2f} "
        f"({said['verdict']}; {said['seeds']} seeds)."
    )


def _lacks(asked: Question) -> Lack | None:
    """Evidence compares whole pools, so of a part of one there is nothing to be had."""
    part = asked.within or asked.already or asked.filter
    if part or not set(registry.find("probe", _PROBE).opens) <= set(asked.pool.opens):
        return None
    what = "the loss of a language model that learns from these, beside random ones"
    if asked.aside is None or HOLDOUT not in asked.aside.sets:
        first = ["python", "-m", "datasel_core", "holdout", asked.pool.name, "--share", "20%"]
        return f"{what} (hold some out, then choose again)", shlex.join(first)
    return f"{what} (it takes minutes)", command(asked)


def command(asked: Question) -> str:
    """The command that measures it."""
    usual = type(asked.method)().model_dump()
    own = {name: value for name, value in asked.method.model_dump().items() if value != usual[name]}
    named = [asked.method.id, *(f"{name}={'none' if value is None else value}" for name, value in own.items())]
    words = ["python", "-m", "datasel_core", "evidence", asked.pool.name, "--methods", ":".join(named)]
    words += ["--budgets", str(asked.budget), "--probe", _PROBE, "--measures", NONE]
    for role, name in asked.spec.use.items():
        words += ["--use", f"{role}={name}"]
    return shlex.join(words)


KINDS = {"loss": Kind(_read, _words, _lacks, is_read=True)}
