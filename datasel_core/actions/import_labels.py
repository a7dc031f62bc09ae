"""Labels come back: a file of a labelling tool is read, matched by id, and kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, flagged
from datasel_core.errors import BadInput, BadRequest
from datasel_core.labels import columns, records
from datasel_core.labels.consensus import known_classes
from datasel_core.labels.places import Place, find
from datasel_core.labels.readers.reading import grouped
from datasel_core.labels.records import Import
from datasel_core.labels.taking import Taken, check_classes, take
from datasel_core.pools.labels import LABELS
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Brought:
    """kept: the import; is_new: whether nobody brought it before. notes: what else is to be known. lost: what was not
    taken, the first of it, a line each.
    """

    kept: Import
    is_new: bool
    notes: list[str]
    lost: list[str]


@task("labels_import", version=1, title="Bring labels back")
class ImportLabels(Task):
    """Labels come back by id: from Label Studio, CVAT, COCO, YOLO or a table. What is not taken is listed with its
    reason.
    """

    words: ClassVar[tuple[str, ...]] = ("labels", "import")
    cost: ClassVar[str] = "Reads the file once."

    run: str = Field(
        description="The selection that was labelled: its folder, key or name, or an export of it; or a pool.",
        json_schema_extra=ARGUMENT,
    )
    file: str = Field(
        description="What the labelling tool wrote: a file, or a YOLO folder.", json_schema_extra=ARGUMENT
    )
    source: str | None = Field(
        None,
        description="label_studio, cvat, coco, yolo or csv; told from the file by default.",
        json_schema_extra=flagged("--from"),
    )
    person: str = Field("", description="Who labelled, where the file names nobody.")
    empty: bool = Field(
        False,
        description="Samples on which nothing is marked count as labelled; CVAT, COCO and YOLO do not say whether "
        "somebody looked.",
    )
    gold: bool = Field(False, description="What the file says is known to be right: labellers are checked against it.")
    new_classes: bool = Field(False, description="Take classes that no earlier labels of the pool have.")

    def prepare(self, workspace: Workspace) -> Work:
        from datasel_core.labels.readers import guess  # takes long to load, and most commands need none

        place, path = find(workspace, self.run), workspace.allowed(self.file)
        if self.source is not None and self.source not in get_args(guess.Source):
            raise BadRequest(f"--from is {self.source}; it must be {', '.join(get_args(guess.Source))}.")
        said = (
            []
            if self.source
            else [f"{path.name} is read as {guess.TITLES[guess.source_of(path)]}; --from says otherwise."]
        )
        return Work(self.own_folder(workspace), lambda progress: self._brought(workspace, place, path), said)

    def headline(self) -> str:
        return f"Bringing labels of {self.run} back"

    def _brought(self, workspace: Workspace, place: Place, path: Path) -> Outcome:
        made = import_labels(workspace, place, path, self.source, self.person, self.empty, self.gold, self.new_classes)
        about, pool = made.kept.about, place.pool
        line = f"{about['n']:,} samples of {place.called} are labelled in {path.name}, by {len(about['people'])}."
        if not made.is_new:
            line = f"{path.name} was brought before ({about['created_utc']}); nothing is new."
        left = (
            [f"Not taken: {about['left_out']:,}, each with its reason in {made.kept.left_out}"]
            if about["left_out"]
            else []
        )
        said = ("key", "from", "file", "n", "judgements", "people", "classes", "left_out")
        plain = {name: about[name] for name in said}
        return Outcome(
            {**plain, "new": made.is_new, "left_out_file": str(made.kept.left_out), "notes": made.notes},
            lines=[line, *left, f"Look at them: python -m datasel_core labels show {pool.name}"],
            notes=[*made.notes, *made.lost],
        )


def import_labels(
    workspace: Workspace,
    place: Place,
    path: Path,
    source: str | None = None,
    person: str = "",
    empty: bool = False,
    gold: bool = False,
    new_classes: bool = False,
) -> Brought:
    """Reads a file, keeps what it says, and makes the columns of the pool anew. Raises BadRequest, in one line, where
    nothing of it can be taken; then nothing is kept.
    """
    from datasel_core.labels.readers import guess  # takes long to load, and most commands need none

    source, pool = source or guess.source_of(path), place.pool
    sha256 = guess.content_hash(path)
    what = {"file": sha256, "from": source, "person": person, "empty": empty, "gold": gold}
    key = records.key_for({**what, "pool": pool.fingerprint, "selection": place.ids_sha256})
    if (before := records.find(workspace, pool.name, key)) is not None:
        columns.renew(workspace, pool)
        return Brought(before, False, list(before.about["notes"]), [])
    taken = take(pool, guess.read(path, source), place.scope, person.strip(), empty, gold)
    if not taken.kept:
        raise BadInput(_nothing(path, taken))
    notes = list(taken.notes)
    if (known := known_classes(workspace, pool.name) | _own_classes(place)) and not new_classes:
        check_classes(taken.kept, known, path.name)
    about = {"file": path.name, "file_sha256": sha256, "from": source, "person": person, "empty": empty, "gold": gold}
    about |= {"pool": {"name": pool.name, "fingerprint": pool.fingerprint, "n": pool.n}}
    about |= {"selection": place.run, "ids_sha256": place.ids_sha256, "notes": notes}
    kept = records.keep(workspace, pool, key, taken.kept, taken.lost, about)
    columns.renew(workspace, pool)
    notes += [
        f"{pool.name} has a column {name} of its own, which is meant where a filter names it."
        for name in columns.shadowed(pool)
    ]
    return Brought(kept, True, notes, [f"not taken: {line}" for line in grouped(taken.lost)])


def _own_classes(place: Place) -> set[str]:
    """Classes that the pool came with: an export offered these to labellers."""
    pool = place.pool
    return {name for own in pool.column(LABELS) if own is not None for name in own} if pool.has_labels else set()


def _nothing(path: Path, taken: Taken) -> str:
    first = f" ({taken.lost[0].id}: {taken.lost[0].reason})" if taken.lost else ""
    return f"None of the {len(taken.lost):,} labels in {path.name} can be taken{first}."
