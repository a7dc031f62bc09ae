"""A small picture of a photo that is in no pool yet."""

import base64
import functools
import io
from pathlib import Path

from datasel_core.errors import DataselError
from datasel_core.pools.media.photos import open_photo
from pages._ui.media.photos import grey


def sketch(path: Path | None, px: int = 192, stretched: bool = False) -> str:
    """A data URL of a photo that is in no pool yet; a grey tile where it cannot be opened. stretched: from black to
    white, because class numbers alone are nearly black.
    """
    try:
        state = None if path is None else path.stat()
    except OSError:
        state = None
    if state is None:
        return grey(px)
    return _sketched(path, px, stretched, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sketched(path: Path, px: int, stretched: bool, size: int, written: int) -> str:
    from PIL import ImageOps

    try:
        photo = open_photo(path, at_least=px)
    except DataselError:
        return grey(px)
    photo.thumbnail((2 * px, px))
    buffer = io.BytesIO()
    (ImageOps.autocontrast(photo) if stretched else photo).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
