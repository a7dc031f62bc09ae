"""What a layout may look into: descriptions, lists and labels lie where pictures may lie, or are not opened."""

import os
from pathlib import Path

from datasel_core.workspace.layout import Workspace

OUTSIDE = "lies outside the allowed folders; set DATASEL_DATA_ROOTS to allow it"


class Fence:
    """Around the folder of a source, which somebody allowed, and all folders that are allowed."""

    def __init__(self, source: Path):
        own = source if source.is_dir() else source.parent
        self._roots = [Path(os.path.realpath(own)), *Workspace.at().roots()]
        self._folders: dict[str, bool] = {}  # there are many files in few folders

    def allows(self, path: Path) -> bool:
        """Whether a file or folder lies within, links followed. Nothing is opened."""
        if "\0" in str(path):
            return False
        above, name = os.path.split(path)
        if above not in self._folders:
            self._folders[above] = self._is_inside(above)
        is_plain = self._folders[above] and name not in ("", "..") and not os.path.islink(path)
        return is_plain or self._is_inside(path)

    def _is_inside(self, path: str | Path) -> bool:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(root) for root in self._roots)
