"""What the columns of a Parquet file are, in the words of the library `datasets`, which reads it from the schema.

https://huggingface.co/docs/datasets/about_dataset_features
"""

import json
from collections.abc import Collection
from typing import Any

import pyarrow as pa

_NAMES = {
    "double": "float64",
    "float": "float32",
    "halffloat": "float16",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}


def with_features(schema: pa.Schema, pictures: Collection[str] = ()) -> pa.Schema:
    """The schema with a note of its features. pictures: columns of bytes and path that are to be opened as images."""
    features = {field.name: {"_type": "Image"} if field.name in pictures else _feature(field.type) for field in schema}
    note = json.dumps({"info": {"features": features}}).encode()
    return schema.with_metadata({**(schema.metadata or {}), b"huggingface": note})


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        fields = (kind.field(at) for at in range(kind.num_fields))
        return {field.name: _feature(field.type) for field in fields}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_large_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "LargeList"}
    return {"dtype": _NAMES.get(str(kind), str(kind)), "_type": "Value"}
