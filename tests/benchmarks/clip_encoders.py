"""CLIP towers: photos and captions per second on one and two cores, time to load, and what reading and keeping cost
beside the bare model.

The shipped model on scenes of the demo; ViT-B-32 with random weights (as fast as trained ones) on real photos, where
there are any. `bare`: the model alone on photos that are already tensors. `feature`: opened, prepared, encoded and kept
on disk, as `feature compute` does.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.features import computation
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.feature import Source
from datasel_core.features.models.clip_weights import load
from datasel_core.pools.demo.scenes import make_scenes
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import size, stopwatch, table
from tests.conftest import ROOT, real_data

_COLD = """
import time
start = time.perf_counter()
from datasel_core.features.clip import ClipText
ClipText(device="cpu").encode(["a"])
print(time.perf_counter() - start)
"""


def main() -> None:
    cold = subprocess.run([sys.executable, "-c", _COLD], cwd=ROOT, capture_output=True, text=True, check=True)
    print(f"the first caption of a fresh process, imports and loading: {float(cold.stdout):.1f} s")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DATASEL_DATA_ROOTS"] = scratch
        table(list(_rows(Path(scratch))))


def _rows(scratch: Path) -> Iterator[dict[str, Any]]:
    n = size(500)
    made = make_scenes(scratch / "scenes", n).to_pylist()
    shown = [scratch / "scenes" / row["path"] for row in made]
    captions = [row["caption"] for row in made]
    yield from _measured("scenes-small", {}, shown, captions, scratch)
    data = real_data()
    photos = sorted((data / "photos").glob("*/*.jpg"))[::5] if data else []
    if not photos:
        print("no real photos (set DATASEL_REAL_DATA): ViT-B-32 is left out")
        return
    yield from _measured(
        "ViT-B-32",
        {"model": "ViT-B-32", "pretrained": _random(scratch)},
        photos[: size(200)],
        captions[: size(200)],
        scratch,
    )


def _random(scratch: Path) -> str:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(
        {name: value.contiguous() for name, value in open_clip.create_model("ViT-B-32").state_dict().items()},
        scratch / "random.safetensors",
    )
    return str(scratch / "random.safetensors")


def _measured(
    name: str, asked: dict[str, Any], photos: list[Path], captions: list[str], scratch: Path
) -> Iterator[dict[str, Any]]:
    import torch

    for cores in (1, 2):
        torch.set_num_threads(cores)
        clip = load(asked.get("model", name), asked.get("pretrained"), "cpu", "fp32")
        yield _row(
            name,
            "photos",
            cores,
            len(photos),
            _bare_photos(clip, photos),
            _kept(ClipImage(**asked, device="cpu"), photos, scratch / f"{name}{cores}"),
        )
        yield _row(
            name,
            "captions",
            cores,
            len(captions),
            _bare_captions(clip, captions),
            _encoded(ClipText(**asked, device="cpu"), captions),
        )


def _row(name: str, what: str, cores: int, n: int, bare: float, whole: float) -> dict[str, Any]:
    return {
        "model": name,
        "of": what,
        "cores": cores,
        "bare/s": f"{n / bare:.0f}",
        "feature/s": f"{n / whole:.0f}",
        "feature : bare": f"{whole / bare:.2f}",
    }


def _bare_photos(clip: Any, photos: list[Path]) -> float:
    from PIL import Image

    batch = np.stack([clip.prepare(Image.open(path).convert("RGB")) for path in photos[:32]])
    clip.images(batch)
    with stopwatch() as taken:
        for start in range(0, len(photos), 32):
            clip.images(batch[: len(photos) - start])
    return taken[0]


def _bare_captions(clip: Any, captions: list[str]) -> float:
    import torch

    tokens = clip.tokenizer(captions)
    with torch.inference_mode():
        clip.model.encode_text(tokens[:32])
        with stopwatch() as taken:
            for start in range(0, len(tokens), 32):
                clip.model.encode_text(tokens[start : start + 32])
    return taken[0]


def _kept(feature: ClipImage, photos: list[Path], scratch: Path) -> float:
    """compute_feature on a pool of these photos; the model is loaded already."""
    workspace = Workspace.at(scratch / "workspace")
    (scratch / "shown").mkdir(parents=True)
    for at, path in enumerate(photos):
        shutil.copyfile(path, scratch / "shown" / f"{at:04d}{path.suffix}")
    pool = add_pool(workspace, "photos", str(scratch / "shown"), "images")
    with stopwatch() as taken:
        computation.compute_feature(workspace, pool, feature)
    return taken[0]


def _encoded(feature: ClipText, captions: list[str]) -> float:
    source = Source(len(captions), text=lambda row: [captions[row]])
    with stopwatch() as taken:
        list(feature.blocks(source, np.arange(source.n), {}))
    return taken[0]


if __name__ == "__main__":
    main()
