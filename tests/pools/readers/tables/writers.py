"""The same rows in every format that tables have, written by the tools that people use."""

import csv
import gzip
import io
import json
import shutil
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq


def jsonl(rows, path):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def json_list(rows, path):
    path.write_text(json.dumps(rows, indent=1))


def json_data(rows, path):
    path.write_text(json.dumps({"version": 1, "data": rows}, indent=1))


def json_columns(rows, path):
    path.write_text(json.dumps({name: [row[name] for row in rows] for name in rows[0]}))


def json_pandas(rows, path):
    import pandas

    pandas.DataFrame(rows).to_json(path)


def delimited(rows, path, delimiter=",", encoding="utf-8", first=""):
    with open(path, "w", newline="", encoding=encoding) as file:
        file.write(first)
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def parquet(rows, path):
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)


def arrow_file(rows, path):
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=2)


def arrow_stream(rows, path):
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=2)


WRITERS = {
    "t.jsonl": jsonl,
    "t.ndjson": jsonl,
    "lines/t.json": jsonl,
    "list/t.json": json_list,
    "data/t.json": json_data,
    "columns/t.json": json_columns,
    "pandas/t.json": json_pandas,
    "t.csv": delimited,
    "t.tsv": lambda rows, path: delimited(rows, path, "\t"),
    "semicolons/t.csv": lambda rows, path: delimited(rows, path, ";"),
    "t.parquet": parquet,
    "file/t.arrow": arrow_file,
    "stream/t.arrow": arrow_stream,
}
"""Name of a file -> what writes rows into it."""


def packed(path, packing):
    """The file packed, beside it; itself where it is to stay plain."""
    if not packing:
        return path
    data = path.read_bytes()
    path.unlink()
    other = path.with_name(path.name + packing)
    other.write_bytes(gzip.compress(data) if packing == ".gz" else zst(data))
    return other


def zst(data):
    """By the tool itself where it is installed."""
    if shutil.which("zstd"):
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    sink = io.BytesIO()
    with pa.output_stream(sink, compression="zstd") as stream:
        stream.write(data)
        stream.flush()
        return sink.getvalue()
