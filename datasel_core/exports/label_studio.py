"""Tasks for Label Studio."""

import functools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.coco import WHERE, Where, paths
from datasel_core.exports.content import Content, Contents, Made
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.label_studio_guide import guide, remarks
from datasel_core.exports.label_studio_tasks import NEEDS, Labels, Tasks
from datasel_core.exports.pictures import FOLDER, kept_rows, pictures
from datasel_core.pools.pool import Pool

_ROWS = 1_000
"""Samples whose tasks are made at once."""


@export_format("label_studio", version=1, title="Label Studio")
class LabelStudio(Export):
    """A folder: tasks to import, in files that Label Studio takes; config.xml, the labelling configuration; README.md,
    which says how the pictures are served; the pictures.

    Labels that people made before go along, boxes in percent; outlines and points do not. The sample's id is in `id`
    and `sample_id` of every task's data, and in its `meta`, so that labels come back by it.
    https://labelstud.io/guide/tasks
    """

    suffix: ClassVar = ""

    pictures: Where = Field("copy", description=WHERE)
    labels: Labels = Field(
        "predictions",
        description="Labels that people made before: predictions, which a labeller starts from; annotations, which "
        "count as done; or none.",
    )
    hide_reasons: bool = Field(
        True,
        description="Labellers do not see why a sample was chosen, which might bias them: rank, score and reasons are "
        "in each task's meta, which no labelling screen shows.",
    )
    tasks_per_file: int = Field(99_999, ge=1, description="Tasks in one file; Label Studio takes under 100,000.")
    megabytes_per_file: float = Field(200.0, gt=0, description="Size that each file stays under.")

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        return "" if pool.opens else "Nobody can label samples of which nothing can be shown; export ids or csv."

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 80 if pool.kind == "images" and not pool.has_labels else 35 if "image" in pool.opens else 8

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        pool, rows = kept_rows(kept, progress)
        tasks = Tasks(pool, self.labels, not self.hide_reasons)
        served, root, files = self._pictures(tasks, rows, progress)
        needs = [name for name in (*NEEDS, *pool.how.texts) if name in kept.table.column_names]
        told = _Told(tasks, kept.table.select(needs), rows, served)
        chunks = self._chunks(told, progress)
        cut = sum(map(tasks.cut, rows.tolist())) if self.labels != "none" else 0
        notes = remarks(root is not None or bool(files), cut)
        kept.notes.extend(notes)
        about = {"config.xml": tasks.config().encode(), "README.md": guide(list(chunks), root, files, notes).encode()}
        return {**about, **chunks, **files}

    def _pictures(
        self, tasks: Tasks, rows: np.ndarray, progress: Progress
    ) -> tuple[Sequence[str | None], tuple[Path, Path] | None, Contents]:
        """Each sample's picture below the served folder; that folder and the one in it that holds the pictures, where
        they stay; and the files to write.
        """
        if not tasks.has_pictures:
            return [None] * len(rows), None, {}
        if self.pictures != "stay":
            found = pictures(tasks.pool, rows, progress, FOLDER, self.pictures == "link")
            return found.names, None, found.contents
        real = [os.path.normpath(tasks.pool.root / path) for path in paths(tasks.pool, rows)]
        holds = Path(os.path.commonpath([os.path.normpath(tasks.pool.root), *map(os.path.dirname, real)]))
        return [Path(os.path.relpath(path, holds.parent)).as_posix() for path in real], (holds.parent, holds), {}

    def _chunks(self, told: "_Told", progress: Progress) -> dict[str, Content]:
        """Files of tasks, none larger than asked. Raises BadRequest for a task that no file can hold."""
        most, starts, size = self.megabytes_per_file * 1e6, [0], _FRAME
        sizes = (len(text.encode()) + len(_BETWEEN) for text in told.texts(0, len(told.rows)))
        for at, own in enumerate(progress.over(sizes, len(told.rows), "measuring tasks")):
            if _FRAME + own >= most:
                raise BadRequest(
                    f"The task of {told.table['id'][at].as_py()} has {own / 1e6:,.3g} MB, and no file may have "
                    f"{self.megabytes_per_file:g}; raise megabytes_per_file, or choose without it."
                )
            if size + own >= most or at - starts[-1] == self.tasks_per_file:
                starts.append(at)
                size = _FRAME
            size += own
        ends = [*starts[1:], len(told.rows)]
        names = (f"tasks-{number:05d}.json" for number in range(1, len(starts) + 1))
        return {
            name: Made(functools.partial(told.write, start, end))
            for name, start, end in zip(names, starts, ends, strict=True)
        }


_BEGIN, _BETWEEN, _END = "[\n", ",\n", "\n]\n"
_FRAME = len(_BEGIN) + len(_END)


@dataclass(frozen=True)
class _Told:
    """The tasks of a selection, made again whenever they are asked for: as a whole they may not fit into memory."""

    tasks: Tasks
    table: pa.Table
    rows: np.ndarray
    pictures: Sequence[str | None]

    def texts(self, start: int, end: int) -> Iterator[str]:
        """JSON of each of these tasks."""
        for first in range(start, end, _ROWS):
            part = self.table.slice(first, min(_ROWS, end - first)).to_pylist()
            for at, kept in enumerate(part, first):
                task = self.tasks.task(int(self.rows[at]), kept, self.pictures[at])
                yield json.dumps(task, ensure_ascii=False, allow_nan=False)

    def write(self, start: int, end: int, path: Path) -> None:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(_BEGIN)
            for at, text in enumerate(self.texts(start, end)):
                file.write(text if at == 0 else _BETWEEN + text)
            file.write(_END)
