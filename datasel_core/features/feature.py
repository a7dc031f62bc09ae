"""What a feature is: an encoder that loads its model once, then yields one block of rows per batch. The caller owns the
loop.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import declares

if TYPE_CHECKING:
    from PIL.Image import Image

feature = declares("feature")

OPENED = frozenset({"image", "text", "turns"})
"""What a feature may read of the samples themselves."""


class Unreadable(Exception):
    """One sample cannot be read; its text is the reason. It never stops a run."""


class OpenPhoto(Protocol):
    """Opens the photo of one row; may be called from several threads at once."""

    def __call__(self, row: int, at_least: int | None = None) -> "Image":
        """The RGB photo, turned upright and decoded. Raises Unreadable with the reason.

        at_least: a smaller version will do, as long as its shorter side keeps so many pixels, or all it has.
        """


class ReadText(Protocol):
    """Reads the texts of one row; may be called from several threads at once."""

    def __call__(self, row: int) -> list[str]:
        """At least one text: a caption, or several captions whose embeddings are to be averaged. Raises Unreadable with
        the reason.
        """


class ReadTurns(Protocol):
    """Reads one row as what a language model reads; may be called from several threads at once."""

    def __call__(self, row: int) -> list[Turn]:
        """At least one turn. Raises Unreadable with the reason."""


@dataclass(frozen=True)
class Source:
    """What an encoder may look at. n: samples in the pool.

    image: opens the photo of a row. text: gives its captions. turns: gives its prompt and response. roles: features the
    pool has already, role -> array of n rows. extras: role -> what was kept beside those values, name -> array of n
    rows. folder: a place for large things that are made on the way, such as the checkpoints of a model; it lasts as
    long as the feature does, and is there again when an interrupted attempt goes on. check: raises Stopped when
    somebody asked to stop; for encoders whose blocks take long. facts: role -> what is known of the feature that
    fills it. elsewhere: name -> the samples of another pool, of those that `pools` names.
    """

    n: int
    image: OpenPhoto | None = None
    text: ReadText | None = None
    turns: ReadTurns | None = None
    roles: Mapping[str, np.ndarray | Ragged] = field(default_factory=dict)
    extras: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folder: Path | None = None
    check: Callable[[], None] = lambda: None
    elsewhere: Callable[[str], "Source"] | None = None


@dataclass(frozen=True)
class Block:
    """The answer for some samples. rows: (b,) pool rows that could be read. values: (b, d) or (b,) array, or Ragged of
    b samples.

    unreadable: (row, reason) of those that could not. extra: name -> (b, ...) arrays kept beside the values, such as
    the patches each pattern covers.
    """

    rows: np.ndarray
    values: np.ndarray | Ragged
    unreadable: Sequence[tuple[int, str]] = ()
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


class Feature(Declared):
    """Computed once per sample and kept. Fields are parameters; those marked HOW never change a value."""

    role: ClassVar[str] = ""
    reads: ClassVar[str] = "image"
    """What it looks at: one of OPENED (every photo is opened, every text read), or a role the pool must already have.
    """
    at_once: ClassVar[bool] = False
    """Computed as soon as the role it reads arrives, because it costs nothing."""
    columns: ClassVar[tuple[str, ...]] = ()
    """Roles that columns of the pool fill, such as `fact`, which it takes among its roles where the pool has them."""
    reads_extras: ClassVar[tuple[str, ...]] = ()
    """Names of what must have been kept beside the values of that role."""
    learns: ClassVar[bool] = False
    """Whether it learns from the pool that it is computed for, all of it: samples that are held out of selections, too.
    """
    is_forward: ClassVar[bool] = False
    """Whether what it costs is a model of torch through which every sample passes once: then its operations are
    counted.
    """
    downloads: ClassVar[bool] = False
    """Whether it needs weights that do not come with this program: brought as a file, or fetched from a hub."""
    suits: ClassVar[str] = ""
    """Why it may be the one to begin with, in a few words."""
    demo_only: ClassVar[str] = ""
    """Where it knows the demo alone, as long as nobody names another model: what it sees of other samples."""
    speed: ClassVar[float] = 0.0
    """About how many samples a second one core takes; 0 where nobody knows."""
    begins: ClassVar[float] = 3.0
    """About how many seconds pass before the first sample: a process starts, a model is loaded or learned."""
    asks: ClassVar[str] = ""
    """What has to be named for it, as words of the command that computes it."""
    unmeasured: ClassVar[str] = ""
    """Why samples have no value that `measures` leaves out."""
    cost: ClassVar[str] = ""
    avoid: ClassVar[str] = ""
    paper: ClassVar[str] = ""

    def pace(self) -> float:
        """`speed` with these parameters, such as another model."""
        return self.speed

    def reads_which(self) -> str:
        """The key of the feature of the role that it reads; empty for the newest."""
        return ""

    def reads_too(self) -> tuple[str, ...]:
        """With these parameters, features that the pool must have beside what `reads` says: by role, id or key."""
        return ()

    def opens_too(self) -> tuple[str, ...]:
        """With these parameters, what of OPENED it looks at beside what `reads` says."""
        return ()

    def files(self) -> tuple[str, ...]:
        """Files that are read besides the samples, such as weights; like sources, they must lie under an allowed
        root.
        """
        return ()

    def pools(self) -> tuple[str, ...]:
        """Names of other pools that it looks at."""
        return ()

    def depends(self) -> dict[str, Any]:
        """Whatever else decides the values, for the key: the hash of a weights file, say."""
        return {}

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """Facts about the values that a reader needs, kept in meta.json: the patch grid, say. Some are known only when
        the source is given.
        """
        return {}

    def fit(self, source: Source, progress: Progress) -> dict[str, np.ndarray]:
        """What is learned from the pool itself before encoding; kept with the feature, so that a resumed run goes on
        with the same.
        """
        return {}

    def measures(self, fitted: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """(m,) rows that are measured at all, in order; the others are NaN, and nothing is said of each. None for every
        row.
        """
        return None

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        """Encodes these rows, a batch at a time, in order. Every row is in exactly one block, as read or as
        unreadable.
        """
        raise TypeError(f"{type(self).__name__} must implement blocks.")

    def tidy(self, folder: Path, fitted: Mapping[str, np.ndarray]) -> None:
        """Called once the values are kept: removes what was only needed on the way from the folder that the source
        had.
        """
