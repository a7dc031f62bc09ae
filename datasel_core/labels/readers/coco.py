"""COCO: one JSON file. It says neither who labelled nor when."""

from collections import Counter
from pathlib import Path
from typing import Any

from datasel_core.labels.readers import label_studio
from datasel_core.labels.readers.reading import Reading, Said
from datasel_core.pools.labels import Label
from datasel_core.pools.readers.layouts import coco


def is_it(found: Any) -> bool:
    """Whether JSON is COCO."""
    return isinstance(found, dict) and isinstance(found.get("images"), list)


def read(path: Path) -> Reading:
    """Raises BadInput."""
    found = coco.load_file(path)
    names = coco.category_names(found.get("categories") or ())
    reading, said, images = Reading(), {}, {}
    for at, image in enumerate(found.get("images") or (), 1):
        place = f"image {at:,} of {path.name}"
        if not coco.is_image(image):
            reading.lose(place, "it has no file_name or no id")
        elif image["id"] in images:
            reading.lose(image["file_name"], f"an earlier image has the id {image['id']}")
        else:
            images[image["id"]], said[image["id"]] = (place, image), []
    for at, note in enumerate(found.get("annotations") or (), 1):
        _add(note, f"annotation {at:,} of {path.name}", names, said, reading)
    for key, (place, image) in images.items():
        classes, boxes = parted(said[key])
        reading.said.append(Said(_names(image), place, classes=classes, boxes=boxes, frame=coco.frame_of(image)))
    return reading


def parted(labels: list[Label]) -> tuple[tuple[str, ...] | None, tuple[Label, ...] | None]:
    """Classes of the whole sample, which have no box, and boxes."""
    whole = Counter(label.name for label in labels if label.box is None)
    drawn = tuple(label for label in labels if label.box is not None)
    return (tuple(sorted(whole)) if whole else None), (drawn or None)


def _names(image: dict[str, Any]) -> tuple[str, ...]:
    """What an export wrote beside a file that is not called as its sample comes before the file's name."""
    own = image.get("datasel")
    named = own.get("id") if isinstance(own, dict) else None
    if isinstance(named, str):
        return (named,)
    name = image["file_name"]
    return (label_studio.served(name) if "?d=" in name else name,)  # as Label Studio writes COCO


def _add(note: Any, place: str, names: dict[Any, str], said: dict[Any, list[Label]], reading: Reading) -> None:
    key = coco.image_of(note)
    if key not in said:
        reading.lose(place, "it belongs to no image of the file")
    elif "caption" in note:
        reading.lose(place, "it is a caption, neither a class nor a box")
    elif (label := coco.label_of(note, names)) is None:
        reading.lose(place, "its category is not listed")
    elif coco.is_crowd(note):
        reading.lose(place, "it is a box around a crowd, not around one thing")
    else:
        said[key].append(label)
