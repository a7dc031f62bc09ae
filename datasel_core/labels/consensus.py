"""What is known of each sample from all that its labellers said: the majority, how far they agree, how long it took."""

import functools
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.labels import agreement, boxes
from datasel_core.labels.judgement import Judgement
from datasel_core.labels.records import Import, imports
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Item:
    """One sample. row: of the pool. own: one judgement for each labeller, by name. overlap: of boxes that mean one
    thing.
    """

    row: int
    own: tuple[Judgement, ...]

    @functools.cached_property
    def label(self) -> str | None:
        """What most labellers said; None where as many said something else: then nobody knows."""
        ranked = Counter(one.value for one in self.own).most_common(2)
        return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]

    @functools.cached_property
    def agreement(self) -> float | None:
        """From 0 to 1: the share of pairs of labellers who said the same; of boxes the mean F1 of these pairs. None
        where fewer than two labelled it.
        """
        pairs = list(itertools.combinations(self.own, 2))
        return statistics.fmean(_alike(one, other) for one, other in pairs) if pairs else None

    @functools.cached_property
    def seconds(self) -> float | None:
        """Of one labeller, on average."""
        known = [one.seconds for one in self.own if one.seconds is not None]
        return statistics.fmean(known) if known else None


def _alike(one: Judgement, other: Judgement) -> float:
    if one.boxes is None and other.boxes is None:
        return float(one.value == other.value)
    drawn = boxes.f1(one.boxes or (), other.boxes or ())
    return drawn if one.classes == other.classes else 0.0


@dataclass(frozen=True)
class Labels:
    """All that came back for a pool. items: in pool order. right: row -> what is known to be right, by those who said
    so. gone: judgements of samples that the pool no longer has, or has another one in place of.
    """

    pool: Pool
    imports: Sequence[Import]
    items: Sequence[Item]
    right: Mapping[int, str]
    gone: int

    @property
    def people(self) -> list[str]:
        return sorted({one.person for item in self.items for one in item.own})

    @functools.cached_property
    def classes(self) -> list[str]:
        """Every class that anybody named."""
        return sorted({name for item in self.items for one in item.own for name in one.names})

    @property
    def has_boxes(self) -> bool:
        return any(one.boxes for item in self.items for one in item.own)

    @functools.cached_property
    def codes(self) -> tuple[np.ndarray, list[str]]:
        """((items, labellers) position of what each said among all that was said, -1 where nothing; these values)."""
        values = sorted({one.value for item in self.items for one in item.own})
        place, column = ({name: at for at, name in enumerate(names)} for names in (values, self.people))
        found = np.full((len(self.items), len(column)), -1, dtype=np.int64)
        for at, item in enumerate(self.items):
            for one in item.own:
                found[at, column[one.person]] = place[one.value]
        return found, values

    @functools.cached_property
    def alpha(self) -> agreement.Alpha:
        return agreement.alpha(self.codes[0])

    @functools.cached_property
    def pairs(self) -> list[agreement.Pair]:
        return agreement.pairs(self.codes[0], self.people)

    @property
    def shared(self) -> list[Item]:
        """Items that several labelled."""
        return [item for item in self.items if len(item.own) > 1]

    def box_f1(self, least: float = boxes.OVERLAP) -> float | None:
        """Over all pairs of labellers and all items that both labelled: F1 of matched boxes; None where nobody drew."""
        matched = drawn = 0
        for item in self.shared:
            for one, other in itertools.combinations(item.own, 2):
                mine, theirs = one.boxes or (), other.boxes or ()
                matched += boxes.matches(mine, theirs, least)
                drawn += sum(label.box is not None for label in (*mine, *theirs))
        return 2 * matched / drawn if drawn else None

    def again(self) -> list[Item]:
        """What is worth labelling once more: those on which labellers disagree, the most first; where they do as much,
        those with more labellers first, then in pool order.
        """
        found = [item for item in self.shared if item.agreement is not None and item.agreement < 1]
        return sorted(found, key=lambda item: (item.agreement, -len(item.own), item.row))


def of_pool(workspace: Workspace, pool: Pool) -> Labels:
    """What is known by now. Of one person and sample the latest counts: by the times of the files, where both have one,
    else what was brought last. Raises BadInput where a record is damaged.
    """
    brought = imports(workspace, pool.name)
    row_of = {str(id): row for row, id in enumerate(pool.ids)}
    contents = pool.table["content"].to_pylist() if brought else []
    latest: dict[tuple[str, str, bool], Judgement] = {}
    for one in itertools.chain.from_iterable(each.judgements() for each in brought):
        key = (one.id, one.person, one.right)
        before = latest.get(key)
        if before is None or not (before.time and one.time and one.time < before.time):
            latest[key] = one
    there = {key: one for key, one in latest.items() if key[0] in row_of and contents[row_of[key[0]]] == one.content}
    of: dict[int, list[Judgement]] = defaultdict(list)
    right = {}
    for one in there.values():
        if one.right:
            right[row_of[one.id]] = one.value
        else:
            of[row_of[one.id]].append(one)
    items = [Item(row, tuple(sorted(own, key=lambda one: one.person))) for row, own in sorted(of.items())]
    return Labels(pool, brought, items, right, len(latest) - len(there))


def known_classes(workspace: Workspace, pool: str) -> set[str]:
    """Every class of earlier imports."""
    return {name for one in imports(workspace, pool) for name in one.about["classes"]}
