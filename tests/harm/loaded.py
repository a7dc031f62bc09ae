"""What a command needs, loaded once in a process that does nothing else: from it, processes are forked in no time."""

import importlib

from datasel_core.base import registry

for name in ("datasel_core.__main__", "duckdb", "pyarrow.parquet", "pyarrow.compute", "PIL.Image", "scipy.sparse"):
    importlib.import_module(name)
for name in ("sklearn.feature_extraction.text", "sklearn.preprocessing", "sklearn.utils.extmath", "faiss"):
    importlib.import_module(name)
for kind in registry.PACKAGES:
    registry.every(kind)
