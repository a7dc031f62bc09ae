"""A wall of 60 thumbnails from 50,000 pictures that lie in one Parquet file, beside files and reading row groups whole.

Seconds are of the processor: how long a wall takes on a computer that does nothing else.
"""

import io
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from datasel_core.pools.media import photos
from datasel_core.pools.media.cells import Cell, fetch
from tests.benchmarks._measure import apart, size, table

_PICTURES, _WALL = 50_000, 60
_GROUPS = {"as `datasets` writes it": 100, "pandas' one row group": 1 << 20}
_ASKED = {"first": lambda n: np.arange(_WALL), "spread": lambda n: np.linspace(0, n - 1, _WALL).astype(int)}


def _jpegs() -> list[bytes]:
    """A hundred photos of noise of 240 x 180, about 8 kB each; a pool repeats them with bytes of their own."""
    found = []
    for seed in range(100):
        small = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(small).resize((240, 180), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=75)
        found.append(buffer.getvalue())
    return found


def _write(path: Path, n: int, per_group: int) -> None:
    jpegs = _jpegs()
    schema = pa.schema({"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "label": pa.int64()})
    step = min(per_group, n)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n, step):
            rows = range(start, min(n, start + step))
            # JPEG readers pass over what follows the end of the picture: no two cells are alike
            image = [{"bytes": jpegs[row % 100] + b"%08d" % row, "path": f"{row}.jpg"} for row in rows]
            writer.write_table(pa.table({"image": image, "label": list(rows)}, schema), row_group_size=step)


def _thumbnail(data: Cell) -> None:
    photo = photos.open_photo(data, at_least=192)
    photo.thumbnail((384, 192))
    photo.save(io.BytesIO(), "JPEG", quality=80)


def _ours(path: Path, rows: list[int]) -> float:
    start = time.process_time()
    fetch([Cell(path, row) for row in rows])
    for row in rows:
        _thumbnail(Cell(path, row))
    return time.process_time() - start


def _files(rows: list[int]) -> float:
    jpegs = _jpegs()
    start = time.process_time()
    for row in rows:
        _thumbnail(_Read(jpegs[row % 100]))
    return time.process_time() - start


class _Read:
    def __init__(self, data: bytes):
        self._data = data

    def read(self) -> bytes:
        return self._data


def _plain(path: Path, rows: list[int]) -> float:
    """Each picture through `read_row_group`, nothing kept; of the first three, times a third of the wall."""
    start = time.process_time()
    for row in rows[:3]:
        file = pq.ParquetFile(path)
        group = 0
        while row >= file.metadata.row_group(group).num_rows:
            row -= file.metadata.row_group(group).num_rows
            group += 1
        _thumbnail(_Read(file.read_row_group(group, columns=["image.bytes"])["image"][row]["bytes"].as_py()))
    return (time.process_time() - start) * len(rows) / 3


def main() -> None:
    n = size(_PICTURES)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, per_group in _GROUPS.items():
            path = Path(folder) / f"{per_group}.parquet"
            _write(path, n, per_group)
            for asked, of in _ASKED.items():
                wall = of(n).tolist()
                ours, plain, files = apart(_ours, path, wall), apart(_plain, path, wall), apart(_files, wall)
                rows.append(
                    {
                        "row groups": name,
                        "the wall's rows": asked,
                        "GB": path.stat().st_size / 1e9,
                        "seconds for 60": ours["result"],
                        "from memory": files["result"],
                        "read whole each time": plain["result"],
                        "ratio": plain["result"] / ours["result"],
                    }
                )
            path.unlink()
    table(rows)


if __name__ == "__main__":
    main()
