"""datasel: choose the part of a data set worth paying for. `import datasel_core as ds`."""

from datasel_core.api import evidence, feature, find, method, mix, open_pool, select
from datasel_core.base.ragged import Ragged
from datasel_core.methods.selection import Inputs, Selection
from datasel_core.runs.run import Run
from datasel_core.version import VERSION as __version__

__all__ = [
    "Inputs",
    "Ragged",
    "Run",
    "Selection",
    "__version__",
    "evidence",
    "feature",
    "find",
    "method",
    "mix",
    "open_pool",
    "select",
]
