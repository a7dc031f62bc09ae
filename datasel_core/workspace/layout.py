"""Where things lie in the workspace, and which folders sources may lie in."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadParameter, BadRequest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONG, _LONGEST = 63, 255
"""Characters below which no name has too many bytes, and how many bytes it may have."""

RECORD = "datasel"
"""Sub-folder of an export that holds its record, and suffix of the folder beside an export of one file."""
EXPORT_RECORD = "export.json"
"""The file in it by which it is known."""


@dataclass(frozen=True)
class Workspace:
    """One folder that holds everything datasel knows. Media files are read where they are, never copied."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike | None = None) -> "Workspace":
        """`path`, else DATASEL_WORKSPACE, else ./workspace. Made when something is first written. Raises BadRequest
        where there can be no such folder.
        """
        named = os.fspath(path or os.environ.get("DATASEL_WORKSPACE") or "workspace")
        try:
            folder = Path(named).expanduser().resolve()
            above = next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)
        except (RuntimeError, OSError, ValueError) as error:  # links in a circle, no such home, a NUL
            raise BadRequest(f"The workspace {named!r} is no path that can be followed: {error}.") from None
        if above.exists() and not above.is_dir():
            raise BadRequest(
                f"The workspace {folder} cannot be: {above} is a file; name a folder with --workspace or "
                "DATASEL_WORKSPACE."
            )
        return cls(folder)

    def pool(self, name: str) -> Path:
        return self.path / "pools" / checked_name("pool", name)

    def feature(self, key: str) -> Path:
        return self.path / "features" / checked_name("feature key", key)

    def run(self, key: str) -> Path:
        return self.path / "runs" / checked_name("run", key)

    def map(self, key: str) -> Path:
        return self.path / "maps" / checked_name("map", key)

    def scores(self, key: str) -> Path:
        return self.path / "scores" / checked_name("scores", key)

    def serving(self, key: str) -> Path:
        return self.path / "serving" / checked_name("serving", key)

    def query(self, key: str) -> Path:
        """A text that somebody looked for, encoded; it may be deleted at any time."""
        return self.path / "queries" / checked_name("query", key)

    def yardstick(self, key: str) -> Path:
        """What random choices of a pool are worth on its held-out samples."""
        return self.path / "yardsticks" / checked_name("yardstick", key)

    def evidence(self, key: str) -> Path:
        return self.path / "evidence" / checked_name("evidence", key)

    def rates(self) -> Path:
        """Tables of what labels take and cost."""
        return self.path / "rates"

    def plans(self) -> Path:
        """Plans and pilots, a small file each."""
        return self.path / "plans"

    def labels(self, pool: str) -> Path:
        """What people said of the samples of a pool: every import."""
        return self.path / "labels" / checked_name("pool", pool)

    def project(self, name: str) -> Path:
        """A project of rounds."""
        return self.path / "projects" / checked_name("project", name)

    def staged(self, key: str) -> Path:
        """A run in stages: its trainings, and what was measured after each."""
        return self.path / "stages" / checked_name("run in stages", key)

    def emulator(self, key: str) -> Path:
        """An emulator of climate and how far it can be relied on: its card, and its maps."""
        return self.path / "emulators" / checked_name("emulator", key)

    def demo(self, name: str) -> Path:
        return self.path / "demo" / checked_name("demo", name)

    def task(self, key: str) -> Path:
        """Work that has no answer folder of its own: making the demo, opening a folder."""
        return self.path / "tasks" / checked_name("task", key)

    def queue(self) -> Path:
        """Tickets of heavy work: see `queue`."""
        return self.path / "queue"

    def started(self) -> Path:
        """A file that is touched whenever work is started: who looks for work has to look no further."""
        return self.queue() / "started"

    def pace(self, kind: str) -> Path:
        """How long such work took the last time; it may be deleted at any time."""
        return self.path / "pace" / f"{checked_name('work', kind)}.json"

    def spool(self) -> Path:
        """Where reading a large source puts what it has read so far; a folder in it that nobody holds is left over."""
        return self.path / "spool"

    def uploads(self) -> Path:
        """Copies of files that were dropped into the browser: see `uploads`."""
        return self.path / "uploads"

    def thumbs(self) -> Path:
        """Small copies of photos for the screen; it may be deleted at any time."""
        return self.path / "thumbs"

    def written(self) -> Path:
        """Records of what exports wrote outside: a path, and the hash of what was written there."""
        return self.path / "written"

    def own(self) -> list[Path]:
        """What only this program writes; the rest (demo, tasks, what people put there) is not among it."""
        review = (f"review.sqlite{end}" for end in ("", "-wal", "-shm", "-journal"))
        parts = ("pools", "features", "runs", "scores", "serving", "maps", "yardsticks", "evidence", "written", "lists")
        parts += ("rates", "plans", "labels", "projects", "queries", "stages", "emulators")
        return [self.path / part for part in (*parts, *review)]

    def written_parts(self) -> list[Path]:
        """Where this program writes at all, and may leave something half-written when it is killed."""
        return [*self.own(), self.thumbs(), self.queue(), *(self.path / part for part in ("demo", "tasks", "pace"))]

    def folders(self, part: str) -> list[Path]:
        """The folders of one part (pools, features, runs, maps, tasks), by name; not those that are on their way out,
        whose names begin with a dot.
        """
        base = self.path / part
        there = list(base.iterdir()) if base.is_dir() else []
        return sorted(folder for folder in there if not folder.name.startswith(".") and folder.is_dir())

    def roots(self) -> list[Path]:
        """Where sources may lie: DATASEL_DATA_ROOTS (separated like PATH), else the current folder, the home folder;
        always the workspace.
        """
        named = os.environ.get("DATASEL_DATA_ROOTS")
        roots: Iterable[Path] = (
            [Path(part) for part in named.split(os.pathsep) if part] if named else [Path.cwd(), Path.home()]
        )
        return [root.expanduser().resolve() for root in [*roots, self.path]]

    def allowed(self, path: str | os.PathLike, roots: Sequence[Path] | None = None) -> Path:
        """The real path, links followed, if it lies under an allowed root. Raises BadRequest.

        roots: what `roots` gave, where many paths are asked about.
        """
        text = os.fspath(path)
        if not text.strip() or "\0" in text:
            raise BadRequest("The path is empty; name a file or folder.")
        try:
            real = Path(text).expanduser().resolve()
            if len(text) > _LONG and any(len(os.fsencode(part)) > _LONGEST for part in real.parts):
                raise OSError("a name in it is too long")
            str(real).encode()  # no record could name it
        except UnicodeEncodeError:
            said = text.encode("utf-8", "backslashreplace").decode()
            raise BadRequest(f"{said} is no path that can be written down: it is not valid UTF-8; rename it.") from None
        except (RuntimeError, OSError) as error:  # links in a circle, a home that nobody has, a name that is too long
            raise BadRequest(f"{text} is no path that can be followed: {str(error).rstrip('.')}.") from None
        roots = self.roots() if roots is None else roots
        if not any(real.is_relative_to(root) for root in roots):
            raise BadRequest(
                f"{text} lies outside the allowed folders ({', '.join(map(str, roots))}); set DATASEL_DATA_ROOTS to "
                "allow it."
            )
        return real


def is_record(folder: str | os.PathLike) -> bool:
    """Whether a folder is the record of an export, which lies beside data and is none."""
    name = os.path.basename(os.fspath(folder))
    return (name == RECORD or name.endswith(f".{RECORD}")) and os.path.isfile(os.path.join(folder, EXPORT_RECORD))


def without_home(value: Any) -> Any:
    """The same plain value, with `~` in its texts where the path of the home folder stood: what leaves this computer
    names nobody's folder.
    """
    if isinstance(value, dict):
        return {name: without_home(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_home(inner) for inner in value]
    home = os.path.expanduser("~").rstrip(os.sep)
    if not isinstance(value, str) or not os.path.isabs(home):
        return value
    return re.sub(rf"(?<![\w.~-]){re.escape(home)}(?![\w-]|\.\w)", "~", value)


def checked_name(kind: str, name: str) -> str:
    """A name that is safe as a folder's name everywhere. Raises BadParameter."""
    if not NAME.fullmatch(name):
        raise BadParameter(
            f"The {kind} name {name!r} will not do; use 1 to 64 letters, digits, dots, dashes or underscores, a "
            "letter or digit first."
        )
    return name
