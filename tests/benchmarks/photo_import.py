"""Opening a folder of 60,000 photos beside Pillow's header read and SHA-256 of the same files, in processor time.

The photos are the real ones where they are here (DATASEL_REAL_DATA), as hard links, else painted. Also what it costs to
tell that a photo is whole, by decoding it and by its bytes.
"""

import hashlib
import io
import os
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.media.whole import is_whole
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, size, table
from tests.conftest import paint, real_data


def plant(folder: Path, n: int) -> None:
    """n photos in folders of a thousand."""
    originals = folder / "originals"
    if real_data() is None:
        sources = [paint(originals / f"{at}.jpg", at, (400, 300)) for at in range(200)]
    else:
        originals.mkdir()
        real = sorted((real_data() / "photos").rglob("*.jpg"))
        sources = [Path(shutil.copy(path, originals / f"{at}.jpg")) for at, path in enumerate(real)]
    for at in range(n):
        path = folder / "photos" / f"{at // 1000:03d}" / f"{at:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(sources[at % len(sources)], path)


def headers_and_hashes(folder: Path) -> dict[str, float]:
    """The least that has to be done: each file's header is read, and all of its bytes are hashed."""
    start = time.process_time()
    for path in sorted((folder / "photos").rglob("*.jpg")):
        with Image.open(path) as photo:
            assert photo.width
        hashlib.sha256(path.read_bytes()).hexdigest()
    return {"s": time.process_time() - start}


def importing(folder: Path) -> dict[str, float]:
    os.environ["DATASEL_DATA_ROOTS"] = str(folder)
    home = Workspace(folder / "workspace")
    start = time.process_time()
    add_pool(home, "photos", str(folder / "photos"), "images")
    return {"s": time.process_time() - start}


def whole_or_not(folder: Path) -> dict[str, float]:
    """Milliseconds a photo."""
    data = [path.read_bytes() for path in sorted((folder / "originals").iterdir())[:300]]
    found = {}
    for name in ("decoded at an eighth", "told by its bytes"):
        start = time.process_time()
        for one in data:
            with Image.open(io.BytesIO(one)) as photo:
                if name == "told by its bytes":
                    assert is_whole(photo, one)
                else:
                    photo.draft("RGB", (photo.width // 8, photo.height // 8))
                    photo.load()
        found[name] = 1000 * (time.process_time() - start) / len(data)
    return found


def main() -> None:
    n = size(60_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant(folder, n)
        plain = apart(headers_and_hashes, folder)["result"]["s"]
        made = apart(importing, folder)
        ours = made["result"]["s"]
        table(
            [
                {"what": "headers and SHA-256", "photos": n, "processor s": plain, "ratio": 1.0, "peak GB": "-"},
                {
                    "what": "pool add",
                    "photos": n,
                    "processor s": ours,
                    "ratio": ours / plain,
                    "peak GB": made["peak_gb"],
                },
            ]
        )
        costs = apart(whole_or_not, folder)["result"]
        table([{"whether a photo is whole": what, "ms": cost} for what, cost in costs.items()])


if __name__ == "__main__":
    main()
