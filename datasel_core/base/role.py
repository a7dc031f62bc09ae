"""Roles: what a feature fills and a method asks for, declared once. A role is no encoder: any that fits may fill it.

Roles that several features fill stand here; one that a single feature fills is declared in that feature's file. A
number role is at once a column for `--where`, a histogram, a colour of the map, and something `by_score` goes by.
"""

from dataclasses import dataclass
from typing import Literal

from datasel_core.base import registry

Shape = Literal["vector", "series", "number", "ragged", "grid", "label", "labels", "any"]
"""Per sample: one vector of which the direction counts, one row of which the size counts, one number, several vectors,
a grid of vectors, one name, a list of names; `any` where nobody declared the role.
"""
_AXES = {"vector": 2, "series": 2, "number": 1, "grid": 3, "label": 1, "labels": 1}


@dataclass(frozen=True)
class Role:
    """name: as in commands and manifests. summary: one sentence for people. unit: of its numbers, may be empty.

    good: which direction is good for a sample, empty where neither is. covers: whether coverage of a pool is measured
    in it. space: roles that name one space hold vectors of one model, so that cosines between them mean something.
    any_vectors: whether a feature of another role may fill it, when it is named. also: roles whose features fill it
    when they are named, or where it has none of its own; a method's `trust` is told what they are. kept_by: the
    command that keeps it where no feature fills it, `POOL` in place of the pool's name.
    """

    name: str
    shape: Shape
    summary: str = ""
    unit: str = ""
    good: Literal["high", "low", ""] = ""
    covers: bool = False
    space: str = ""
    any_vectors: bool = False
    also: tuple[str, ...] = ()
    kept_by: str = ""

    @property
    def axes(self) -> int | None:
        """How many axes its array has; None where that is not fixed."""
        return _AXES.get(self.shape)


_declared: dict[str, Role] = {}


def declare(role: Role) -> Role:
    """Makes a role known. Raises TypeError when another one has the name."""
    if _declared.setdefault(role.name, role) != role:
        raise TypeError(f"The role {role.name} is declared twice, in two ways.")
    return role


def roles() -> dict[str, Role]:
    """All declared roles, by name: those of this file first, then those of single features."""
    registry.every("feature")  # importing them declares theirs
    return dict(_declared)


def find_role(name: str) -> Role:
    """The role of this name; one that nobody declared, such as an array that somebody brought, may be of any shape."""
    return (
        _declared.get(name) or roles().get(name) or Role(name, "any")
    )  # features are imported only where it is needed


EMBEDDING = declare(
    Role("embedding", "vector", "One vector per sample: distances between samples.", covers=True, any_vectors=True)
)
PATTERNS = declare(Role("patterns", "ragged", "A few vectors per photo, one for each thing in it.", covers=True))
IMAGE = declare(
    Role("image", "vector", "One vector per picture, comparable with text.", covers=True, space="image and text")
)
TEXT = declare(Role("text", "vector", "One vector per text, comparable with pictures.", space="image and text"))
GROUP = declare(Role("group", "label", "The name of the group that a sample belongs to: a column of the pool."))
PICTURE = declare(
    Role("picture", "label", "Which picture a sample shows, where several may show the same: columns of the pool.")
)
FACT = declare(Role("fact", "label", "Which fact a sample states: equal numbers mean the same one."))
RELATION = declare(
    Role("relation", "label", "What is asked of a thing, such as its maker: a column of the pool, or another.")
)
LABELS = declare(
    Role("labels", "labels", "The class of each thing that people marked in a sample: a column of the pool.")
)
LABEL = declare(Role("label", "label", "What most labellers said of a sample; none where they disagree."))
LABELLERS = declare(Role("labellers", "number", "How many people labelled a sample."))
AGREEMENT = declare(
    Role("agreement", "number", "How far the labellers of a sample agree: 1 in all pairs, 0 in none.", good="high")
)
LABEL_SECONDS = declare(Role("label_seconds", "number", "How long a labeller took for a sample, on average.", unit="s"))
GMST = declare(
    Role("gmst", "number", "How much warmer than in the baseline the whole Earth is in this year of a run.", unit="K")
)
FIELD = declare(
    Role("field", "vector", "The anomaly of each cell of a grid, whose places and areas stand among its facts.")
)
RUN = declare(Role("run", "label", "Of which simulation a sample is a year: equal numbers mean the same one."))
YEAR = declare(Role("year", "number", "The year of a simulation that a sample is."))
ANSWER_LOSS = declare(
    Role(
        "answer_loss",
        "number",
        "How much of an answer a model does not know yet after a short training: the loss of all its tokens together.",
        unit="nats",
        also=("loss",),
    )
)
ANSWER_BITS = declare(
    Role(
        "answer_bits",
        "number",
        "What the answer of a sample takes: the entropy of its relation.",
        unit="bits",
        kept_by="facts POOL",
    )
)
