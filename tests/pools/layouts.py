"""Small data sets in the layouts that people have, each written as the tool it comes from writes it."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import paint

CLASSES = {1: "car", 3: "bicyclist", 7: "![a](http://127.0.0.1/x)"}


def coco(folder: Path, n: int = 6, size: tuple[int, int] = (60, 40), split: str = "train2017") -> Path:
    """annotations/instances_SPLIT.json and SPLIT/: picture 0 has three things, the last none. Returns the JSON."""
    images, notes = [], []
    for at in range(n):
        paint(folder / split / f"{at:012d}.jpg", at, size)
        images.append({"id": 100 + at, "file_name": f"{at:012d}.jpg", "width": size[0], "height": size[1]})
        drawn = [(1, 5 + at, 6.5, 20, 10.25)] if at < n - 1 else []
        drawn += [(3, 30, 2, 8, 12), (1, 1, 1, 4, 4)] if at == 0 else []
        for category, x, y, w, h in drawn:
            notes.append(_note(len(notes) + 1, 100 + at, category, [x, y, w, h]))
    path = folder / "annotations" / f"instances_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    categories = [{"id": id, "name": name, "supercategory": "any"} for id, name in CLASSES.items()]
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": notes, "categories": categories}))
    return path


def _note(id: int, image: int, category: int, box: list[float]) -> dict[str, Any]:
    x, y, w, h = box
    outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    own = {"id": id, "image_id": image, "category_id": category, "bbox": box}
    return {**own, "area": w * h, "segmentation": outline, "iscrowd": 0}


def yolo(folder: Path, size: tuple[int, int] = (64, 32), **said: Any) -> Path:
    """data.yaml as ultralytics documents it: train/ of four pictures, val/ of two. Returns the YAML."""
    for part, n in (("train", 4), ("val", 2)):
        for at in range(n):
            paint(folder / "images" / part / f"{part}{at}.jpg", at, size)
            lines = [f"{at % 2} 0.5 0.5 0.25 0.5", "1 0.1 0.2 0.1 0.1"][: at + 1]
            labels = folder / "labels" / part / f"{part}{at}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text("\n".join(lines) + "\n")
    described = {"path": folder.name, "train": "images/train", "val": "images/val", "test": None}
    described |= {"names": {0: "person", 1: "<b>bus</b>"}, **said}
    (folder / "data.yaml").write_text(yaml.safe_dump(described, sort_keys=False))
    return folder / "data.yaml"
