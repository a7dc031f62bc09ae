"""CVAT for images 1.1: XML with boxes, outlines and tags, read from front to back.

A document type or an entity is refused where it begins: nothing in this format needs one, and entities make a small
file fill the memory, or read other files. https://docs.cvat.ai/docs/dataset_management/formats/format-cvat
"""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from datasel_core.errors import BadInput
from datasel_core.labels.readers.reading import Reading, Said, around, duration, instant
from datasel_core.pools.labels import Label

_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton")
_DEEP = 64
_INSIDE = "annotations.xml"


def read(path: Path) -> Reading:
    """Raises BadInput, in one line."""
    found = _Document(path.name)
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = found.begin, found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = found.refuse
    try:
        with _opened(path) as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise BadInput(f"{path.name} is no XML from line {error.lineno:,} on; export it again from CVAT.") from None
    except (OSError, ValueError, LookupError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise BadInput(f"{path.name} could not be read: {str(error).rstrip('.')}.") from None
    return found.done()


def is_it(path: Path) -> bool:
    """Whether it is XML, or a zip as CVAT writes it, with the XML inside."""
    return path.suffix.lower() == ".xml" or (zipfile.is_zipfile(path) and _INSIDE in _members(path))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.namelist()
    except (OSError, zipfile.BadZipFile):
        return []


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield file
        return
    if _INSIDE not in _members(path):
        raise BadInput(f"{path.name} has no {_INSIDE}; export the task as CVAT for images 1.1.")
    with zipfile.ZipFile(path) as packed, packed.open(_INSIDE) as file:
        yield file


class _Document:
    """What stands in it, as the parser meets it."""

    def __init__(self, name: str):
        self.name, self.path, self.words = name, [], ""
        self.reading = Reading()
        self.meta: dict[str, str] = {}
        self.image: dict[str, str] | None = None
        self.classes: list[str] = []
        self.boxes: list[Label] = []
        self.said = 0

    def refuse(self, *_: Any) -> None:
        raise BadInput(
            f"{self.name} declares a document type or entities, which may fill the memory or read other files; remove "
            "the <!DOCTYPE ...> from it, or export it again from CVAT."
        )

    def begin(self, tag: str, values: dict[str, str]) -> None:
        if not self.path and tag != "annotations":
            raise BadInput(f"{self.name} is no CVAT file: it begins with <{tag}>, not with <annotations>.")
        if tag == "track":
            raise BadInput(f"{self.name} is CVAT for video; export it as CVAT for images 1.1.")
        if len(self.path) >= _DEEP:
            raise BadInput(f"{self.name} is no CVAT file: its elements lie too deep in one another.")
        self.path.append(tag)
        self.words = ""
        if tag == "image":
            self.image, self.classes, self.boxes = values, [], []
            self.said += 1
        elif self.image is not None and tag == "tag":
            self.classes.append(values.get("label", ""))
        elif self.image is not None and tag in _SHAPES and self.path[-2] == "image":
            self.boxes.append(Label(values.get("label", ""), _box(tag, values)))

    def text(self, words: str) -> None:
        if len(self.words) < 1000:
            self.words += words

    def end(self, tag: str) -> None:
        if "meta" in self.path and self.words.strip():
            self.meta.setdefault("/".join(self.path[2:]), self.words.strip())
        self.words = ""
        self.path.pop()
        if tag == "image" and self.image is not None:
            self._close(self.image)
            self.image = None

    def _close(self, image: dict[str, str]) -> None:
        place = f"image {self.said:,} of {self.name}"
        if not image.get("name", "").strip():
            self.reading.lose(place, "it has no name")
            return
        sides = (duration(image.get("width")), duration(image.get("height")))
        frame = (sides[0], sides[1]) if all(sides) else None
        self.reading.said.append(
            Said(
                (image["name"],),
                place,
                self._person(),
                tuple(sorted(set(self.classes))) if self.classes else None,
                tuple(self.boxes) if self.boxes else None,
                frame,
                time=self._time(),
            )
        )

    def _person(self) -> str:
        """Who the job or task was given to; before that was said, who owns it is nobody who labelled."""
        return next((self.meta[key] for key in self.meta if key.endswith("assignee/username")), "")

    def _time(self) -> str | None:
        """When it was changed last, else when the file was written."""
        found = [value for key, value in self.meta.items() if key.endswith("updated")] + [self.meta.get("dumped", "")]
        return next((time for one in found if (time := instant(one)) is not None), None)

    def done(self) -> Reading:
        if not self.said:
            raise BadInput(f"{self.name} has no <image>; export the task as CVAT for images 1.1.")
        return self.reading


def _box(tag: str, values: dict[str, str]) -> tuple[float, float, float, float] | None:
    """The box around a shape, in pixels; None where it has none that can be told."""
    try:
        if tag == "box":
            left, top, right, bottom = (float(values[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
            box = _turned(left, top, right, bottom, float(values.get("rotation", 0)))
        elif tag == "ellipse":
            x, y, across, down = (float(values[side]) for side in ("cx", "cy", "rx", "ry"))
            box = _turned(x - across, y - down, x + across, y + down, float(values.get("rotation", 0)))
        elif tag == "mask":
            box = tuple(float(values[side]) for side in ("left", "top", "width", "height"))
        elif "points" in values:
            box = around([float(side) for point in values["points"].split(";") for side in point.split(",")])
        else:
            return None
    except (KeyError, ValueError):
        return None
    return box if all(map(math.isfinite, box)) else None


def _turned(left: float, top: float, right: float, bottom: float, degrees: float) -> tuple[float, float, float, float]:
    """The upright box around one that is turned about its middle."""
    across, down = (left + right) / 2, (top + bottom) / 2
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    wide = (right - left) * cos + (bottom - top) * sin
    tall = (right - left) * sin + (bottom - top) * cos
    return (left, top, right - left, bottom - top) if not degrees else (across - wide / 2, down - tall / 2, wide, tall)
